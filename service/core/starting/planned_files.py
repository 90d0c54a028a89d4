"""What is written and what is left alone: files as they should be against those that are there. Pure.

A file that we wrote before and nobody has touched is brought up to date. One that a person has changed is never
written: its difference is shown instead. We know ours by their hashes, kept in a file of our own beside them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum

RECORD = ".mergeport-init.json"


class Fate(StrEnum):
    """What becomes of a file."""

    NEW = "new"
    UPDATED = "updated"
    SAME = "unchanged"
    KEPT = "kept"
    """A person has changed it, so it stays as it is."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file: where, what it should say, what it says, and what becomes of it."""

    path: str
    wanted: str
    there: str | None
    fate: Fate

    @property
    def diff(self) -> str:
        """The difference from what is there to what it should say."""
        before, after = (self.there or "").splitlines(keepends=True), self.wanted.splitlines(keepends=True)
        source = self.path if self.there is not None else "/dev/null"
        return "".join(unified_diff(before, after, source, self.path))


def plan(wanted: Mapping[str, str], there: Mapping[str, str], record: str) -> list[PlannedFile]:
    """Decide for each file; `record` is what `written` gave the last time, empty if there was none."""
    known = _hashes(record)
    found = []
    for path, text in wanted.items():
        before = there.get(path)
        if before is None:
            fate = Fate.NEW
        elif before == text:
            fate = Fate.SAME
        else:
            fate = Fate.UPDATED if known.get(path) == _hash(before) else Fate.KEPT
        found.append(PlannedFile(path, text, before, fate))
    return found


def written(planned: list[PlannedFile], record: str) -> str:
    """Give the record after the plan was carried out: what is ours now."""
    hashes = _hashes(record)
    for one in planned:
        if one.fate is not Fate.KEPT:
            hashes[one.path] = _hash(one.wanted)
    return json.dumps({"written by `mergeport init`": dict(sorted(hashes.items()))}, indent=2) + "\n"


def _hashes(record: str) -> dict[str, str]:
    try:
        told = json.loads(record or "{}")
        (hashes,) = told.values() if told else [{}]
        return {str(path): str(text) for path, text in hashes.items()}
    except (ValueError, AttributeError):
        return {}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
