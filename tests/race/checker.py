"""Decides from the resulting history alone whether every promise about concurrent writing was kept.

Reads the git repositories, the edits as the sending side had them accepted, and what people did. It replays every move
of each branch. What runs say of themselves counts only at the end, for edits that history does not explain. It shares
no code with the product.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import yaml

from devstack.bare import ZERO
from tests.race import commit_check, ends, spans
from tests.race.closings import Closings, state_faults
from tests.race.commit_check import IMAGE, Edits, is_rollback, run_of
from tests.race.finding import Finding, Kind
from tests.race.history import Commit, History, Move
from tests.race.records import Accepted, Acted, Evidence, Moved


@dataclass(slots=True)
class Verdict:
    """The findings, and how much was judged."""

    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Landed:
    """A commit of an edit, its run, and the tip that it was pushed on."""

    commit: str
    run: str
    base: str


@dataclass(slots=True)
class Branch:
    """What the replay knows of a branch at one moment."""

    present: set[str] = field(default_factory=set)
    removed: dict[str, Moved] = field(default_factory=dict)
    restored: set[str] = field(default_factory=set)
    newest: dict[tuple[str, str], int] = field(default_factory=dict)
    landed: dict[int, list[Landed]] = field(default_factory=lambda: defaultdict(list))
    people: set[str] = field(default_factory=set)
    rollbacks: list[Commit] = field(default_factory=list)
    images: dict[tuple[str, str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """The images with which a source commit went to an application and environment."""


def check(evidence: Evidence) -> Verdict:
    """Judge all repositories and then the ends of all runs."""
    verdict = Verdict()
    for name, path in evidence.repositories.items():
        edits = [one for one in evidence.accepted if one.repository == name]
        moved = [one for one in evidence.moved if one.repository == name]
        with History(path) as history:
            acted = [one for one in evidence.acted if one.repository == name]
            replay = Replay(name, history, edits, moved, Closings(acted, evidence.stopped, verdict.counts), verdict)
            replay.run()
        branch = replay.branch
        there = branch.present - branch.restored
        found = [*ends.faults(edits, branch.landed, there, evidence.ended, _deeds(acted, moved))]
        found += state_faults(path, branch.rollbacks)
        verdict.findings += [Finding(kind, name, words) for kind, words in found]
    verdict.counts["accepted edits"] = sum(not one.upstream for one in evidence.accepted)
    verdict.counts.update(f"runs {one.state}" for one in evidence.ended)
    verdict.counts.update(f"runs failed by {one.code}" for one in evidence.ended if one.state == "failed")
    return verdict


def _deeds(acted: Sequence[Acted], moved: Sequence[Moved]) -> ends.Deeds:
    """Tell which acts of people can have ended runs."""
    return ends.Deeds(
        back={(one.application, one.environment) for one in acted if one.verb == "rollback"},
        blocked={one.value for one in acted if one.verb == "block"},
        rewritten=any(one.words != "a commit" for one in moved),
    )


class Replay:
    """Goes through the moves of one branch, in order."""

    def __init__(
        self,
        name: str,
        history: History,
        accepted: list[Accepted],
        moved: list[Moved],
        closings: Closings,
        verdict: Verdict,
    ) -> None:
        self.name = name
        self.history = history
        self.verdict = verdict
        self.branch = Branch()
        self._edits = Edits(accepted)
        self._moved = deque(moved)
        self._closings = closings

    def run(self) -> None:
        """Judge every move, then every version of every file."""
        tip = ZERO
        for move in self.history.moves:
            if move.old != tip:
                self._find(Kind.GAP, f"the branch was at {tip} and moved from {move.old}")
            # Taken in order, so that a person's move is not confused with our same move before a person undid it.
            if self._moved and (self._moved[0].old, self._moved[0].new) == (move.old, move.new):
                self._person(move, self._moved.popleft())
            else:
                self._ours(move)
            tip = move.new
        if tip != self.history.tip:
            self._find(Kind.GAP, f"the branch ends at {self.history.tip}, its moves at {tip}")
        for left in self._moved:
            self._find(Kind.GAP, f"a person's move is not in the moves of the branch: {left.words} to {left.new}")
        self._people()
        self._versions()

    def _find(self, kind: Kind, words: str) -> None:
        self.verdict.findings.append(Finding(kind, self.name, words))

    # --- people ------------------------------------------------------------------------------------

    def _person(self, move: Move, by: Moved) -> None:
        """Accept what a person did: what it removes must stay away, and what it brings back may be there."""
        self.verdict.counts[f"people: {by.words}"] += 1
        branch = self.branch
        if ZERO not in (move.old, move.new) and move.old in branch.present:
            added = self._added(move)
            if added is not None:
                self._bring(added)
                self._count(reversed(added))
                return
        before = branch.present
        now = list(self.history.line(move.new))
        branch.present = {one.sha for one in now}
        branch.removed |= dict.fromkeys(before - branch.present, by)
        self._bring(now)
        branch.newest = {}
        self._count(reversed(now))

    def _bring(self, commits: list[Commit]) -> None:
        branch = self.branch
        for one in commits:
            branch.present.add(one.sha)
            if branch.removed.pop(one.sha, None) is not None:
                branch.restored.add(one.sha)
            if self._edits.of(one) is None:
                branch.people.add(one.sha)

    def _count(self, commits: Iterator[Commit]) -> None:
        """Remember the newest source position of each key in this history; going back does not lower it."""
        for one in commits:
            edit = self._edits.of(one)
            if edit is not None and (edit.key not in self.branch.newest or not is_rollback(one)):
                self.branch.newest[edit.key] = edit.position

    # --- ours --------------------------------------------------------------------------------------

    def _added(self, move: Move) -> list[Commit] | None:
        """List what a move brought, newest first; None when it did not keep the old tip."""
        added: list[Commit] = []
        for one in self.history.line(move.new):
            if one.sha == move.old:
                return added
            added.append(one)
        return None

    def _ours(self, move: Move) -> None:
        """Judge a push that was no person's: it may only add commits of edits."""
        self.verdict.counts["pushes"] += 1
        added = self._added(move) if ZERO not in (move.old, move.new) else None
        if added is None:
            self._find(Kind.REWOUND, f"{move.old} -> {move.new}")
            now = list(self.history.line(move.new))
            for sha in self.branch.people & (self.branch.present - {one.sha for one in now}):
                self._find(Kind.PERSON_LOST, f"{sha} went with {move.old} -> {move.new}")
            self.branch.present = {one.sha for one in now}
            added = [one for one in now if one.sha in self.branch.removed]
        for commit in reversed(added):
            self._judge(commit, move)

    def _judge(self, commit: Commit, move: Move) -> None:
        branch = self.branch
        self.verdict.counts["commits"] += 1
        by = branch.removed.get(commit.sha)
        if by is not None:
            self._find(Kind.REMOVED_BACK, f"{commit.sha}, removed by {by.words}")
        branch.present.add(commit.sha)
        edit = self._edits.of(commit)
        if edit is None:
            self._find(Kind.UNKNOWN, f"{commit.sha} {commit.subject!r}")
            return
        for kind, words in commit_check.faults(self.history, commit, edit):
            self._find(kind, words)
        for kind, words in self._closings.faults(commit, edit, move.at):
            self._find(kind, words)
        self._upstream(commit, edit)
        self._again(commit, edit, move.at)
        last = branch.newest.get(edit.key, -1)
        if is_rollback(commit):
            branch.rollbacks.append(commit)
            self.verdict.counts["commits that go back"] += 1
        elif edit.position < last:
            self._find(Kind.BACKWARDS, f"{commit.sha} is number {edit.position} of {edit.key}, after {last}")
        branch.newest[edit.key] = max(edit.position, last)
        branch.landed[edit.number].append(Landed(commit.sha, run_of(commit), move.old))

    def _upstream(self, commit: Commit, edit: Accepted) -> None:
        """Judge a promotion from another environment: its very image went there before."""
        images = self.branch.images
        image = dict(commit.trailers).get(IMAGE, "")
        images[edit.application, edit.environment, edit.commit].add(image)
        if edit.upstream:
            self.verdict.counts["commits from upstream"] += 1
            if image not in images[edit.application, edit.upstream, edit.commit]:
                self._find(Kind.UPSTREAM, f"{commit.sha} of {edit.key} has {image}")

    def _again(self, commit: Commit, edit: Accepted, at: int) -> None:
        """Judge an edit that was there before.

        Another run may write it again as a rollback, or after somebody lifted a hold or promoted. The same run may
        write it again only if Mergeport did not know yet that it was there, and the tip under it was kept: then a
        removal looks like a push that never arrived. Such cases are counted.
        """
        again = is_rollback(commit) or self._closings.comes_again(edit, at)
        for earlier in self.branch.landed[edit.number]:
            by = self.branch.removed.get(earlier.commit)
            if earlier.commit == commit.sha or (again and earlier.run != run_of(commit)):
                continue
            if earlier.commit in self.branch.present:
                self._find(Kind.TWICE, f"{edit.key} {edit.commit}: {earlier.commit} and {commit.sha}")
            elif by is not None and (run_of(commit) in by.settled or earlier.base not in self.branch.present):
                self._find(Kind.EDIT_BACK, f"{edit.key} {edit.commit}: {commit.sha} for {earlier.commit}, {by.words}")
            else:
                self.verdict.counts["edits written again that were removed unheard"] += 1

    # --- all that was ever there -------------------------------------------------------------------

    def _people(self) -> None:
        """Check that people's commits are there at the end, unless a person removed them."""
        branch = self.branch
        for sha in branch.people - branch.present - branch.removed.keys():
            self._find(Kind.PERSON_LOST, f"{sha} {self.history.commits[sha].subject!r}")

    def _versions(self) -> None:
        """Parse every version of every values file once."""
        seen: dict[str, str] = {}
        for commit in self.history.commits.values():
            for change in commit.changes:
                if change.path.endswith(".yaml") and change.new != ZERO:
                    seen.setdefault(change.new, f"{change.path} at {commit.sha}")
        for blob, place in seen.items():
            try:
                spans.parse(self.history.blob(blob))
            except (yaml.YAMLError, UnicodeDecodeError) as error:
                self._find(Kind.UNPARSABLE, f"{place}: {error}")
        self.verdict.counts["versions parsed"] += len(seen)
