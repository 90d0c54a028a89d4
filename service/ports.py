"""The outside world on one page: what Mergeport needs of it, as small Protocols.

Adapters implement these, `bootstrap` joins them, the pipeline calls them. Every method may raise
RetryableError (the same call may work later) or PermanentError (a person must change something) and
nothing else of its library. Every call is bounded in time and may be repeated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from service.core.images import Image, ImageReference
from service.core.order import Relation
from service.core.words import Actor, Repository, Sha

# --- shared ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a secret for one host; the secret never shows in a repr."""

    username: str
    secret: str = field(repr=False)


class Clock(Protocol):
    """The time, so that tests have their own."""

    def now(self) -> datetime:
        """Give the time now, aware, in UTC."""
        ...


# --- forge: GitHub and its like ------------------------------------------------------------------


class CommitState(StrEnum):
    """A commit status's state, in GitHub's words."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """One status on a commit; `description` is cut to the forge's 140 characters by the adapter."""

    context: str
    state: CommitState
    description: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class PullRequestDraft:
    """What a promotion's pull request should be. `reviewers` are logins, or `team:SLUG`."""

    head: str
    base: str
    title: str
    body: str
    reviewers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as the forge tells it now. `merge_commit` is set only when `merged`."""

    number: int
    url: str
    title: str
    body: str
    head: str
    head_sha: Sha
    base: str
    open: bool
    merged: bool
    merge_commit: Sha | None = None
    merged_by: str | None = None
    author: str | None = None
    labels: tuple[str, ...] = ()


class Forge(Protocol):
    """Repositories, commits, statuses and pull requests of one forge."""

    def clone_url(self, repository: Repository) -> str:
        """Give the HTTPS address git fetches from; never with credentials in it."""
        ...

    def web_url(self, repository: Repository) -> str:
        """Give the address a person opens for the repository."""
        ...

    def git_credentials(self, repository: Repository, *, write: bool = False) -> Credentials | None:
        """Give a user and token for git, narrowed to the one repository where an App is used."""
        ...

    def default_branch(self, repository: Repository) -> str:
        """Give the name of the default branch."""
        ...

    def head(self, repository: Repository, branch: str) -> Sha | None:
        """Give the branch's newest commit, or None when there is no such branch."""
        ...

    def file_at(self, repository: Repository, path: str, commit: str) -> bytes | None:
        """Give a file's bytes at a commit or branch, or None when it is not there."""
        ...

    def changed_paths(self, repository: Repository, before: Sha, after: Sha) -> frozenset[str] | None:
        """Give the paths changed between two commits, renames by both names; None when unknown or truncated."""
        ...

    def relation(self, repository: Repository, base: Sha, head: Sha) -> Relation:
        """Tell how `head` stands to `base`; GONE when one of them is not there or they have nothing in common."""
        ...

    def commit_time(self, repository: Repository, commit: Sha) -> datetime | None:
        """Give the committer's date of a commit, or None when it is not there."""
        ...

    def pull_requests_of(self, repository: Repository, commit: Sha) -> Sequence[PullRequest]:
        """Give the pull requests that the commit came with."""
        ...

    def set_commit_status(self, repository: Repository, commit: Sha, status: CommitStatus) -> None:
        """Put a status on a commit; the newest of a context counts, so repeating is harmless."""
        ...

    def find_pull_request(self, repository: Repository, *, head: str, base: str) -> PullRequest | None:
        """Give the open pull request of a branch, or None."""
        ...

    def open_pull_request(self, repository: Repository, draft: PullRequestDraft) -> PullRequest:
        """Open it with its reviewers and labels, or adopt the one that is already open for that head."""
        ...

    def update_pull_request(self, repository: Repository, number: int, draft: PullRequestDraft) -> PullRequest:
        """Bring title, body, reviewers and labels to what the draft says."""
        ...

    def pull_request(self, repository: Repository, number: int) -> PullRequest:
        """Give a pull request as it is now."""
        ...

    def recent_pull_requests(self, repository: Repository, *, base: str) -> Sequence[PullRequest]:
        """Give pull requests to a branch, open and closed, last updated first, one page: a watch's one look."""
        ...

    def comment(self, repository: Repository, number: int, body: str) -> None:
        """Write a comment on a pull request."""
        ...

    def identity(self) -> str:
        """Give the login that our token or App acts as, e.g. `mergeport[bot]`."""
        ...


# --- registry --------------------------------------------------------------------------------------


class Registry(Protocol):
    """Images in one registry. `host` is the name in image references; where it is reached may differ."""

    host: str

    def ensure_repository(self, repository: str) -> None:
        """Create the repository as configured where it is missing, or do nothing."""
        ...

    def find(self, repository: str, tag: str) -> Image | None:
        """Give what the tag names, read from the registry itself; None when the tag or repository is not there.

        A digest may stand in the tag's place.
        """
        ...

    def push_target(self, reference: ImageReference) -> PushTarget:
        """Give where and with which fresh credentials a builder pushes the reference."""
        ...


