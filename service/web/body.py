"""Reads a request's body under a cap: refused before reading where the length is told, counted where it is not.

Called by the webhook view. Large bodies go to disk while they come in, and only so many at once.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

from flask import Request
from gunicorn.http.errors import ParseException

from service.errors import DeliveryError, RetryableError

MOST_BYTES = 25 * 1024 * 1024
"""GitHub's own cap: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap"""
LARGE_BYTES = 1024 * 1024
_PIECE = 64 * 1024


class LargeBodies:
    """How many large bodies may be under way at once, so that memory and disk stay bounded."""

    def __init__(self, most: int = 4) -> None:
        """Allow this many."""
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one for the length of the block. Raises RetryableError at once when there are too many."""
        if not self._free.acquire(blocking=False):
            raise RetryableError(
                "Too many large deliveries at once",
                code="too-many-large-bodies",
                hint="redeliver it in a few seconds",
                retry_after=5,
            )
        try:
            yield
        finally:
            self._free.release()


@contextmanager
def read_body(request: Request, large: LargeBodies, *, most: int = MOST_BYTES) -> Iterator[bytes]:
    """Give the raw body; a large one counts as under way until the block ends.

    Raises DeliveryError 413 where it is too large and 400 where it breaks off.
    """
    told = request.content_length
    if told is not None and told > most:
        raise _too_large(most)
    with ExitStack() as until_done:
        spool = until_done.enter_context(tempfile.SpooledTemporaryFile(max_size=LARGE_BYTES))
        if told is not None and told > LARGE_BYTES:
            until_done.enter_context(large.one())
        size = 0
        for piece in _pieces(request.stream):
            if size <= LARGE_BYTES < size + len(piece) and (told is None or told <= LARGE_BYTES):
                until_done.enter_context(large.one())
            size += len(piece)
            if size > most:
                raise _too_large(most)
            spool.write(piece)
        if told is not None and size < told:
            raise _broken_off()
        spool.seek(0)
        yield spool.read()


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
        hint="GitHub sends no larger ones; a proxy may have changed it",
    )


def _broken_off() -> DeliveryError:
    return DeliveryError("The body breaks off", status=400, code="body-broken-off", hint="redeliver it on GitHub")
