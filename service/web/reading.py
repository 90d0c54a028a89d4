"""One request while it comes in: its bytes are kept, and it is known when it is whole, too slow or refused.

Used by the worker's loop, which feeds it what a socket has, and hands it to a thread once it is whole. It does no
I/O on sockets and never blocks. gunicorn's own push parser says where a request ends; what the application sees is
read again by gunicorn's own parser from the very bytes that are kept here.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import Any

from gunicorn.asgi.parser import ParseError, PythonProtocol
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import Unreader

_IN_MEMORY = 64 * 1024
"""Bytes that a request may have in memory; a larger one goes to a file."""
_PIECE = 64 * 1024
_READ_AHEAD = 1024 * 1024
"""Bytes above the limit that are kept of a body without an announced length, so that counting it finds the excess."""
_MOST_FRAMING = 64 * 1024
"""Bytes of chunk lengths that a body may have, in addition to as many as the body itself."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take, in seconds, and how slow it may be. GitHub itself gives up after 10 seconds."""

    head_seconds: float = 5.0
    grace_seconds: float = 5.0
    least_rate: float = 64 * 1024
    request_seconds: float = 30.0
    idle_seconds: float = 15.0
    answer_seconds: float = 60.0


class Reading:
    """The bytes of one request on a connection. `most` is how large its body may be."""

    def __init__(self, cfg: Any, patience: Patience, *, most: int, began: float, idle: float) -> None:  # noqa: ANN401 - gunicorn's own
        """Begin with nothing; the client may be silent for `idle` seconds."""
        self._patience = patience
        self._most = most
        self._began = began
        self._silent_until = began + idle
        self._head_at: float | None = None
        self._body = 0
        self._now = began
        self._parser = PythonProtocol(
            on_headers_complete=self._note_head,
            on_body=self._count,
            limit_request_line=cfg.limit_request_line,
            limit_request_fields=cfg.limit_request_fields,
            limit_request_field_size=cfg.limit_request_field_size,
        )
        self.spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by who answers
        self.size = 0
        self.rest = b""
        self.whole = False
        self.spoiled = False
        """Whether the connection ends with this request: where the next would begin is not known."""

    def feed(self, data: bytes, now: float) -> None:
        """Store what came. Raises OSError if it cannot be stored."""
        self._now = now
        if self.empty:
            self._began = now
        self.spool.write(data)
        self.size += len(data)
        try:
            self._parser.feed(data)
        except ParseError:
            self.end()
            return
        if self._parser.is_complete:
            self._cut()
        elif self._is_too_large():
            self.end()

    def end(self) -> None:
        """Take the request as it is, because nothing more comes or nothing more is wanted."""
        self.whole = self.spoiled = True

    @property
    def empty(self) -> bool:
        """Whether nothing of a request has come yet."""
        return self.size == 0

    @property
    def in_file(self) -> bool:
        """Whether the request is so large that it is in a file."""
        return self.size > _IN_MEMORY

    @property
    def headed(self) -> bool:
        """Whether the whole header is here."""
        return self._head_at is not None

    @property
    def target(self) -> bytes:
        """The path and query, as the client wrote them; empty while they are not here."""
        return self._parser.path or b""

    @property
    def wants_word(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body."""
        return (
            self.headed
            and not self.whole
            and any(name == b"expect" and value.lower() == b"100-continue" for name, value in self._parser.headers)
        )

    @property
    def until(self) -> float:
        """The time by which more must have come."""
        if self.empty:
            return self._silent_until
        if self._head_at is None:
            return self._began + self._patience.head_seconds
        at_least = self._head_at + self._patience.grace_seconds + self._body / self._patience.least_rate
        return min(at_least, self._began + self._patience.request_seconds)

    def parser(self, cfg: Any, client: Any) -> RequestParser:  # noqa: ANN401 - gunicorn's own
        """Give gunicorn's parser over the stored bytes; it never reads from the socket."""
        self.spool.seek(0)
        made = _Kept(cfg, [], client)
        made.unreader = _FileUnreader(self.spool)
        made.spoiled = self.spoiled
        return made

    def close(self) -> None:
        """Free the stored bytes."""
        self.spool.close()

    def _note_head(self) -> bool:
        self._head_at = self._now
        return False

    def _count(self, piece: bytes) -> None:
        self._body += len(piece)

    def _cut(self) -> None:
        """Keep what belongs to this request, and give the rest to the next."""
        self.whole = True
        self.rest = self._parser.remaining()
        if self.rest:
            self.spool.seek(-len(self.rest), 2)
            self.spool.truncate()
            self.size -= len(self.rest)

    def _is_too_large(self) -> bool:
        told: int | None = self._parser.content_length
        if self._head_at is None:
            return False
        if told is not None:
            return told > self._most
        if self._body > self._most + _READ_AHEAD:
            return True
        return self.size > 2 * self._body + _MOST_FRAMING


class _Kept(RequestParser):  # type: ignore[misc]  # gunicorn has no types
    """A parser of stored bytes: `100 Continue` was sent already, and a spoiled connection ends."""

    spoiled = False

    def __next__(self) -> Request:
        """Parse the request."""
        request = super().__next__()
        request._expected_100_continue = False  # noqa: SLF001 - gunicorn would tell it again, from the thread
        if self.spoiled:
            request.force_close()
        return request

    next = __next__


class _FileUnreader(Unreader):  # type: ignore[misc]  # gunicorn has no types
    """Gives gunicorn's parser the bytes of a file, up to its end."""

    def __init__(self, file: tempfile.SpooledTemporaryFile[bytes]) -> None:
        super().__init__()
        self._file = file

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Give the next piece."""
        return self._file.read(min(size_hint or _PIECE, _PIECE))
