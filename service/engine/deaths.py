"""Judges by the deaths of workers whether a run or a build is what kills them. Pure; the sweeper calls it.

A death says something of what was under way only where nothing has come of it since the death before. Where several
were under way none is to blame alone: pods are killed from outside too. It then takes many more such deaths.
"""

from __future__ import annotations

from typing import NamedTuple

MOST_RESUMES = 3
MOST_SHARED = 20


class Deaths(NamedTuple):
    """Deaths of workers in a row without progress: `resumes` with only this under way, `shared` with other work."""

    resumes: int = 0
    shared: int = 0
    progress: str = ""

    def counted(self, progress: str, *, alone: bool) -> Deaths:
        """Give the deaths with one more; the count begins anew if the work has come further since the last one."""
        before = self if progress == self.progress or not self.progress else Deaths()
        return Deaths(before.resumes + alone, before.shared + (not alone), progress)

    @property
    def too_many(self) -> bool:
        """Whether it is given up."""
        return self.resumes > MOST_RESUMES or self.shared > MOST_SHARED

    @property
    def words(self) -> str:
        """Why it is given up."""
        if self.resumes > MOST_RESUMES:
            return f"internal error: its worker died {self.resumes} times during it, without any progress"
        return f"internal error: its worker died {self.shared} times while it and other work were under way"
