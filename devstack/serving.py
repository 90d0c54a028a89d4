"""A WSGI application on a free loopback port, served by waitress in threads of its own.

Used by every double of the devstack. It can also cut a connection in the middle of an answer, which a
WSGI application alone cannot do. It never listens on anything but 127.0.0.1.
"""

from __future__ import annotations

import logging
import socket
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import WSGITask

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

TLS_HANDSHAKE = b"\x16\x03"
CUT_KEY = "devstack.cut"
"""The key of the WSGI environment under which a function is that cuts the connection at once."""


class _Task(WSGITask):  # type: ignore[misc] # waitress has no types
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ.setdefault(CUT_KEY, self._cut)
        return environ

    def _cut(self) -> None:
        self.channel.socket.shutdown(socket.SHUT_RDWR)


class _Channel(HTTPChannel):  # type: ignore[misc] # waitress has no types
    task_class = _Task

    def received(self, data: bytes) -> bool:
        """Hang up on a client that tries TLS first, as Docker and buildah do; it would wait 10 s for its handshake."""
        if self.request is None and data.startswith(TLS_HANDSHAKE):
            self.handle_close()
            return False
        return bool(super().received(data))


def cut_connection(environ: WSGIEnvironment) -> None:
    """Close the client's connection now, whatever was sent of the answer."""
    environ[CUT_KEY]()


class LoopbackServer:
    """One WSGI application, which listens from its construction until `stop`.

    The port is free and chosen by the kernel unless one is given.
    """

    def __init__(self, application: WSGIApplication, *, port: int = 0, threads: int = 16) -> None:
        logging.getLogger("waitress").setLevel(logging.CRITICAL)
        # The queue warning is noise here: tests load the doubles on purpose.
        logging.getLogger("waitress.queue").setLevel(logging.CRITICAL)
        self._server = create_server(
            application,
            host="127.0.0.1",
            port=port,
            threads=threads,
            connection_limit=1000,
            ident="devstack",
            max_request_body_size=1 << 31,
            clear_untrusted_proxy_headers=False,
        )
        self._server.channel_class = _Channel
        self.port: int = self._server.socket.getsockname()[1]
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name=f"devstack-{self.port}", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The base address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def _loop(self) -> None:
        while not self._stopping:
            wasyncore.loop(timeout=1, map=self._server._map, use_poll=True, count=1)  # noqa: SLF001 # waitress's own run() has no end that another thread can ask for

    def stop(self) -> None:
        """Stop listening, close every connection and join the threads; calling this again is harmless."""
        if self._stopping:
            return
        self._stopping = True
        self._server.pull_trigger()
        self._thread.join(timeout=10)
        self._server.task_dispatcher.shutdown(timeout=10)
        for one in list(self._server._map.values()):  # noqa: SLF001 # as below
            for kept in getattr(one, "outbufs", ()):
                kept.close()  # the file of an answer above 1 MB, which waitress keeps for the next one
        wasyncore.close_all(self._server._map, ignore_all=True)  # noqa: SLF001 # the loop has ended: nobody else closes them

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
