"""People at work in a manifest repository: commits by hand, force pushes, the branch deleted and made again.

One thread for each repository, so that what it writes down is in the order in which it was done. People move the branch
only from where they saw it, as git itself lets them, and only break what they say they break.
"""

from __future__ import annotations

import random
import re
import threading
import time

from devstack.bare import ZERO, BareRepository, GitError
from service.core.words import RunId, RunState
from service.store import Store, runs
from tests.race.plan import Plan
from tests.race.records import BRANCH, Journal, Moved
from tests.race.world import commit_file

_REF = f"refs/heads/{BRANCH}"
_ATTEMPTS = 20
_IN_A_ROW, _PATIENCE = 4, 5.0
"""After so many acts in a row, people wait for Mergeport, at most for so many pauses."""
_FURTHEST = 30
"""How many commits before the tip a person who deletes the branch may go back, and more."""
_OURS = "--committer=Mergeport"
_RUNS = "--format=%(trailers:key=Mergeport-Run,valueonly,separator=%x20)"


class People(threading.Thread):
    """The people of one repository, who act until `stop` is set. `error` is what they did not expect."""

    def __init__(
        self, name: str, bare: BareRepository, plan: Plan, journal: Journal, store: Store, stop: threading.Event
    ) -> None:
        super().__init__(name=f"people-{name}", daemon=True)
        self.repository = name
        self.error: Exception | None = None
        self._bare = bare
        self._journal = journal
        self._store = store
        self._stopped = stop
        self._random = random.Random(f"{plan.seed} people {name}")  # noqa: S311 - a race, no secret
        self._pause = plan.pause
        self._number = 0
        self._rewritten = ""
        self._in_a_row = 0

    def run(self) -> None:
        """Act, with pauses, until told to stop."""
        rewriting = [self._remove] * 3 + [self._replace] * 2 + [self._undo_and_redo] * 2 + [self._delete]
        acts = [self._edit] * 7 + [self._note] * 4 + [self._revert] * 2 + rewriting
        try:
            while not self._stopped.wait(self._random.expovariate(1.0 / self._pause)):
                act = self._random.choice(acts)
                if act in rewriting and not self._is_there_new_work(self._rewritten):
                    act = self._note
                act()
                if act in rewriting:
                    self._rewritten = self._bare.tip(BRANCH)
                self._let_others()
        except Exception as error:  # noqa: BLE001 - told by who joins this thread
            self.error = error

    def _is_there_new_work(self, since: str) -> bool:
        """Tell whether Mergeport wrote something that a commit does not have."""
        limits = [f"^{since}"] if since else []
        return bool(self._bare.git("log", "--format=%H", "--max-count=1", _OURS, BRANCH, *limits, "--"))

    def _let_others(self) -> None:
        """After some acts in a row, give a slow machine time for a push: people do not commit all day long."""
        self._in_a_row += 1
        if self._in_a_row < _IN_A_ROW:
            return
        tip, deadline = self._bare.tip(BRANCH), time.monotonic() + _PATIENCE * self._pause
        while time.monotonic() < deadline and not self._is_there_new_work(tip):
            if self._stopped.wait(0.2):
                return
        self._in_a_row = 0

    # --- commits -----------------------------------------------------------------------------------

    def _edit(self) -> None:
        """Change another key, or a comment, of a values file by hand."""
        for _ in range(_ATTEMPTS):
            tip = self._bare.tip(BRANCH)
            path = self._random.choice([one for one in self._bare.files(tip, "apps") if one.endswith(".yaml")])
            content = self._bare.read(tip, path) or b""
            self._number += 1
            changed = re.sub(rb"replicas: \d+", b"replicas: %d" % self._number, content, count=1)
            if self._random.random() < 0.3:
                changed = b"# %d by hand\n" % self._number + changed.removeprefix(b"\xef\xbb\xbf")
            if self._commit(tip, {path: changed}, "Change a value by hand"):
                return

    def _note(self) -> None:
        """Add a file."""
        self._number += 1
        for _ in range(_ATTEMPTS):
            if self._commit(self._bare.tip(BRANCH), {f"notes/{self._number}.md": b"A note.\n"}, "Add a note"):
                return

    def _revert(self) -> None:
        """Revert the newest commit of Mergeport's, where git could do it without a conflict."""
        tip = self._bare.tip(BRANCH)
        commit = self._bare.git("log", "--format=%H", "--max-count=1", _OURS, tip)
        if not commit:
            return
        paths = self._bare.git("diff-tree", "--no-commit-id", "--name-only", "-r", commit).splitlines()
        if any(self._bare.read(tip, path) != self._bare.read(commit, path) for path in paths):
            return
        before = {path: self._bare.read(f"{commit}^", path) or b"" for path in paths}
        subject = self._bare.git("log", "--format=%s", "--max-count=1", commit)
        message = f'Revert "{subject}"\n\nThis reverts commit {commit}.'
        self._move(tip, commit_file(self._bare, tip, before, message), "a revert")

    def _commit(self, tip: str, files: dict[str, bytes], message: str) -> bool:
        commit = commit_file(self._bare, tip, files, f"{message} {self._number}")
        return self._move(tip, commit, "a commit", commit=commit)

    # --- force pushes ------------------------------------------------------------------------------

    def _remove(self) -> None:
        """Remove the newest commits, whosever they are."""
        tip, older = self._back()
        self._move(tip, older, "a force push")

    def _replace(self) -> None:
        """Remove the newest commits and put one of their own there."""
        tip, older = self._back()
        self._number += 1
        commit = commit_file(self._bare, older, {f"notes/{self._number}.md": b"Instead.\n"}, "Do it otherwise")
        self._move(tip, commit, "a force push with a commit", commit=commit)

    def _undo_and_redo(self) -> None:
        """Remove the newest commits, pause, and bring them back, unless somebody pushed meanwhile."""
        tip, older = self._back()
        if self._move(tip, older, "a force push to be undone"):
            self._stopped.wait(self._random.uniform(0.0, 1.0))
            self._move(older, tip, "the undoing of a force push")

    def _delete(self) -> None:
        """Delete the branch and make it again, where it was or a few commits before."""
        tip, older = self._back()
        if self._move(tip, ZERO, "the deletion of the branch"):
            self._stopped.wait(self._random.uniform(0.0, 1.5))
            back = tip if self._random.random() < 0.5 else older
            for _ in range(_ATTEMPTS):
                if self._move(ZERO, back, "the branch made again"):
                    return
                self._stopped.wait(0.05)  # a failing push may hold the lock
            raise AssertionError(f"somebody made the branch of {self.repository} again")

    def _back(self) -> tuple[str, str]:
        """Give the tip and a commit up to some before it, the first commit at least."""
        tip = self._bare.tip(BRANCH)
        line = self._bare.git("rev-list", "--first-parent", f"--max-count={self._random.randint(2, 10)}", tip)
        return tip, line.splitlines()[-1]

    def _move(self, old: str, new: str, words: str, *, commit: str = "") -> bool:
        """Move the branch if it is still where it was seen, and write that down."""
        if old == new:
            return False
        settled = [] if words == "a commit" else self._settled(old, new)
        try:
            if new == ZERO:
                self._bare.git("update-ref", "-d", _REF, old)
            else:
                self._bare.update_ref(_REF, new, old)
        except GitError:
            return False
        self._journal.add(Moved(self.repository, old, new, words, commit=commit, settled=settled))
        return True

    def _settled(self, old: str, new: str) -> list[str]:
        """Name the runs among the removed commits that Mergeport already reports as done."""
        if old in {ZERO, new}:
            return []
        limits = [f"--max-count={_FURTHEST}"] if new == ZERO else [f"^{new}"]
        said = self._bare.git("log", _RUNS, *limits, old, "--").split()
        with self._store.read() as tx:
            known = [runs.get(tx, RunId(one)) for one in said]
        return [one.id for one in known if one is not None and one.state is RunState.SUCCEEDED]
