"""One gunicorn that serves both listeners. Called by the command `web`; knows nothing of what is served.

The listeners are told apart by the port of the socket that accepted the connection, which gunicorn writes
to SERVER_PORT from `getsockname()` of that socket (`Worker.accept`, `wsgi.create`); no header reaches it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from service.errors import Fault, SettingsError
from service.web.body import MOST_BYTES
from service.web.reading import Patience
from service.web.rules import Rules, raise_file_limit
from service.web.worker import Worker

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Listeners:
    """The two bound, listening sockets."""

    public: socket.socket
    private: socket.socket

    @property
    def ports(self) -> tuple[int, int]:
        """The real ports, public first."""
        return _port(self.public), _port(self.private)

    def describe(self) -> dict[str, str]:
        """Give both addresses, for the log."""
        return {"public": _address(self.public), "private": _address(self.private)}

    def descriptors(self) -> tuple[int, int]:
        """Give both file descriptors, public first, to hand to another process."""
        return self.public.fileno(), self.private.fileno()


def bind(public: str, private: str) -> Listeners:
    """Listen on two `host:port`; port 0 finds a free one. Raises SettingsError if one cannot be used."""
    listeners = Listeners(_bound(public, "MERGEPORT_PUBLIC_BIND"), _bound(private, "MERGEPORT_PRIVATE_BIND"))
    if len(set(listeners.ports)) == 1:
        raise SettingsError(
            "the listeners cannot be opened",
            [Fault("MERGEPORT_PRIVATE_BIND", "has the port of the public listener", "give each a port of its own")],
            code="listeners-same-port",
        )
    return listeners


def adopt(descriptors: Iterable[int]) -> Listeners:
    """Take over listening sockets from the process that started this one, public first."""
    public, private = (socket.socket(fileno=descriptor) for descriptor in descriptors)
    return Listeners(public, private)


class ByListener:
    """Gives each request to the application of the listener that accepted it; a request of another port gets a 404."""

    def __init__(
        self, applications: Mapping[int, WSGIApplication], refused: Callable[[str], None] = lambda _code: None
    ) -> None:
        """Take the applications by port, and the counter of requests that are refused before they are complete."""
        self._applications = {str(port): application for port, application in applications.items()}
        self.refused = refused

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        application = self._applications.get(str(environ.get("SERVER_PORT")))
        if application is None:
            start_response("404 Not Found", [("Content-Length", "0")])
            return [b""]
        return application(environ, start_response)


def serve(
    listeners: Listeners,
    load: Callable[[], WSGIApplication],
    *,
    threads: int = 16,
    workers: int = 1,
    patience: Patience | None = None,
) -> None:
    """Serve until SIGTERM; requests under way are finished. `load` is called in each worker process."""
    connections = raise_file_limit()
    _Gunicorn(
        load,
        Rules(
            private_port=listeners.ports[1],
            public_body=MOST_BYTES,
            patience=patience or Patience(),
            connections=connections,
        ),
        bind=[f"fd://{_moved(sock)}" for sock in (listeners.public, listeners.private)],
        worker_class=Worker,
        workers=workers,
        threads=threads,
        worker_connections=2 * connections,  # the worker bounds each listener by itself, below this
        timeout=60,
        graceful_timeout=10,
        keepalive=15,  # the worker's own time limits decide; 0 would end it
        limit_request_line=4094,
        limit_request_fields=64,
        limit_request_field_size=8190,
        forwarder_headers="",
        logger_class=GunicornLog,
        control_socket_disable=True,
        proc_name="mergeport-web",
    ).run()


class GunicornLog(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's messages through our logging. Requests are not logged, so no query and no body is ever logged."""

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 - gunicorn's own
        """Pass everything that matters to the root logger."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.error_log.propagate = True
        self.error_log.handlers = []
        self.error_log.setLevel("WARNING")

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:  # noqa: ANN401 - gunicorn's own
        """Log nothing."""


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, load: Callable[[], WSGIApplication], rules: Rules, **options: Any) -> None:  # noqa: ANN401 - gunicorn's own
        self._load = load
        self.rules = rules
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        return self._load()


def _bound(bind: str, setting: str) -> socket.socket:
    host, _, port = bind.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except (OSError, ValueError) as error:
        fault = Fault(
            setting,
            f"cannot listen on {bind}: {error}",
            "check whether another process uses it, or choose another port",
        )
        raise SettingsError("the listeners cannot be opened", [fault], code="listener-unavailable") from error
    return sock


def _moved(sock: socket.socket) -> int:
    """Give the descriptor of a socket that gunicorn owns from now on."""
    return sock.detach()


def _port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def _address(sock: socket.socket) -> str:
    host = str(sock.getsockname()[0])
    return f"http://{f'[{host}]' if ':' in host else host}:{_port(sock)}"
