"""Faults on request: a WSGI layer that records requests and, when asked, answers wrongly, hangs or cuts the connection.

Stands in front of each double. Tests and the demo switch it at run time. With no fault planted it changes nothing.
"""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devstack.serving import cut_connection

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_KEY = "devstack.request"
"""The key of the WSGI environment under which the recorded request is."""
RECORD_LIMIT = 1 << 20
"""Bytes: a larger body, such as an image's layer, is passed on but not recorded."""
HANG_LIMIT = 120.0
"""Seconds after which a forgotten hang ends by itself."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived. `body` is empty where bodies are not recorded, or too large."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A ready answer: the status line, headers and body."""

    status: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Gate:
    """Holds requests until `release`; `wait_arrived` tells that one has come."""

    def __init__(self) -> None:
        self._arrived = threading.Event()
        self._open = threading.Event()

    def wait_arrived(self, timeout: float = 10.0) -> None:
        """Return as soon as a request hangs here; raise TimeoutError when none comes."""
        if not self._arrived.wait(timeout):
            raise TimeoutError("no request reached the gate")

    def release(self) -> None:
        """Release every request that hangs here, and those to come."""
        self._open.set()

    def pass_through(self) -> None:
        """Wait here, as the request, until released."""
        self._arrived.set()
        self._open.wait(HANG_LIMIT)


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests of one kind."""

    method: str
    path: re.Pattern[str]
    times: int
    answer: Answer | None = None
    gate: Gate | None = None
    after: bool = False
    cut: bool = False
    hits: int = 0

    def claims(self, method: str, path: str) -> bool:
        """Tell whether the fault is for this request and not used up."""
        return self.hits < self.times and self.method in {"*", method} and self.path.search(path) is not None


@dataclass(slots=True)
class _Held:
    status: str = "500 Internal Server Error"
    headers: list[tuple[str, str]] = field(default_factory=list)


class FaultLayer:
    """WSGI middleware: `log` has the requests in order of arrival, the methods plant faults."""

    def __init__(
        self,
        application: WSGIApplication,
        *,
        record_bodies: bool = True,
        on_request: Callable[[Request], None] | None = None,
    ) -> None:
        self.application = application
        self.log: list[Request] = []
        self._record_bodies = record_bodies
        self._on_request = on_request
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def answer(self, status: str, *, method: str = "*", path: str = "", times: int = 1, body: bytes = b"{}") -> Fault:
        """Answer the next requests with this status line instead of passing them on."""
        headers = (("Content-Type", "application/json"),)
        return self.plant(Fault(method, re.compile(path), times, answer=Answer(status, headers, body)))

    def lag(self, *, method: str = "*", path: str = "", times: int = 1) -> Fault:
        """Answer the next requests with 404, like a replica that does not know of a write yet."""
        return self.answer("404 Not Found", method=method, path=path, times=times, body=b'{"message": "Not Found"}')

    def page(self, *, method: str = "*", path: str = "", times: int = 1, status: str = "200 OK") -> Fault:
        """Answer the next requests with an HTML page, as a proxy, a login or a maintenance window does."""
        headers = (("Content-Type", "text/html; charset=utf-8"),)
        body = b"<!DOCTYPE html>\n<html><body>We are down for maintenance.</body></html>\n"
        return self.plant(Fault(method, re.compile(path), times, answer=Answer(status, headers, body)))

    def send_away(self, to: str, *, method: str = "*", path: str = "", times: int = 1) -> Fault:
        """Answer the next requests with a redirect to an address of another server."""
        answer = Answer("301 Moved Permanently", (("Location", to),))
        return self.plant(Fault(method, re.compile(path), times, answer=answer))

    def hang(self, *, method: str = "*", path: str = "", times: int = 1, after: bool = False) -> Gate:
        """Hold the next requests, before their effect or `after` it, until the gate is released."""
        gate = Gate()
        self.plant(Fault(method, re.compile(path), times, gate=gate, after=after))
        return gate

    def cut(self, *, method: str = "*", path: str = "", times: int = 1) -> Fault:
        """Carry out the next requests and then drop the connection without an answer."""
        return self.plant(Fault(method, re.compile(path), times, cut=True, after=True))

    def plant(self, fault: Fault) -> Fault:
        """Add a fault; the one planted first is used first."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget all faults and release what hangs."""
        with self._lock:
            faults, self._faults = self._faults, []
        for fault in faults:
            if fault.gate is not None:
                fault.gate.release()

    def requests(self, method: str = "*", path: str = "") -> list[Request]:
        """Return the recorded requests of a method whose path matches the regular expression."""
        pattern = re.compile(path)
        return [seen for seen in list(self.log) if method in {"*", seen.method} and pattern.search(seen.path)]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Record, then pass on, unless a fault claims the request."""
        request = self._record(environ)
        fault = self._claim(request)
        if fault is None:
            return self.application(environ, start_response)
        if fault.answer is not None:
            start_response(
                fault.answer.status, [*fault.answer.headers, ("Content-Length", str(len(fault.answer.body)))]
            )
            return [fault.answer.body]
        if fault.gate is not None and not fault.after:
            fault.gate.pass_through()
            return self.application(environ, start_response)
        return self._after_effect(fault, environ, start_response)

    def _after_effect(self, fault: Fault, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        held = _Held()

        def hold(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
            held.status, held.headers = status, headers
            return lambda _data: None

        result = self.application(environ, hold)
        body = b"".join(result)
        close = getattr(result, "close", None)
        if close is not None:
            close()
        if fault.gate is not None:
            fault.gate.pass_through()
        if fault.cut:
            cut_connection(environ)
        start_response(held.status, held.headers)
        return [body]

    def _claim(self, request: Request) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.claims(request.method, request.path):
                    fault.hits += 1
                    return fault
        return None

    def _record(self, environ: WSGIEnvironment) -> Request:
        body = b""
        if self._record_bodies:
            body = environ["wsgi.input"].read()
            environ["wsgi.input"] = io.BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        headers = {
            key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
        }
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        request = Request(
            method=environ["REQUEST_METHOD"],
            path=environ.get("PATH_INFO", ""),
            query=environ.get("QUERY_STRING", ""),
            headers=headers,
            body=body if len(body) <= RECORD_LIMIT else b"",
            at=time.time(),
        )
        environ[REQUEST_KEY] = request
        self.log.append(request)
        if self._on_request is not None:
            self._on_request(request)
        return request
