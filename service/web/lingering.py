"""Connections that were answered and are read on for a moment: closed at once, a client would lose its answer.

https://www.rfc-editor.org/rfc/rfc9112#section-9.6. Used by the worker's loop, which never waits for any of them
(gunicorn's own closing waits up to two seconds, in that loop).
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

_SECONDS = 2.0
_BYTES = 32 * 1024 * 1024
_RECEIVE = 256 * 1024

Key = TypeVar("Key")


@dataclass(slots=True)
class _One:
    sock: socket.socket
    until: float
    drained: int = 0


class Lingering(Generic[Key]):
    """Connections whose clients may still read the answer, in the order in which they began; `drop` closes one."""

    def __init__(self, drop: Callable[[Key], None]) -> None:
        """Take the function that closes a connection."""
        self._drop = drop
        self._all: dict[Key, _One] = {}

    def begin(self, poller: selectors.BaseSelector, key: Key, sock: socket.socket, now: float) -> None:
        """Close our side and read on."""
        try:
            sock.setblocking(False)
            sock.shutdown(socket.SHUT_WR)
            poller.register(sock, selectors.EVENT_READ, partial(self._drain, key))
        except (OSError, KeyError, ValueError):
            self._drop(key)
            return
        self._all[key] = _One(sock, now + _SECONDS)

    def forget(self, poller: selectors.BaseSelector, key: Key) -> None:
        """Forget a connection that is closed."""
        one = self._all.pop(key, None)
        if one is not None:
            with suppress(OSError, KeyError, ValueError):
                poller.unregister(one.sock)

    def overdue(self, now: float) -> list[Key]:
        """Give those whose time is over."""
        return [key for key, one in self._all.items() if one.until <= now]

    def first(self, fits: Callable[[Key], bool]) -> Key | None:
        """Give the oldest one that fits."""
        return next((key for key in self._all if fits(key)), None)

    def _drain(self, key: Key, sock: socket.socket) -> None:
        one = self._all.get(key)
        if one is None:
            return
        try:
            data = sock.recv(_RECEIVE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        one.drained += len(data)
        if not data or one.drained > _BYTES:
            self._drop(key)
