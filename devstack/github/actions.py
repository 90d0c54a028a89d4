"""What can be done on the GitHub double, with the web hooks that follow from it.

The REST routes and the Python interface both come here, so a person's merge in a test and a merge by API are the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from devstack.bare import ZERO, GitError
from devstack.git_backend import RefUpdate
from devstack.git_http import GitAccess
from devstack.github import payloads, shapes
from devstack.github.blobs import Blobs
from devstack.github.hooks import Courier
from devstack.github.landing import leave_queue
from devstack.github.limits import Limits
from devstack.github.merging import GITHUB, ConflictError, Merge, make_merge, merge_tree
from devstack.github.refusal import RefusalError, invalid, not_found, refuse_long
from devstack.github.state import (
    Activity,
    Comment,
    Delivery,
    Hook,
    MergeMethod,
    Pull,
    Repository,
    State,
    Token,
    User,
    now,
)
from devstack.github.workflows import Workflows

Order = Literal["push-first", "pull-request-first"]


@dataclass(frozen=True, slots=True)
class Sending:
    """How the two events of a merge are sent: their order, and which of them twice."""

    order: Order = "push-first"
    twice: tuple[str, ...] = ()


class Actions:
    """Changes of the state and of the repositories; each sends its events."""

    def __init__(self, state: State, courier: Courier, git_tokens: dict[str, GitAccess]) -> None:
        self.state = state
        self.courier = courier
        self.git_tokens = git_tokens
        self.workflows = Workflows(state, courier)
        self.blobs = Blobs()
        self.limits = Limits()

    def add_hook(
        self, repo: Repository, url: str, secret: str | None, events: Iterable[str], *, sender: User, kind: str = "json"
    ) -> Hook:
        """Configure a web hook and ping it."""
        with self.state.lock:
            hook = Hook(self.state.next_id(), url, secret, tuple(events), kind)
            repo.hooks[hook.id] = hook
            self.courier.send(repo, hook, "ping", payloads.ping(self.state, repo, hook, sender))
        return hook

    def add_token(self, token: Token) -> None:
        """Make a token valid for the API and, as far as it reaches contents, for git."""
        with self.state.lock:
            self.state.tokens[token.text] = token
        if token.may("contents", "read"):
            self.git_tokens[token.text] = GitAccess(
                token.user.login, token.may("contents", "write"), token.repositories
            )

    def revoke(self, tokens: Iterable[Token]) -> None:
        """Take tokens back, for the API and for git."""
        with self.state.lock:
            for token in tokens:
                self.state.tokens.pop(token.text, None)
                self.git_tokens.pop(token.text, None)

    def follow(self, old: str, new: str) -> None:
        """Let tokens that were narrowed to a repository work for its new name, unless it has another owner."""
        if old.partition("/")[0].lower() != new.partition("/")[0].lower():
            return
        for token in self.state.tokens.values():
            if token.repositories is not None and token.sees(old):
                token.repositories |= {new}
                access = self.git_tokens.get(token.text)
                if access is not None:
                    self.git_tokens[token.text] = replace(access, repositories=token.repositories)

    def moved(self, repo: Repository, updates: Sequence[RefUpdate], sender: User, *, copies: int = 1) -> list[Delivery]:
        """Send the events of moved refs: push events, then those of open pull requests."""
        with self.state.lock:
            repo.pushed_at = now()
            made = []
            for update in updates:
                self._note(repo, update, sender)
                payload = payloads.push(self.state, repo, update, sender)
                made += self.courier.emit(repo, "push", payload, copies=copies)
            for update in updates:
                self._follow(repo, update, sender)
                self.workflows.moved(repo, update, sender)
        return made

    def _note(self, repo: Repository, update: RefUpdate, sender: User) -> None:
        """Note the move of a branch in the repository's activity."""
        if not update.ref.startswith("refs/heads/"):
            return
        kind = "branch_creation" if update.old == ZERO else "branch_deletion" if update.new == ZERO else "push"
        if kind == "push" and not repo.bare.is_ancestor(update.old, update.new):
            kind = "force_push"
        made = Activity(self.state.next_id(), update.ref, update.old, update.new, sender, now(), kind)
        repo.activity.append(made)

    def comment(self, repo: Repository, number: int, body: str, sender: User, at: str = "") -> Comment:
        """Write a comment on a pull request and tell of it."""
        with self.state.lock:
            pull = self.find_pull(repo, number)
            at = at or now()
            made = Comment(self.state.next_id(), number, sender, body, at, at)
            repo.comments.append(made)
            self.courier.emit(repo, "issue_comment", payloads.issue_comment(self.state, repo, pull, made, "created"))
            return made

    def edit_comment(self, repo: Repository, comment: Comment, body: str, sender: User) -> None:
        """Give a comment another text and tell of it."""
        with self.state.lock:
            before, comment.body, comment.updated_at = comment.body, body, now()
            payload = payloads.issue_comment(
                self.state, repo, self.find_pull(repo, comment.number), comment, "edited", sender=sender,
                changes={"body": {"from": before}},
            )  # fmt: skip
            self.courier.emit(repo, "issue_comment", payload)

    def _follow(self, repo: Repository, update: RefUpdate, sender: User) -> None:
        branch = update.ref.removeprefix("refs/heads/")
        for pull in [one for one in repo.pulls.values() if one.state == "open"]:
            if pull.head == branch and update.new == ZERO:
                self.close_pull(repo, pull, sender)
            elif pull.head == branch:
                before, pull.head_sha = pull.head_sha, update.new
                leave_queue(repo, pull)
                pull.base_sha, pull.updated_at = repo.bare.tip(pull.base), now()
                self.test_merge(repo, pull)
                self._emit(repo, pull, "synchronize", sender, before=before, after=update.new)
            elif pull.base == branch and update.new != ZERO:
                if repo.bare.is_ancestor(pull.head_sha, update.new):
                    self._mark_merged(repo, pull, pull.head_sha, sender)
                    self._emit(repo, pull, "closed", sender)
                else:
                    self.test_merge(repo, pull)

    def _emit(
        self, repo: Repository, pull: Pull, action: str, sender: User, *, copies: int = 1, **more: object
    ) -> list[Delivery]:
        payload = payloads.pull_request(self.state, repo, pull, action, sender, **more)
        return self.courier.emit(repo, "pull_request", payload, copies=copies)

    def open_pull(
        self, repo: Repository, head: str, base: str, title: str, *, body: str | None, user: User, draft: bool = False
    ) -> Pull:
        """Open a pull request; refuses what GitHub refuses."""
        with self.state.lock:
            refuse_long({"title": title, "body": body})
            head = head.removeprefix(f"{repo.owner}:")
            branches = repo.bare.branches()
            for field, name in (("head", head), ("base", base)):
                if name not in branches:
                    raise invalid("PullRequest", field, "", code="invalid")
            if any(one.state == "open" and (one.head, one.base) == (head, base) for one in repo.pulls.values()):
                raise invalid("PullRequest", "", f"A pull request already exists for {repo.owner}:{head}.")
            if repo.bare.is_ancestor(branches[head], branches[base]):
                raise invalid("PullRequest", "", f"No commits between {base} and {head}")
            if repo.bare.merge_base(branches[base], branches[head]) is None:
                raise invalid("PullRequest", "", f"The {head} branch has no history in common with {base}")
            if draft and not repo.allows_drafts:
                words = "Draft pull requests are not supported in this repository."
                raise RefusalError(422, words)
            number, at = repo.next_number, now()
            repo.next_number += 1
            pull = Pull(
                self.state.next_id(), number, title, body, user, head, base, branches[head], branches[base], at, at
            )
            pull.draft = draft
            repo.pulls[number] = pull
            self.test_merge(repo, pull)
            self._emit(repo, pull, "opened", user)
        return pull

    def mark_ready(self, repo: Repository, pull: Pull, sender: User) -> None:
        """Make a draft a pull request that asks for reviews; one that is none stays as it is."""
        with self.state.lock:
            if pull.state != "open":
                raise RefusalError(422, "Pull request is closed")
            if pull.draft:
                pull.draft, pull.updated_at = False, now()
                self._emit(repo, pull, "ready_for_review", sender)

    def test_merge(self, repo: Repository, pull: Pull) -> None:
        """Make the test merge commit that GitHub makes for every open pull request."""
        repo.bare.update_ref(f"refs/pull/{pull.number}/head", pull.head_sha)
        base = repo.bare.tip(pull.base)
        try:
            tree = merge_tree(repo.bare, base, pull.head_sha)
        except ConflictError:
            pull.merge_commit_sha = None
            return
        message = f"Merge {pull.head_sha} into {base}"
        pull.merge_commit_sha = repo.bare.commit_tree(tree, [base, pull.head_sha], message, author=GITHUB)
        repo.bare.update_ref(f"refs/pull/{pull.number}/merge", pull.merge_commit_sha)

    def update_branch(self, repo: Repository, pull: Pull, sender: User, *, rebases: bool = False) -> str:
        """Bring the base into a pull request's branch, as the button does: by a merge commit, or by a rebase.

        GitHub makes the commits in the name of the person who pressed it; a conflict is refused.
        """
        with self.state.lock:
            base, before = repo.bare.tip(pull.base), pull.head_sha
            if pull.state != "open":
                raise RefusalError(422, "Pull request is closed")
            if repo.bare.is_ancestor(base, before):
                raise RefusalError(422, "There are no new commits on the base branch.")
            try:
                merge = Merge(base, before, pull.number, pull.title, pull.head, sender.person, GITHUB)
                new = make_merge(repo.bare, merge, "rebase") if rebases else self._merged_in(repo, pull, base, sender)
            except ConflictError as error:
                raise RefusalError(422, "merge conflict between base and head") from error
            repo.bare.update_ref(f"refs/heads/{pull.head}", new, before)
            self.moved(repo, [RefUpdate(f"refs/heads/{pull.head}", before, new)], sender)
        return new

    def _merged_in(self, repo: Repository, pull: Pull, base: str, sender: User) -> str:
        tree = merge_tree(repo.bare, pull.head_sha, base)
        message = f"Merge branch '{pull.base}' into {pull.head}"
        return repo.bare.commit_tree(tree, [pull.head_sha, base], message, author=sender.person, committer=GITHUB)

    def close_pull(self, repo: Repository, pull: Pull, sender: User) -> None:
        """Close a pull request without merging it."""
        with self.state.lock:
            pull.state, pull.closed_at = "closed", now()
            pull.updated_at = pull.closed_at
            leave_queue(repo, pull)
            self._emit(repo, pull, "closed", sender)

    def reopen_pull(self, repo: Repository, pull: Pull, sender: User) -> None:
        """Open a closed pull request again; refuses one whose branch is gone or was force-pushed."""
        with self.state.lock:
            tip = repo.bare.branches().get(pull.head)
            if pull.merged or tip is None:
                raise invalid("PullRequest", "state", "state cannot be changed.")
            if not repo.bare.is_ancestor(pull.head_sha, tip):
                words = f"state cannot be changed. The {pull.head} branch was force-pushed or recreated."
                raise invalid("PullRequest", "state", words)
            if any(
                one.state == "open" and (one.head, one.base) == (pull.head, pull.base) for one in repo.pulls.values()
            ):
                words = (
                    f"state cannot be changed. There is already an open pull request from {pull.head} to {pull.base}."
                )
                raise invalid("PullRequest", "state", words)
            pull.state, pull.closed_at, pull.head_sha, pull.updated_at = "open", None, tip, now()
            self.test_merge(repo, pull)
            self._emit(repo, pull, "reopened", sender)

    def edit_pull(self, repo: Repository, pull: Pull, changes: shapes.Json, sender: User) -> None:
        """Change title, body, base or state."""
        with self.state.lock:
            refuse_long(changes)
            before: shapes.Json = {}
            for name in ("title", "body"):
                if name in changes and changes[name] != getattr(pull, name):
                    before[name] = {"from": getattr(pull, name) or ""}
                    setattr(pull, name, changes[name])
            if changes.get("base") and changes["base"] != pull.base:
                before["base"] = {"ref": {"from": pull.base}, "sha": {"from": pull.base_sha}}
                pull.base, pull.base_sha = changes["base"], repo.bare.tip(changes["base"])
                self.test_merge(repo, pull)
            pull.updated_at = now()
            if before:
                self._emit(repo, pull, "edited", sender, changes=before)
            if changes.get("state") == "closed" and pull.state == "open":
                self.close_pull(repo, pull, sender)
            if changes.get("state") == "open" and pull.state == "closed":
                self.reopen_pull(repo, pull, sender)

    def merge_pull(
        self,
        repo: Repository,
        pull: Pull,
        method: MergeMethod,
        sender: User,
        *,
        title: str | None = None,
        message: str | None = None,
        sha: str | None = None,
        sending: Sending | None = None,
    ) -> str:
        """Merge a pull request by one of GitHub's methods and return the base branch's new commit."""
        with self.state.lock:
            if pull.state != "open" or pull.draft:
                raise RefusalError(405, "Pull Request is not mergeable")
            if sha is not None and sha != pull.head_sha:
                raise RefusalError(409, "Head branch was modified. Review and try the merge again.")
            base = repo.bare.tip(pull.base)
            label = f"{repo.owner}/{pull.head}"
            people = (pull.user.person, sender.person)
            merge = Merge(base, pull.head_sha, pull.number, pull.title, label, *people, title, message)
            try:
                new = make_merge(repo.bare, merge, method)
                repo.bare.update_ref(f"refs/heads/{pull.base}", new, base)
            except ConflictError as error:
                raise RefusalError(405, "Pull Request is not mergeable") from error
            except GitError as error:
                raise RefusalError(409, "Base branch was modified. Review and try the merge again.") from error
            self._mark_merged(repo, pull, new, sender)
            pull.merged_commits = frozenset(repo.bare.shas(new, without=[base]))
            self._tell_merged(repo, pull, RefUpdate(f"refs/heads/{pull.base}", base, new), sender, sending or Sending())
        return new

    def _tell_merged(self, repo: Repository, pull: Pull, update: RefUpdate, sender: User, sending: Sending) -> None:
        copies = {event: 2 if event in sending.twice else 1 for event in ("push", "pull_request")}
        if sending.order == "pull-request-first":
            self._emit(repo, pull, "closed", sender, copies=copies["pull_request"])
        self.moved(repo, [update], sender, copies=copies["push"])
        if sending.order == "push-first":
            self._emit(repo, pull, "closed", sender, copies=copies["pull_request"])

    def _mark_merged(self, repo: Repository, pull: Pull, new: str, sender: User) -> None:
        pull.state, pull.merged, pull.merged_by, pull.merge_commit_sha = "closed", True, sender, new
        pull.merged_at = pull.closed_at = pull.updated_at = now()
        with contextlib.suppress(GitError):
            repo.bare.delete_ref(f"refs/pull/{pull.number}/merge")

    def request_review(
        self, repo: Repository, pull: Pull, reviewers: Iterable[str], teams: Iterable[str], sender: User
    ) -> None:
        """Ask people and teams to review; refuses the author and those without access."""
        with self.state.lock:
            people, groups = list(reviewers), list(teams)
            if pull.user.login in people:
                raise RefusalError(422, "Review cannot be requested from pull request author.")
            if self.state.unknown_reviewers & {*people, *groups}:
                raise RefusalError(
                    422,
                    "Reviews may only be requested from collaborators. One or more of the users or teams you "
                    f"specified is not a collaborator of the {repo.full_name} repository.",
                )
            pull.reviewers += [login for login in people if login not in pull.reviewers]
            pull.teams += [slug for slug in groups if slug not in pull.teams]
            for login in people:
                asked = shapes.user(self.state, self.state.user(login))
                self._emit(repo, pull, "review_requested", sender, requested_reviewer=asked)
            for slug in groups:
                asked = shapes.team(self.state, repo.owner, slug)
                self._emit(repo, pull, "review_requested", sender, requested_team=asked)

    def find_pull(self, repo: Repository, number: int) -> Pull:
        """Return a pull request by number; refuses with 404."""
        if number not in repo.pulls:
            raise not_found()
        return repo.pulls[number]