@dataclass(frozen=True, slots=True)
class PushTarget:
    """Where to push: `reference` by the host as it is reached, `insecure` for plain HTTP on loopback.

    `immutable_tags` is the registry's own word that a tag never moves, so that a refused push can be understood.
    `ca_file` is whom to trust when asking the registry about a push; the tool that pushes has its own.
    """

    reference: str
    host: str
    credentials: Credentials | None
    insecure: bool = False
    immutable_tags: bool = False
    ca_file: Path | None = None


# --- builder ---------------------------------------------------------------------------------------


class Checkout(Protocol):
    """Source code of one commit, on disk."""

    def __call__(self, repository: Repository, commit: Sha, directory: Path) -> None:
        """Fetch the commit, shallow, without hooks or submodules, into an empty directory (no .git left)."""
        ...


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One image wanted of one source commit. `options` is the builder's own, already validated model."""

    repository: Repository
    commit: Sha
    reference: ImageReference
    target: PushTarget
    labels: Mapping[str, str]
    options: object


class BuildControl(Protocol):
    """What a builder is given to tell and to be told while it works."""

    def log(self, text: str) -> None:
        """Keep a piece of the build's log."""
        ...

    def cancelled(self) -> bool:
        """Tell whether to stop: the build is not wanted any more, or this process is going down."""
        ...


class Builder(Protocol):
    """Has an image made and pushed.

    `local` builders work for minutes on this machine, on the build queue. The others start somebody
    else's work (or nothing) and return at once; the run then waits until the registry has the tag.
    """

    local: bool

    def build(self, request: BuildRequest, control: BuildControl) -> None:
        """Make and push the image; raise PermanentError with code `build-failed` where it cannot be made."""
        ...


# --- manifests -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a manifest repository as it is written; `at` is the committer's date."""

    id: Sha
    tree: str
    parents: tuple[Sha, ...]
    author: Actor
    committer: Actor
    at: datetime
    message: str


class Manifests(Protocol):
    """One manifest repository: read at a commit, make commits, push by compare-and-swap.

    Nothing here has a work tree, and nothing is remembered between calls but a mirror that may be
    thrown away at any time.
    """

    def fetch(self, branch: str) -> Sha | None:
        """Bring the branch's newest commit here and give it; None when there is no such branch."""
        ...

    def last_tip(self, branch: str) -> Sha | None:
        """Give the branch's commit as it was last heard of, off the network; None when that never was."""
        ...

    def read(self, commit: Sha, path: str) -> bytes:
        """Give a file's bytes; PermanentError `values-file-missing`, `values-file-symlink`, `values-file-forbidden`."""
        ...

    def commit(
        self, parent: Sha, files: Mapping[str, bytes], message: str, *, author: Actor, committer: Actor, at: datetime
    ) -> Sha:
        """Make a commit object of the parent with these files replaced; the same arguments give the same commit."""
        ...

    def push(self, branch: str, commit: Sha, *, expected: Sha | None) -> bool:
        """Move the branch to the commit if it is still at `expected` (None: absent); False when refused, why ever."""
        ...

    def delete_branch(self, branch: str, *, expected: Sha) -> bool:
        """Delete the branch if it is still there at `expected`."""
        ...

    def ancestors(self, tip: Sha, among: Collection[Sha]) -> frozenset[Sha]:
        """Tell which of these commits are the tip or behind it, deepening the mirror until that is certain."""
        ...

    def diff(self, commit: Sha) -> str:
        """Give the unified diff of a commit against its first parent."""
        ...

    def describe(self, commit: Sha) -> Commit:
        """Give a commit's people, date, parents and message."""
        ...

    def history(self, tip: Sha, *, most: int, deepen: bool = False) -> Sequence[Commit]:
        """Give the tip and what is behind it, newest first; without `deepen` only what is here, off the network."""
        ...


class ManifestRepositories(Protocol):
    """Opens manifest repositories by name; the same name gives the same, thread-safe one."""

    def open(self, repository: Repository) -> Manifests:
        """Give the repository's port."""
        ...


# --- deployer --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Observation:
    """What a deployer says of one application now; core.deployment judges it.

    `revisions` are the compared ones (one a source), `synced_revisions` those of the last finished
    operation. `messages` are the deployer's own words for whatever is wrong, most telling first.
    """

    application: str
    sync: str
    revisions: tuple[str, ...]
    phase: str | None
    synced_revisions: tuple[str, ...]
    health: str
    messages: tuple[str, ...] = ()
    comparison_error: bool = False
    images: tuple[str, ...] = ()
    url: str = ""


class Deployer(Protocol):
    """Makes desired state live and tells how it fares."""

    def refresh(self, application: str) -> None:
        """Tell it to look at the manifest repository now; PermanentError `argocd-application-unknown`."""
        ...

    def look(self, applications: Collection[str]) -> Mapping[str, Observation]:
        """Observe many applications by one list call; those it does not know are left out."""
        ...
