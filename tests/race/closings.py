"""What people closed and opened again, and which of our commits went in nevertheless.

Called by the checker for every commit of ours. Each action is known by how many moves the branch had had when it was
asked for and when it returned, so a closing reaches from its return until its opposite was asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devstack.bare import BareRepository
from tests.race.commit_check import APPLICATION, ENVIRONMENT, is_rollback, run_of
from tests.race.finding import Kind
from tests.race.history import Commit
from tests.race.records import Accepted, Acted, Stopped

STATE_BRANCH, STATE_FILE = "mergeport/state", "state.yaml"
CLOSES = {"lock": Kind.LOCKED, "hold": Kind.HELD, "rollback": Kind.HELD, "block": Kind.BLOCKED}
OPENS = {"unlock": Kind.LOCKED, "unhold": Kind.HELD, "unblock": Kind.BLOCKED}
LEASE = 20.0
"""Who is stopped for longer than this may lose the branch's lease of 30 seconds, of which some have passed."""
_ACTION = "Mergeport-Action"

Subject = tuple[Kind, str, str, str]


@dataclass(slots=True)
class Closing:
    """Something was closed from the return of an action until its opposite was asked for, if it ever was."""

    subject: Subject
    begin: int
    end: float
    by_hand: bool = False

    def concerns(self, commit: Commit, edit: Accepted, at: int) -> bool:
        """Tell whether a commit of ours should not have gone in by the move of this number."""
        kind, environment, application, value = self.subject
        if not self.begin <= at < self.end:
            return False
        if kind is Kind.BLOCKED:
            return value in {edit.commit, edit.image.rpartition("@")[2]}
        if kind is Kind.HELD and is_rollback(commit):
            return False
        return environment in {"", edit.environment} and application in {"", edit.application}


@dataclass(slots=True)
class Closings:
    """All of one repository. `counts` has what was excused."""

    acted: Sequence[Acted]
    stopped: list[Stopped]
    counts: Counter[str] = field(default_factory=Counter)
    _closings: list[Closing] = field(default_factory=list)
    _pushed: tuple[int, int] = (-1, -1)
    """The push that is judged, and the one of ours before it."""

    def __post_init__(self) -> None:
        for number, one in enumerate(self.acted):
            if one.verb in CLOSES and one.done:
                self._closings.append(Closing(_subject(one), one.returned, self._opened(number), one.by_hand))

    def faults(self, commit: Commit, edit: Accepted, at: int) -> Iterator[tuple[Kind, str]]:
        """Report what was closed when a commit went in."""
        if at != self._pushed[0]:
            self._pushed = (at, self._pushed[0])
        for one in self._closings:
            if one.concerns(commit, edit, at) and not self._excused(one, at, edit.repository):
                what = " ".join(filter(None, one.subject[1:]))
                until = "now" if one.end == float("inf") else f"move {one.end:.0f}"
                yield one.subject[0], f"{commit.sha} by move {at}; {what} was closed from move {one.begin} to {until}"
        if is_rollback(commit):
            yield from self._rolled_back(commit, edit, at)

    def comes_again(self, edit: Accepted, at: int) -> bool:
        """Tell whether an edit may be written by another run: somebody lifted a hold, or promoted."""
        return any(
            one.verb in {"unhold", "promote"}
            and one.asked <= at
            and one.environment == edit.environment
            and one.application in {"", edit.application}
            for one in self.acted
        )

    def _rolled_back(self, commit: Commit, edit: Accepted, at: int) -> Iterator[tuple[Kind, str]]:
        """Hold the place of a rollback from its commit on, unless the hold was lifted before."""
        asked = [
            number
            for number, one in enumerate(self.acted)
            if one.verb == "rollback" and (one.environment, one.application) == (edit.environment, edit.application)
        ]
        if not any(self.acted[number].asked <= at for number in asked):
            yield Kind.BACKWARDS, f"{commit.sha} goes back, and nobody asked for it"
        its_own = [number for number in asked if self.acted[number].value == run_of(commit)]
        if its_own and (end := self._opened(its_own[0])) > at:
            self._closings.append(Closing(_subject(self.acted[its_own[0]]), at, end))

    def _opened(self, number: int) -> float:
        """Give when the opposite of an action was asked for; actions on the same thing are written down in order."""
        subject = _subject(self.acted[number])
        later = (one for one in self.acted[number + 1 :] if one.verb in OPENS)
        return next((float(one.asked) for one in later if _subject(one) == subject), float("inf"))

    def _excused(self, closing: Closing, at: int, repository: str) -> bool:
        """One push under way may miss an edit by hand, and what a process pushes that slept longer than its lease."""
        if closing.by_hand and self._pushed[1] < closing.begin:
            self.counts["pushes that missed an edit of the state by hand"] += 1
            return True
        for one in self.stopped:
            slept = one.before[repository] <= closing.begin <= one.after[repository] <= at
            if one.seconds > LEASE and slept and self._pushed[1] < one.after[repository]:
                self.counts["pushes of a process that slept longer than its lease"] += 1
                return True
        return False


def state_faults(path: Path, rollbacks: Sequence[Commit]) -> Iterator[tuple[Kind, str]]:
    """Judge the branch of the state: one commit for each action, and a hold for each place of a rollback."""
    repository = BareRepository(path)
    if STATE_BRANCH not in repository.branches():
        told = ""
    else:
        shown = "%x1f".join(
            f"%(trailers:key={key},valueonly,separator=)" for key in (_ACTION, APPLICATION, ENVIRONMENT)
        )
        told = repository.git("log", f"--format=%s%x1f{shown}", STATE_BRANCH)
    actions: Counter[str] = Counter()
    held: set[tuple[str, str]] = set()
    for line in told.splitlines():
        subject, action, application, environment = line.split("\x1f")
        actions.update([action] if action else [])
        if subject.startswith("Hold "):
            held.add((application, environment))
    for action, count in actions.items():
        if count > 1:
            yield Kind.ACTION_TWICE, f"action {action} has {count} commits"
    for commit in rollbacks:
        said = dict(commit.trailers)
        if (said.get(APPLICATION, ""), said.get(ENVIRONMENT, "")) not in held:
            yield Kind.UNHELD, f"{commit.sha} of {said.get(APPLICATION)} in {said.get(ENVIRONMENT)}"


def _subject(one: Acted) -> Subject:
    kind = CLOSES.get(one.verb) or OPENS[one.verb]
    return kind, one.environment, one.application, one.value if kind is Kind.BLOCKED else ""
