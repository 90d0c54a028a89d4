"""Judges what became of each accepted edit: history explains it, or the run tells a refusal in words.

Called by the checker when a branch's past is replayed. What a run says is believed only where history does not
contradict it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.race.finding import Kind
from tests.race.records import Accepted, Ended

REFUSALS = frozenset({"manifest-history-rewritten", "manifest-branch-missing", "push-refused"})
"""The codes with which a person's action in the manifest repository can end a run."""
BLOCKED, REVERTED = "blocked", "reverted"
"""The codes of a run whose release was blocked, and of one that a person took back."""
ENDED = frozenset({"succeeded", "failed", "superseded", "cancelled"})


class HasCommit(Protocol):
    """A place in history where an edit landed, and by which run."""

    @property
    def run(self) -> str:
        """The run."""

    @property
    def commit(self) -> str:
        """The commit."""


@dataclass(frozen=True, slots=True)
class Deeds:
    """What people did that can end a run: the places that they went back in, and what they blocked."""

    back: Collection[tuple[str, str]] = ()
    blocked: Collection[str] = ()
    rewritten: bool = False


def faults(
    edits: Sequence[Accepted],
    landed: Mapping[int, Sequence[HasCommit]],
    there: set[str],
    ended: Sequence[Ended],
    deeds: Deeds,
) -> Iterator[tuple[Kind, str]]:
    """Report every lost edit, and every run that ended otherwise than it says. `there` are the commits that are."""
    told: dict[tuple[str, str, str], list[Ended]] = defaultdict(list)
    for run in ended:
        told[run.application, run.environment, run.commit].append(run)
    wanted = [edit for edit in edits if not edit.upstream or (*edit.key, edit.commit) in told]
    last = {edit.key: edit for edit in sorted(wanted, key=lambda edit: edit.position)}
    written: dict[tuple[str, str], int] = {}
    for edit in wanted:
        if landed.get(edit.number):
            written[edit.key] = max(edit.position, written.get(edit.key, -1))
    for edit in wanted:
        name = f"{edit.application} in {edit.environment} at {edit.commit}"
        its_runs = told.get((*edit.key, edit.commit))
        if its_runs is None:
            yield Kind.LOST, f"{name} has no run"
            continue
        of_edit = landed.get(edit.number, ())
        overtaken = edit.position < last[edit.key].position
        judge = _Runs(edit, overtaken or edit.key in deeds.back, deeds)
        for run in its_runs:
            yield from judge.faults(run, name, {one.commit for one in of_edit if one.run == run.id} & there)
        if not of_edit and any(run.state in ENDED for run in its_runs):
            explained = written.get(edit.key, -1) >= edit.position or any(map(judge.tells, its_runs))
            if not explained or any(run.state == "succeeded" for run in its_runs):
                said = "; ".join(f"run {run.id} {run.state} ({run.code}): {run.message}" for run in its_runs)
                yield Kind.LOST, f"{name}: {said}"


@dataclass(frozen=True, slots=True)
class _Runs:
    """Judges the runs of one edit; `overtaken` if something else could take its place."""

    edit: Accepted
    overtaken: bool
    deeds: Deeds

    def tells(self, run: Ended) -> bool:
        """Tell whether the run's own words explain why its edit is missing."""
        return (run.state == "superseded" and self.overtaken) or (run.state == "failed" and self._refused(run))

    def faults(self, run: Ended, name: str, there: set[str]) -> Iterator[tuple[Kind, str]]:
        """Compare what a run says with itself and with history."""
        if run.state not in ENDED:
            yield Kind.STUCK, f"{name}: run {run.id} is {run.state}: {run.message}"
            return
        went_back = self.edit.key in self.deeds.back  # a push that had begun may arrive before the rollback
        if there and (run.state == "failed" or (run.state == "superseded" and not went_back)):
            yield Kind.DENIED, f"{name}: run {run.id} {run.state} ({run.code}), and {', '.join(sorted(there))} is there"
        if run.state == "failed" and (not self._refused(run) or not run.message):
            yield Kind.UNTOLD, f"{name}: run {run.id} failed by {run.code!r}: {run.message}"
        if run.state == "cancelled" and (run.code != REVERTED or not self.deeds.rewritten):
            yield Kind.UNTOLD, f"{name}: run {run.id} was cancelled ({run.code}): {run.message}"
        if run.state == "superseded" and not self.overtaken:
            yield Kind.UNTOLD, f"{name}: run {run.id} is superseded, and nothing later was accepted"

    def _refused(self, run: Ended) -> bool:
        blocked = {self.edit.commit, self.edit.image.rpartition("@")[2]} & set(self.deeds.blocked)
        return run.code in REFUSALS or (run.code == BLOCKED and bool(blocked))
