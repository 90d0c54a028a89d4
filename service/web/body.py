"""Reads a request's body up to a limit: by the announced length before reading, or by counting if there is none.

Called by the webhook view. The body is here already: the worker's loop hands over only complete requests, and few
large ones at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from flask import Request
from gunicorn.http.errors import ParseException

from service.errors import DeliveryError

MOST_BYTES = 25 * 1024 * 1024
"""GitHub's own cap: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap"""
_PIECE = 64 * 1024


def read_body(request: Request, *, most: int = MOST_BYTES) -> bytes:
    """Give the raw body. Raises DeliveryError 413 if it is too large and 400 if it breaks off."""
    told = request.content_length
    if told is not None and told > most:
        raise _too_large(most)
    pieces, size = [], 0
    for piece in _pieces(request.stream):
        size += len(piece)
        if size > most:
            raise _too_large(most)
        pieces.append(piece)
    if told is not None and size < told:
        raise _broken_off()
    return b"".join(pieces)


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while True:
        try:
            piece = stream.read(_PIECE)
        except (OSError, ParseException):
            raise _broken_off() from None
        if not piece:
            return
        yield piece


def _too_large(most: int) -> DeliveryError:
    return DeliveryError(
        f"The body is larger than {most} bytes",
        status=413,
        code="body-too-large",
        hint="GitHub sends no larger bodies; a proxy may have changed it",
    )


def _broken_off() -> DeliveryError:
    return DeliveryError("The body ends too early", status=400, code="body-broken-off", hint="redeliver it on GitHub")
