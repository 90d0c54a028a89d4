"""What people do on the GitHub double, and what they see there, as Python methods.

The base of `GitHub`; tests and the demo play the developer and the release manager with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from devstack.bare import ZERO, Files
from devstack.git_backend import RefUpdate
from devstack.github.actions import Actions, Sending
from devstack.github.hooks import Courier
from devstack.github.reviewing import Reviewing
from devstack.github.state import Comment, Delivery, MergeMethod, Pull, Repository, State, Status


class People(Reviewing):
    """What people do at the double. Every act sends the web hooks that it sends on GitHub."""

    def __init__(self, state: State, courier: Courier, actions: Actions) -> None:
        self.state = state
        self.courier = courier
        self.actions = actions

    def repository(self, full_name: str) -> Repository:
        """Return a repository; raise KeyError when there is none."""
        found = self.state.find(full_name)
        if found is None:
            raise KeyError(full_name)
        return found

    def push(
        self, full_name: str, branch: str, files: Files, message: str = "Change files", *, author: str = "alice"
    ) -> str:
        """Commit to a branch as a person and push it: the push event is sent. Return the commit."""
        repo, user = self.repository(full_name), self.state.user(author)
        before = repo.bare.branches().get(branch, ZERO)
        new = repo.bare.commit_files(branch, files, message, author=user.person, start=repo.default_branch)
        self.actions.moved(repo, [RefUpdate(f"refs/heads/{branch}", before, new)], user)
        return new

    def force_push(self, full_name: str, branch: str, sha: str, *, author: str = "alice") -> None:
        """Set a branch to any commit, as a person who force-pushes."""
        repo = self.repository(full_name)
        before = repo.bare.branches().get(branch, ZERO)
        repo.bare.update_ref(f"refs/heads/{branch}", sha)
        self.actions.moved(repo, [RefUpdate(f"refs/heads/{branch}", before, sha)], self.state.user(author))

    def delete_branch(self, full_name: str, branch: str, *, author: str = "alice") -> None:
        """Delete a branch as a person."""
        repo = self.repository(full_name)
        before = repo.bare.tip(branch)
        repo.bare.delete_ref(f"refs/heads/{branch}")
        self.actions.moved(repo, [RefUpdate(f"refs/heads/{branch}", before, ZERO)], self.state.user(author))

    def rename_branch(self, full_name: str, old: str, new: str) -> None:
        """Rename a branch as an administrator: it stays the default one, and pull requests follow it."""
        repo = self.repository(full_name)
        with self.state.lock:
            repo.bare.update_ref(f"refs/heads/{new}", repo.bare.tip(old))
            if repo.default_branch == old:
                repo.default_branch = new
                repo.bare.git("symbolic-ref", "HEAD", f"refs/heads/{new}")
            repo.bare.delete_ref(f"refs/heads/{old}")
            for pull in (one for one in repo.pulls.values() if one.state == "open"):
                pull.head = new if pull.head == old else pull.head
                pull.base = new if pull.base == old else pull.base

    def open_pull(
        self,
        full_name: str,
        head: str,
        base: str,
        title: str = "Change files",
        *,
        body: str | None = None,
        author: str = "alice",
        labels: Iterable[str] = (),
        draft: bool = False,
    ) -> Pull:
        """Open a pull request between two branches that exist."""
        repo, user = self.repository(full_name), self.state.user(author)
        pull = self.actions.open_pull(repo, head, base, title, body=body, user=user, draft=draft)
        pull.labels += list(labels)
        return pull

    def merge_pull(
        self,
        full_name: str,
        number: int,
        *,
        method: MergeMethod = "squash",
        by: str = "alice",
        sending: Sending | None = None,
    ) -> Pull:
        """Merge an open pull request as a person; the pull request has the commit in `merge_commit_sha`."""
        repo = self.repository(full_name)
        pull = self.actions.find_pull(repo, number)
        self.actions.merge_pull(repo, pull, method, self.state.user(by), sending=sending)
        return pull

    def update_branch(self, full_name: str, number: int, *, rebases: bool = False, by: str = "alice") -> str:
        """Press "Update branch" on a pull request, or "Update with rebase"; return the branch's new tip."""
        repo = self.repository(full_name)
        return self.actions.update_branch(
            repo, self.actions.find_pull(repo, number), self.state.user(by), rebases=rebases
        )

    def reopen_pull(self, full_name: str, number: int, *, by: str = "alice") -> Pull:
        """Open a closed pull request again."""
        repo = self.repository(full_name)
        pull = self.actions.find_pull(repo, number)
        self.actions.reopen_pull(repo, pull, self.state.user(by))
        return pull

    def change_base(self, full_name: str, number: int, base: str, *, by: str = "alice") -> Pull:
        """Give an open pull request another base branch."""
        repo = self.repository(full_name)
        pull = self.actions.find_pull(repo, number)
        self.actions.edit_pull(repo, pull, {"base": base}, self.state.user(by))
        return pull

    def edit_pull(self, full_name: str, number: int, *, by: str = "alice", **changes: str) -> Pull:
        """Give a pull request another title or body."""
        repo = self.repository(full_name)
        pull = self.actions.find_pull(repo, number)
        self.actions.edit_pull(repo, pull, changes, self.state.user(by))
        return pull

    def close_pull(self, full_name: str, number: int, *, by: str = "alice") -> Pull:
        """Close a pull request without merging it."""
        repo = self.repository(full_name)
        pull = self.actions.find_pull(repo, number)
        self.actions.close_pull(repo, pull, self.state.user(by))
        return pull

    def merge(
        self,
        full_name: str,
        branch: str,
        files: Files,
        *,
        title: str = "Change files",
        body: str | None = None,
        author: str = "alice",
        by: str | None = None,
        labels: Iterable[str] = (),
        method: MergeMethod = "squash",
        commits: int = 1,
        sending: Sending | None = None,
        head: str = "",
    ) -> Pull:
        """Do all steps: branch off, commit, push, open a pull request, merge it.

        With several `commits` the first carries the files and the others touch `notes/`. It sends GitHub's events;
        `wait_delivered` waits for them.
        """
        head = head or f"{author}/change-{self.state.next_id()}"
        repo = self.repository(full_name)
        repo.bare.update_ref(f"refs/heads/{head}", repo.bare.tip(branch))
        self.push(full_name, head, files, title, author=author)
        for extra in range(1, commits):
            self.push(full_name, head, {f"notes/{head}-{extra}.txt": f"{extra}\n"}, f"Note {extra}", author=author)
        pull = self.open_pull(full_name, head, branch, title, body=body, author=author, labels=labels)
        return self.merge_pull(full_name, pull.number, method=method, by=by or author, sending=sending)

    def pulls(self, full_name: str, state: str = "all") -> list[Pull]:
        """List pull requests, oldest first."""
        return [pull for pull in self.repository(full_name).pulls.values() if state in {"all", pull.state}]

    def statuses(self, full_name: str, sha: str, context: str | None = None) -> list[Status]:
        """List a commit's statuses in the order in which they came."""
        return [one for one in self.repository(full_name).statuses.get(sha, []) if context in {None, one.context}]

    def comment(self, full_name: str, number: int, body: str, *, by: str = "alice", later: int = 1) -> Comment:
        """Write a comment, so many seconds later than now: people read before they write."""
        at = (datetime.now(UTC) + timedelta(seconds=later)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return self.actions.comment(self.repository(full_name), number, body, self.state.user(by), at)

    def edit_comment(self, full_name: str, comment: Comment, body: str) -> None:
        """Give a comment another text, as the person who wrote it."""
        self.actions.edit_comment(self.repository(full_name), comment, body, comment.user)

    def grant(self, full_name: str, login: str, role: str) -> None:
        """Give a person a role in a repository: read, triage, write, maintain, admin, or a custom one over write."""
        self.state.user(login)
        self.repository(full_name).roles[login.lower()] = role

    def comments(self, full_name: str, number: int) -> list[Comment]:
        """List a pull request's comments."""
        return [comment for comment in self.repository(full_name).comments if comment.number == number]

    @property
    def deliveries(self) -> list[Delivery]:
        """All deliveries, oldest first."""
        return list(self.state.deliveries)

    def redeliver(self, delivery: Delivery) -> Delivery:
        """Send a delivery again, as a person does from the settings page."""
        return self.courier.redeliver(delivery)

    def wait_delivered(self, timeout: float = 30.0) -> None:
        """Return when all deliveries so far were answered or failed."""
        self.courier.wait_delivered(timeout)
