"""Judges what became of each accepted edit: history explains it, or the run tells a refusal in words.

Called by the checker when a branch's past is replayed. What a run says is believed only where history does not
contradict it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from tests.race.finding import Kind
from tests.race.records import Accepted, Ended

REFUSALS = frozenset({"manifest-history-rewritten", "manifest-branch-missing", "push-refused"})
"""The codes with which a person's action in the manifest repository can end a run."""
ENDED = frozenset({"succeeded", "failed", "superseded"})


class HasCommit(Protocol):
    """A place in history where an edit landed."""

    @property
    def commit(self) -> str:
        """The commit."""


def faults(
    edits: Sequence[Accepted],
    landed: Mapping[int, Sequence[HasCommit]],
    present: set[str],
    restored: set[str],
    ended: Sequence[Ended],
) -> Iterator[tuple[Kind, str]]:
    """Report every lost edit, and every run that ended otherwise than it says."""
    told = {(one.application, one.environment, one.commit): one for one in ended}
    last = {edit.key: edit for edit in sorted(edits, key=lambda edit: edit.position)}
    written: dict[tuple[str, str], int] = {}
    for edit in edits:
        if landed.get(edit.number):
            written[edit.key] = max(edit.position, written.get(edit.key, -1))
    for edit in edits:
        name = f"{edit.application} in {edit.environment} at {edit.commit}"
        run = told.get((*edit.key, edit.commit))
        if run is None:
            yield Kind.LOST, f"{name} has no run"
            continue
        if run.state not in ENDED:
            yield Kind.STUCK, f"{name}: run {run.id} is {run.state}: {run.message}"
            continue
        there = {one.commit for one in landed.get(edit.number, ())}
        overtaken = edit.position < last[edit.key].position
        yield from _end(run, name, there & present - restored, overtaken=overtaken)
        unexplained = written.get(edit.key, -1) < edit.position and not _tells(run, overtaken=overtaken)
        if not there and (unexplained or run.state == "succeeded"):
            yield Kind.LOST, f"{name}: run {run.id} {run.state} ({run.code}): {run.message}"


def _tells(run: Ended, *, overtaken: bool) -> bool:
    """Tell whether the run's own words explain why its edit is missing."""
    return (run.state == "superseded" and overtaken) or (run.state == "failed" and run.code in REFUSALS)


def _end(run: Ended, name: str, there: set[str], *, overtaken: bool) -> Iterator[tuple[Kind, str]]:
    """Compare what a run says with itself and with history."""
    if run.state in {"failed", "superseded"} and there:
        yield Kind.DENIED, f"{name}: run {run.id} {run.state} ({run.code}), and {', '.join(sorted(there))} is there"
    if run.state == "failed" and (run.code not in REFUSALS or not run.message):
        yield Kind.UNTOLD, f"{name}: run {run.id} failed by {run.code!r}: {run.message}"
    if run.state == "superseded" and not overtaken:
        yield Kind.UNTOLD, f"{name}: run {run.id} is superseded, and nothing later was accepted"
