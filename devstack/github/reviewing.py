"""What people and other Apps say on the GitHub double: checks, reviews, labels and teams. A part of `People`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from devstack.github import landing, payloads, shapes
from devstack.github.actions import Actions
from devstack.github.hooks import Courier
from devstack.github.judging_records import CheckRun, Review, ReviewState
from devstack.github.state import Milestone, Repository, State, Status, now


class Reviewing(ABC):
    """Says something of commits and pull requests."""

    state: State
    actions: Actions
    courier: Courier

    @abstractmethod
    def repository(self, full_name: str) -> Repository:
        """Return a repository; raise KeyError when there is none."""

    def report_status(
        self, full_name: str, sha: str, context: str, state: str, *, by: str = "ci-bot", url: str = ""
    ) -> None:
        """Put a status on a commit, as a pipeline of another vendor does."""
        repo = self.repository(full_name)
        with self.state.lock:
            number, creator = self.state.next_id(), self.state.user(by)
            made = Status(number, sha, state, context, "", url or None, creator, now())
            repo.statuses.setdefault(sha, []).append(made)
            landing.settle(self.actions, repo)

    def report_check(
        self,
        full_name: str,
        sha: str,
        name: str,
        conclusion: str | None = "success",
        *,
        app: str = "github-actions",
        suite: int = 1,
        queued: bool = False,
    ) -> CheckRun:
        """Make a check run of a commit; without a conclusion it is under way."""
        repo = self.repository(full_name)
        with self.state.lock:
            status = "completed" if conclusion else "queued" if queued else "in_progress"
            started, ended = (None if queued else now()), (now() if conclusion else None)
            made = CheckRun(self.state.next_id(), sha, name, app, suite, status, conclusion, started, ended)  # type: ignore[arg-type] # one of its words
            repo.check_runs.setdefault(sha, []).append(made)
            return made

    def review_pull(
        self, full_name: str, number: int, state: ReviewState = "APPROVED", *, by: str = "grace", head: str = ""
    ) -> Review:
        """Review a pull request at its head, or at the one that the reviewer has seen."""
        repo = self.repository(full_name)
        pull = self.actions.find_pull(repo, number)
        with self.state.lock:
            made = Review(self.state.next_id(), self.state.user(by).login, state, head or pull.head_sha, now())
            pull.reviews.append(made)
            return made

    def dismiss_review(self, full_name: str, number: int, review: Review) -> None:
        """Dismiss a review."""
        pull = self.actions.find_pull(self.repository(full_name), number)
        with self.state.lock:
            pull.reviews = [one.dismissed() if one.id == review.id else one for one in pull.reviews]

    def label_pull(self, full_name: str, number: int, *labels: str, by: str = "alice") -> None:
        """Give a pull request exactly these labels; an event tells of each that came or went."""
        repo = self.repository(full_name)
        pull = self.actions.find_pull(repo, number)
        changed = [
            *(one for one in labels if one not in pull.labels),
            *(one for one in pull.labels if one not in labels),
        ]
        with self.state.lock:
            pull.labels = list(labels)
        for one in changed:
            action = "labeled" if one in labels else "unlabeled"
            label = shapes.label(self.state, repo, one)
            payload = payloads.pull_request(self.state, repo, pull, action, self.state.user(by), label=label)
            self.courier.emit(repo, "pull_request", payload)

    def merge_queued(self, full_name: str, branch: str = "main") -> list[int]:
        """Let the merge queue of a branch merge what is in it; return the numbers."""
        repo = self.repository(full_name)
        numbers = list(repo.queues[branch])
        repo.queues[branch].clear()
        for number in numbers:
            queue = self.state.user("github-merge-queue[bot]")
            self.actions.merge_pull(repo, self.actions.find_pull(repo, number), "merge", queue)
        return numbers

    def add_milestone(self, full_name: str, title: str, state: str = "open") -> int:
        """Make a milestone; return its number."""
        repo = self.repository(full_name)
        number = len(repo.milestones) + 1
        repo.milestones[number] = Milestone(number, title, state)
        return number

    def add_team(self, owner: str, slug: str, members: Iterable[str]) -> None:
        """Make a team of an organisation, or give it other members."""
        with self.state.lock:
            self.state.teams[owner.lower(), slug.lower()] = frozenset(members)
