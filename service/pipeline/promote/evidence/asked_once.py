"""Answers of others that are asked for once, however many runs are judged with them. Made by who judges many at once.

An error is an answer, too: what could not be read is not tried again for each run.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from service.errors import MergeportError

T = TypeVar("T")


class Answers:
    """What was told so far, by what was asked."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self._told: dict[Hashable, object] = {}

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """Give the answer; raises the error that the question met when it was asked."""
        if key not in self._told:
            try:
                self._told[key] = ask()
            except MergeportError as error:
                self._told[key] = error
        told = self._told[key]
        if isinstance(told, MergeportError):
            raise told
        return cast(T, told)
