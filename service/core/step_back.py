"""A step back: the deliberate way to a former release, what was gone back from, who asked for it and why.

Kept with the run that goes back, and told in its commit, its pull request and its hold. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from service.core import trailers
from service.core.foreign_text import NAME_LENGTH, markdown, plain

REASON_LENGTH = 200
PASSES = ("freeze", "soak", "checks", "hold")
"""The gates that a step back passes: they judged this very release when it came, or the hour of the day, or keep away
what is newer."""


@dataclass(frozen=True, slots=True)
class StepBack:
    """What a run that goes back knows of it.

    `refused` is what was gone back from: a source commit, or a digest where no commit is known. With `images_only`
    nothing is written but values that name an image. `automatic` tells that no person asked for it.
    """

    refused: str
    by: str
    why: str = ""
    images_only: bool = False
    automatic: bool = False

    def stored(self) -> dict[str, Any]:
        """Write it for the store."""
        return asdict(self)

    @staticmethod
    def read(stored: Mapping[str, Any] | None) -> StepBack | None:
        """Read what the store has; None for a run that does not go back."""
        return None if stored is None else StepBack(**stored)

    @property
    def words(self) -> str:
        """Say it in one line: by whom, why, and from what."""
        why = f": {self.why}" if self.why else ""
        return f"rolled back from {short(self.refused)} by {self.by}{why}"


def trailers_of(back: StepBack | None, asked_by: str = "") -> list[tuple[str, str]]:
    """Give the trailers of the commit that goes back: from what, by whom and why; of any other, who asked for it."""
    if back is None:
        return [(trailers.ACTOR, plain(asked_by))]
    return [
        (trailers.ROLLBACK, back.refused or "unknown"),
        (trailers.ACTOR, plain(back.by)),
        (trailers.REASON, plain(back.why, REASON_LENGTH)),
    ]


def words_of(back: StepBack | None) -> str:
    """Say a step back in one line; empty for what goes forward."""
    return "" if back is None else back.words


def asked_words(back: StepBack | None, asked_by: str) -> str:
    """Say in Markdown who asked for what goes forward; a step back says it with its reason."""
    return f"Asked for by {markdown(asked_by, NAME_LENGTH)}." if asked_by and back is None else ""


def short(refused: str) -> str:
    """Shorten a commit or a digest for people."""
    if not refused:
        return "what was there"
    return refused[:19] if ":" in refused else refused[:12]
