"""What a gate answers: the promotion may go on, not yet, or never. Values only; every gate gives one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Allow:
    """The promotion may go on, as far as this gate is asked.

    `until` is the next time at which the answer may change, such as the beginning of a freeze; None if the clock alone
    changes nothing.
    """

    words: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet. `until` is the next time worth looking; None where only a new fact can change the answer."""

    words: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Never: the run fails with these words."""

    words: str


Verdict: TypeAlias = Allow | Wait | Refuse


class Evidence(StrEnum):
    """What must be read before a gate can judge, by the name of its fact."""

    UPSTREAM = "upstream"
    CHECKS = "checks"
    REVIEWS = "reviews"
    IMAGES = "images"
    """The platforms and scans of the images."""
    LABELS = "labels"
    FILES = "files"
    """The files that the options name: `Options.files()`."""
    ANSWER = "answer"
    MODEL = "model"
    """What is known of a model's version, and of the live one."""
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Traits:
    """What is special about a kind of gate; its module says so as `TRAITS`.

    `keeps_closed`: while it is not open, no pull request is opened or rolled forward. `of_release`: it judges the
    release and not the moment, so that an older release may be ready where a newer one is not. `of_run`: only for a run
    that is there can it open, so that a promotion by hand starts one, which waits. `final`: nobody can override it.
    `reads` is the evidence that it needs; without it the gate waits.
    """

    reads: frozenset[Evidence] = frozenset()
    keeps_closed: bool = False
    of_release: bool = False
    of_run: bool = False
    final: bool = False


PLAIN = Traits()
"""The traits of a kind that says nothing."""
