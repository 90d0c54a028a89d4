"""The shared part of every look at an outside system: the wait shows what it saw, and one failure stops no others.

Called by the looks beside each stage (see watches.py). Never acts and never raises for one run's thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from service.errors import MergeportError, RetryableError
from service.pipeline.context import Context
from service.store import waits
from service.store.waits import Wait

_MOST_FAILURES = 3

Answers = Mapping[Wait, str]
"""The answers that one look found, by wait."""


def saw(context: Context, wait: Wait, text: str) -> None:
    """Show on the wait what was seen last, if that is new."""
    if wait.last_seen != text:
        with context.store.begin() as tx:
            waits.saw(tx, wait.id, text)


class Isolated:
    """Keeps an error with one wait from disturbing the others at the same system.

    A permanent error answers the wait: the run's own step then meets the error and fails with its words. An error that
    may pass is shown on the wait. After some of these in one look, the system itself counts as away and the look ends.
    """

    def __init__(self, context: Context) -> None:
        """Take the context of the waits."""
        self._context = context
        self._failed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        return isinstance(error, _LookEnds)

    @contextmanager
    def one(self, wait: Wait, answers: dict[Wait, str]) -> Iterator[None]:
        """Look at one wait within the block."""
        try:
            yield
        except RetryableError as error:
            self._failed += 1
            saw(self._context, wait, str(error))
            if self._failed >= _MOST_FAILURES:
                raise _LookEnds from error
        except MergeportError as error:
            saw(self._context, wait, str(error))
            answers[wait] = "failed"


class _LookEnds(Exception):  # noqa: N818 - not an error: the rest is looked at next time
    """So much failed in this look that the system itself counts as away."""
