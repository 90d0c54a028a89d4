"""Copies an image from one registry to another by the distribution API: every manifest and blob under its digest.

Called by the registries. An index is copied with all that it names, attestations too. Blobs go through in pieces, so
memory is bounded, and what is there already is not sent again: an interrupted copy goes on. The tag comes last, so
it never names half an image. What was copied is for the caller to read back.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

from service.adapters.distribution import Distribution, Manifest, fixed, push_scope
from service.adapters.distribution_documents import Descriptor, Document
from service.adapters.distribution_errors import bad_answer, damaged, missing_image
from service.adapters.distribution_http import Timeouts
from service.core.images import ImageReference
from service.core.words import Digest
from service.errors import MergeportError
from service.ports import Copied, PullSource

_PIECE = 256 * 1024
_DEEPEST = 4
"""Indexes within indexes are allowed, but nobody makes them so deep."""
_NOT_TO_BE_COPIED = (".foreign.", ".nondistributable.")
"""In the media type of layers that may not be pushed: nodes fetch them elsewhere."""


class CopySource(Distribution):
    """A registry that is copied from."""

    @property
    def host(self) -> str:
        """The host as it is reached."""
        return self._http.host

    def blob(self, repository: str, blob: Descriptor) -> Iterator[bytes]:
        """Give a blob in pieces, and fail at its end unless size and digest are right."""
        path = f"/v2/{quote(repository)}/blobs/{blob.digest}"
        seen, size = hashlib.sha256(), 0
        for piece in self._http.pieces(path, scope=f"repository:{repository}:pull", length=_PIECE):
            seen.update(piece)
            size += len(piece)
            if size > blob.size:
                break
            yield piece
        if (size, f"sha256:{seen.hexdigest()}") != (blob.size, blob.digest):
            raise damaged(self._http.host, blob.digest)

    def described(self, manifest: Manifest) -> Document:
        """Give what a manifest or index names."""
        return self._parse(Document, manifest.content, "a manifest")


class CopyTarget(Distribution):
    """A registry that is copied to."""

    @property
    def host(self) -> str:
        """The host as it is reached."""
        return self._http.host

    def has_blob(self, repository: str, digest: str) -> bool:
        """Tell whether the repository has a blob."""
        scope = push_scope(repository)
        return self._no_page(self._http.request("HEAD", f"/v2/{quote(repository)}/blobs/{digest}", scope=scope)).found

    def mount(self, repository: str, digest: str, other: str) -> bool:
        """Take a blob from another repository of this registry; False where the registry does not do that."""
        scope = f"{push_scope(repository)} repository:{other}:pull"
        path = f"/v2/{quote(repository)}/blobs/uploads/?mount={quote(digest)}&from={quote(other, safe='')}"
        answer = self._http.request("POST", path, scope=scope)
        self._present(answer, repository)
        if answer.status == 201:  # noqa: PLR2004 - Created, as the specification says
            return True
        if place := answer.headers.get("Location"):
            self._drop(place, repository)
        return False

    def put_blob(self, repository: str, blob: Descriptor, pieces: Iterator[bytes]) -> None:
        """Upload a blob in one stream, and have the registry check its digest; what fails leaves nothing."""
        place = self._begin(repository)
        scope = push_scope(repository)
        try:
            place = self._http.send_pieces(place, pieces, blob.size, scope=scope).headers.get("Location") or place
            end = f"{place}{'&' if '?' in place else '?'}digest={quote(blob.digest)}"
            if not self._http.request("PUT", end, scope=scope).found:
                raise bad_answer(self._http.host, "no upload where it had begun one")
        except MergeportError:
            self._drop(place, repository)
            raise

    def put_manifest(self, repository: str, name: str, manifest: Manifest) -> None:
        """Put the very bytes of a manifest or index under its digest or a tag."""
        answer = self._http.request(
            "PUT",
            f"/v2/{quote(repository)}/manifests/{quote(name, safe=':')}",
            scope=push_scope(repository),
            headers={"Content-Type": manifest.media_type},
            body=manifest.content,
        )
        self._present(answer, repository)


def source_of(told: PullSource, timeouts: Timeouts | None) -> CopySource:
    """Make a client for a registry that is copied from."""
    return CopySource(
        told.host, credentials=fixed(told.credentials), insecure=told.insecure, timeouts=timeouts, ca_file=told.ca_file
    )


class _OutOfTimeError(Exception):
    """The time of this call is over; the next one goes on."""


class Copy:
    """One copy of an image. `reference` is what it becomes, with its digest; `other` its repository at the source."""

    def __init__(
        self,
        source: CopySource,
        target: CopyTarget,
        reference: ImageReference,
        other: str,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take both registries and the names; nothing is asked of them yet."""
        self._source = source
        self._target = target
        self._reference = reference
        self._other = other
        self._now = now
        self._moved = 0
        self._ends = 0.0

    def go_on(self, seconds: float) -> Copied:
        """Copy what is missing, until the time is over; a blob that was begun is brought to its end."""
        digest = self._reference.digest
        assert digest is not None  # noqa: S101 - the caller has read the image
        self._moved, self._ends = 0, self._now() + seconds
        try:
            top = self._bring(digest, 0)
        except _OutOfTimeError:
            return Copied(whole=False, size=self._moved)
        if self._target.digest_of(self._reference.repository, self._reference.tag) != digest:
            self._target.put_manifest(self._reference.repository, self._reference.tag, top)
        return Copied(whole=True, size=self._moved)

    def _bring(self, digest: Digest, depth: int) -> Manifest:
        """Copy a manifest after everything that it names."""
        manifest = self._source.manifest(self._other, digest)
        if manifest is None:
            raise missing_image(self._source.host, self._other, digest)
        there = self._target.has(self._reference.repository, digest)
        if depth > _DEEPEST:
            raise bad_answer(self._source.host, f"an index of more than {_DEEPEST} levels")
        document = self._source.described(manifest)
        if there and not document.manifests:
            return manifest
        for child in document.manifests or ():
            self._bring(Digest(child.digest), depth + 1)  # also of an index that is there: it may have lost an image
        if there:
            return manifest
        blobs = [document.config, *(document.layers or ())] if document.config else []
        for blob in {blob.digest: blob for blob in blobs}.values():
            if not any(word in blob.media_type for word in _NOT_TO_BE_COPIED):
                self._bring_blob(blob)
        self._target.put_manifest(self._reference.repository, digest, manifest)
        return manifest

    def _bring_blob(self, blob: Descriptor) -> None:
        repository = self._reference.repository
        if self._target.has_blob(repository, blob.digest):
            return
        if self._moved and self._now() >= self._ends:
            raise _OutOfTimeError
        if self._source.host == self._target.host and self._target.mount(repository, blob.digest, self._other):
            return
        self._target.put_blob(repository, blob, self._source.blob(self._other, blob))
        self._moved += blob.size
