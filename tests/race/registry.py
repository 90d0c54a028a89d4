"""A registry that has the image of every commit it knows, at once or only after a while, as another pipeline pushes it.

Speaks as much of the OCI distribution API as reading an image takes: by its tag, and from then on by its digest too.
Each image has a digest of its own and names the commit that it was made of.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from devstack.serving import LoopbackServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TAG_LENGTH = 12
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_CONFIG = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
_PATH = re.compile(r"/v2/(?P<image>[a-z0-9/-]+)/(?P<kind>manifests|blobs)/(?P<name>[A-Za-z0-9._:-]+)")


class Registry:
    """Serves on loopback from its construction until `stop`."""

    def __init__(self) -> None:
        self._commits: dict[str, str] = {}
        self._there_at: dict[str, float] = {}
        self._tags: dict[tuple[str, str], str] = {}
        self._server = LoopbackServer(self._answer)

    @property
    def host(self) -> str:
        """The host in image references."""
        return f"127.0.0.1:{self._server.port}"

    def add(self, commit: str, *, after: float = 0.0) -> None:
        """Serve the images of a commit after so many seconds."""
        tag = commit[:TAG_LENGTH]
        self._there_at[tag] = time.monotonic() + after
        self._commits[tag] = commit

    def reference(self, image: str, commit: str) -> str:
        """Give the whole reference of an image of a commit."""
        return f"{self.host}/{image}:{commit[:TAG_LENGTH]}@{_digest(_manifest(image, commit))}"

    def stop(self) -> None:
        """Stop serving."""
        self._server.stop()

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        body, kind = self._content(found) if found else (b"", "")
        if not kind:
            body, kind = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "not here"}]}', "application/json"
            start_response("404 Not Found", [("Content-Type", kind), ("Content-Length", str(len(body)))])
            return [body]
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Docker-Content-Digest", _digest(body))]
        start_response("200 OK", headers)
        return [body]

    def _content(self, asked: re.Match[str]) -> tuple[bytes, str]:
        if asked["kind"] == "blobs":
            return (_CONFIG, _CONFIG_TYPE) if asked["name"] == _digest(_CONFIG) else (b"", "")
        tag = asked["name"]
        if ":" in tag:
            tag = self._tags.get((asked["image"], tag), "")
        if self._there_at.get(tag, float("inf")) > time.monotonic():
            return b"", ""
        content = _manifest(asked["image"], self._commits[tag])
        self._tags[asked["image"], _digest(content)] = tag
        return content, _MANIFEST


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _manifest(image: str, commit: str) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG_TYPE, "digest": _digest(_CONFIG), "size": len(_CONFIG)},
            "layers": [{"mediaType": _LAYER_TYPE, "digest": _digest(image.encode()), "size": 4}],
            "annotations": {"org.opencontainers.image.revision": commit},
        }
    ).encode()
