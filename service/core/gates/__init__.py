"""Gates: conditions that a promotion waits for. One file here is one kind; nothing else names it.

A kind exports `Options`, what stands under `gates.KIND` in the configuration (a pydantic model, or a RootModel where
that is a list), and `judge`, which is pure: options and facts in, a verdict out. No kind is here yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import TypeAlias, cast

from pydantic import BaseModel

from service.core.images import ImageReference
from service.core.words import Repository, Sha


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a promotion at one moment: its time, its place, and what it brings."""

    now: datetime
    application: str
    environment: str
    source: Repository
    commit: Sha
    images: tuple[ImageReference, ...]


@dataclass(frozen=True, slots=True)
class Allow:
    """The promotion may go on, as far as this gate is asked."""

    words: str = ""


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


def judge(kind: str, options: BaseModel, facts: Facts) -> Verdict:
    """Ask the gate of a kind; `options` are of its own model."""
    return cast(Verdict, import_module(f"{__name__}.{kind.replace('-', '_')}").judge(options, facts))
