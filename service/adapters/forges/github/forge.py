"""GitHub as the port `Forge`: repositories, commits, statuses and pull requests.

Steps, watches and intake call it. Each method is one or few bounded requests, and may be repeated. It decides
nothing: what a status says and when a pull request is opened is the pipeline's.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from service.adapters.forges.github.commits import Commits
from service.adapters.forges.github.discussing import Discussing
from service.adapters.forges.github.landing import Landing
from service.adapters.forges.github.own_setup import OwnSetup
from service.adapters.forges.github.pulls import PAGE, Pulls
from service.adapters.forges.github.shapes import (
    Account,
    Blob,
    ContentFile,
    Contents,
    Created,
    Pull,
    Ref,
    RepositoryAnswer,
)
from service.adapters.github_api import failures
from service.adapters.github_api.budget import Budgets
from service.adapters.github_api.connection import NO_REPOSITORY, SOURCES, TIMEOUT, Connection
from service.adapters.github_api.tokens import AppLogin, TokenLogin
from service.core.addresses import pages_of
from service.core.order import Relation
from service.core.words import Repository, Sha
from service.errors import DoubtfulError
from service.ports import Between, ClosedPullRequests, CommitStatus, Credentials, PullRequest, PullRequestDraft

API_URL = "https://api.github.com"
DESCRIPTION_LENGTH = 140

_EMPTY_REPOSITORY = 409


class GitHub(Landing, Discussing, OwnSetup):
    """One GitHub (github.com or an enterprise's) by one login; `ports.Forge`."""

    def __init__(
        self,
        login: TokenLogin | AppLogin,
        *,
        api_url: str = API_URL,
        git_url: str | None = None,
        ca_file: str | None = None,
        timeout: int = TIMEOUT,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        budgets: Budgets | None = None,
        name: str = SOURCES,
    ) -> None:
        """Keep addresses and login; nothing is asked yet. `git_url` is where git clones from, if elsewhere.

        `budgets` are those of the process, and `name` is the login's there.
        """
        self._connection = Connection(
            api_url, login, now=now, ca_file=ca_file, timeout=timeout, budgets=budgets, name=name
        )
        self._pulls = Pulls(self._connection)
        self._commits = Commits(self._connection)
        self._web_url = pages_of(api_url)
        self._git_url = (git_url or self._web_url).rstrip("/")
        self._identity: str | None = None

    def clone_url(self, repository: Repository) -> str:
        """Give the HTTPS address git fetches from; never with credentials in it."""
        return f"{self._git_url}/{repository}.git"

    def web_url(self, repository: Repository) -> str:
        """Give the address a person opens for the repository."""
        return f"{self._web_url}/{repository}"

    def git_credentials(self, repository: Repository, *, write: bool = False) -> Credentials | None:
        """Give a user and token for git, narrowed to the one repository where an App is used."""
        return Credentials("x-access-token", self._connection.git_token(repository, write=write))

    def forget_git_credentials(self, repository: Repository) -> None:
        """Make new credentials the next time, because those that were given are refused."""
        self._connection.forget_token(repository)

    def default_branch(self, repository: Repository) -> str:
        """Give the name of the default branch."""
        return self._connection.get(
            RepositoryAnswer,
            f"/repos/{repository}",
            doing="read the repository",
            repository=repository,
            permission="metadata: read",
        ).default_branch

    def head(self, repository: Repository, branch: str) -> Sha | None:
        """Give the branch's newest commit, or None when there is no such branch.

        A repository that is missing or invisible to us is `github-not-found`, never a missing branch.
        """
        if not _is_plain(branch):
            return None

        def ask() -> Ref:
            return self._connection.get(
                Ref,
                f"/repos/{repository}/git/ref/heads/{quote(branch)}",
                doing=f"read the branch `{branch}`",
                repository=repository,
                permission="contents: read",
            )

        for looks_left in (1, 0):
            try:
                ref = self._commits.found(ask, repository)
            except DoubtfulError as error:
                if error.fields.get("status") != _EMPTY_REPOSITORY:
                    raise
                if not looks_left:
                    return None
            else:
                return Sha(ref.object.sha) if ref else None
        return None

    def file_at(self, repository: Repository, path: str, commit: str) -> bytes | None:
        """Give a file's bytes at a commit or branch, or None when it is not there.

        A repository that is not there is `github-not-found`. A symbolic link is followed by GitHub itself, within
        the repository.
        """
        if not _is_plain(path):
            return None
        doing = f"read the file `{path}`"
        answer = self._commits.found(
            lambda: self._connection.get(
                Contents,
                f"/repos/{repository}/contents/{quote(path)}",
                parameters={"ref": commit},
                doing=doing,
                repository=repository,
                permission="contents: read",
            ),
            repository,
            at=commit,
        )
        if answer is None:
            return None
        found = answer.root
        if not isinstance(found, ContentFile) or found.type != "file":
            return None
        if found.encoding == "base64" and found.content is not None:
            return _decoded(found.content, doing, repository)
        blob = self._connection.get(
            Blob,
            f"/repos/{repository}/git/blobs/{found.sha}",
            doing=doing,
            repository=repository,
            permission="contents: read",
        )
        return _decoded(blob.content, doing, repository)

    def changed_paths(self, repository: Repository, before: Sha, after: Sha) -> frozenset[str] | None:
        """Give the paths changed between two commits, renames by both names; None when unknown or truncated."""
        return self._commits.changed_paths(repository, before, after)

    def relation(self, repository: Repository, base: Sha, head: Sha) -> Relation:
        """Tell how `head` stands to `base`; GONE when one of them is not there or they have nothing in common."""
        return self._commits.relation(repository, base, head)

    def between(self, repository: Repository, base: Sha, head: Sha) -> Between | None:
        """Give the commits that `head` has and `base` has not; of very many only the first and the last."""
        return self._commits.between(repository, base, head)

    def object_ids(self, repository: Repository, commit: Sha, paths: Collection[str]) -> dict[str, str] | None:
        """Give git's ids of files and folders at a commit; None if they cannot be told."""
        return self._commits.object_ids(repository, commit, paths)

    def commit_time(self, repository: Repository, commit: Sha) -> datetime | None:
        """Give the committer's date of a commit, or None when it is not there."""
        return self._commits.commit_time(repository, commit)

    def pull_requests_of(self, repository: Repository, commit: Sha) -> Sequence[PullRequest]:
        """Give the pull requests that brought the commit; none for a commit that GitHub does not know."""
        pulls = self._commits.shown(
            lambda: self._connection.get(
                list[Pull],
                f"/repos/{repository}/commits/{commit}/pulls",
                doing=f"read the pull requests of {commit[:12]}",
                repository=repository,
                permission="pull requests: read",
            )
        )
        return tuple(pull.ours() for pull in pulls or ())

    def set_commit_status(self, repository: Repository, commit: Sha, status: CommitStatus) -> None:
        """Put a status on a commit; the newest of a context counts, so repeating is harmless."""
        body = {
            "state": status.state.value,
            "context": status.context,
            "description": _cut(status.description, DESCRIPTION_LENGTH),
        }
        self._connection.send(
            Created,
            "POST",
            f"/repos/{repository}/statuses/{commit}",
            body | ({"target_url": status.url} if status.url else {}),
            doing=f"put a status on {commit[:12]}",
            repository=repository,
            permission="commit statuses: write",
            late=True,
        )

    def find_pull_request(self, repository: Repository, *, head: str, base: str) -> PullRequest | None:
        """Give the open pull request of a branch, or None."""
        found = self._pulls.find(repository, head=head, base=base)
        return found.ours() if found else None

    def pull_requests_from(self, repository: Repository, *, head: str) -> Sequence[PullRequest]:
        """Give one page of the pull requests of a branch of the repository, open and closed, last updated first."""
        return tuple(pull.ours() for pull in self._pulls.all_of(repository, head=head))

    def open_pull_request(self, repository: Repository, draft: PullRequestDraft) -> PullRequest:
        """Open it with its reviewers and labels, or adopt the one that is already open for that head."""
        return self._pulls.open(repository, draft)

    def update_pull_request(self, repository: Repository, number: int, draft: PullRequestDraft) -> PullRequest:
        """Bring title, body, reviewers and labels to what the draft says; labels that people added stay."""
        return self._pulls.update(repository, number, draft)

    def rewrite_pull_request(self, repository: Repository, number: int, body: str) -> None:
        """Give it another body."""
        self._pulls.rewrite(repository, number, {"body": body})

    def close_pull_request(self, repository: Repository, number: int) -> None:
        """Close it unmerged; one that is closed or merged stays as it is."""
        self._pulls.close(repository, number)

    def pull_request(self, repository: Repository, number: int) -> PullRequest:
        """Give a pull request as it is now."""
        return self._pulls.read(repository, number).ours()

    def recent_pull_requests(self, repository: Repository, *, base: str) -> Sequence[PullRequest]:
        """Give one page of the pull requests to a branch, open and closed, last updated first; without `merged_by`."""
        return tuple(pull.ours() for pull in self._pulls.recent(repository, base=base))

    def closed_pull_requests(self, repository: Repository, *, page: int) -> ClosedPullRequests:
        """Give one page of the closed pull requests, last updated first; a short page is the last."""
        pulls = self._pulls.closed(repository, page)
        since = pulls[-1].updated_at if len(pulls) >= PAGE else None
        return ClosedPullRequests(tuple(pull.ours() for pull in pulls), since)

    def commits_of_pull_request(self, repository: Repository, number: int) -> Sequence[Sha]:
        """Give the first hundred commits that a pull request has, or had when it was merged."""
        return tuple(Sha(one.sha) for one in self._pulls.commits(repository, number))

    def paths_of_pull_request(self, repository: Repository, number: int) -> frozenset[str] | None:
        """Give the paths that a pull request changes; None if they fill a page, because there may be more."""
        files = self._pulls.files(repository, number)
        names = {file.filename for file in files} | {file.previous_filename for file in files}
        return None if len(files) >= PAGE else frozenset(name for name in names if name)

    def identity(self) -> str:
        """Give the login that our token or App acts as, e.g. `mergeport[bot]`."""
        if self._identity is None:
            if self._connection.is_app:
                self._identity = f"{self._connection.slug()}[bot]"
            else:
                account = self._connection.get(
                    Account, "/user", doing="read the token's account", repository=NO_REPOSITORY
                )
                self._identity = account.login
        return self._identity


def _is_plain(path: str) -> bool:
    """Tell whether a path stays below where it is put: `..` in an address would reach another one."""
    return bool(path) and not any(part in {"", ".", ".."} for part in path.split("/"))


def _decoded(content: str, doing: str, repository: Repository) -> bytes:
    try:
        return base64.b64decode(content)
    except binascii.Error as error:
        raise failures.unexpected(doing, repository) from error


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
