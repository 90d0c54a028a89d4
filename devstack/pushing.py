"""Pushes images over the registry's HTTP API, as another pipeline does. The product itself only reads them.

Used by the devstack's builder, the tests and the benchmarks.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
"""

from __future__ import annotations

from urllib.parse import quote

from service.adapters.distribution import OCI_MANIFEST, Distribution, digest_of, push_scope
from service.adapters.distribution_errors import bad_answer
from service.core.words import Digest


class Pusher(Distribution):
    """A registry's API that can push as well."""

    def push_blob(self, repository: str, content: bytes) -> Digest:
        """Upload a blob in one piece, unless the repository has it."""
        digest = digest_of(content)
        if self._http.request("HEAD", f"/v2/{quote(repository)}/blobs/{digest}", scope=push_scope(repository)).found:
            return digest
        place = self._begin(repository)
        answer = self._http.request(
            "PUT",
            f"{place}{'&' if '?' in place else '?'}digest={quote(digest)}",
            scope=push_scope(repository),
            headers={"Content-Type": "application/octet-stream"},
            body=content,
        )
        if not answer.found:
            raise bad_answer(self._http.host, "no upload where it had begun one")
        return digest

    def push_manifest(self, repository: str, tag: str, content: bytes, *, media_type: str = OCI_MANIFEST) -> Digest:
        """Put a manifest or index under a tag; PermanentError `tag-immutable` if the tag may not be moved."""
        answer = self._http.request(
            "PUT",
            f"/v2/{quote(repository)}/manifests/{quote(tag, safe=':')}",
            scope=push_scope(repository),
            headers={"Content-Type": media_type},
            body=content,
        )
        self._present(answer, repository)
        return digest_of(content)
