"""Where the GitHub double keeps logs: another address than the API's, with the permission to read in the link itself.

As the storage behind GitHub does, it refuses a request that brings a token along.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from devstack.serving import LoopbackServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Blobs:
    """Texts at links that cannot be guessed; it begins to listen with the first."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}
        self._server: LoopbackServer | None = None
        self.refused = 0

    def put(self, name: str, text: str) -> str:
        """Keep a text and give its link."""
        if self._server is None:
            self._server = LoopbackServer(self, threads=2)
        place = f"/{name}/{secrets.token_hex(8)}"
        self._kept[place] = text.encode()
        return f"{self._server.url}{place}"

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.stop()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if "HTTP_AUTHORIZATION" in environ:
            self.refused += 1
            start_response("400 Authentication information is not given in the correct format", [])
            return [b"InvalidAuthenticationInfo"]
        found = self._kept.get(environ.get("PATH_INFO", ""))
        if found is None:
            start_response("404 The specified blob does not exist", [])
            return [b"BlobNotFound"]
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(found)))])
        return [found]
