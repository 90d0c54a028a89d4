"""Keeps an accepted merge from being lost by one refusal of the outside: it is tried again until its deadline.

Called by intake around everything that it does for a push or a merged pull request. A refusal that lasts is told on the
delivery meanwhile, and a person may mend its cause. Hints are not kept: a look comes anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import DoubtfulError, PermanentError

_OURS = frozenset({"own-commit-loop", "configuration-missing"})
"""What we find about a delivery ourselves, and asking again does not change."""


@contextmanager
def doubted() -> Iterator[None]:
    """Turn an error that only a person ends into one that may pass."""
    try:
        yield
    except PermanentError as error:
        if error.code in _OURS:
            raise
        doubtful = DoubtfulError(error.message, code=error.code, hint=error.hint)
        doubtful.fields = error.fields
        raise doubtful from error
