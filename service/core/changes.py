"""What happened in a repository, as neutral events: a source makes them, intake and the web role read them.

Pure values. Nothing here knows which forge or registry they came from, nor whether anything is configured for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.core.words import Repository, Sha

PROMOTION_BRANCHES = "mergeport/promotion/"
"""Head branches of the pull requests that promotions open."""

STATE_BRANCH = "mergeport/state"
"""The branch of a manifest repository that says what is locked, held and blocked there."""


@dataclass(frozen=True, slots=True)
class Push:
    """Commits that reached a branch. `commits` are those that it covers, oldest first, including `after`.

    GitHub lists at most 2,048 of them. `before` is None for a new branch. `promotions` are those commits whose messages
    say that a run of ours made them, whoever committed them. `touched` are the paths that the source names, empty if it
    names none.
    """

    repository: Repository
    branch: str
    before: Sha | None
    after: Sha
    commits: tuple[Sha, ...]
    created: bool
    forced: bool
    pusher: str
    sender: str
    subject: str
    author: str
    author_email: str
    default_branch: str
    promotions: frozenset[Sha] = frozenset()
    touched: frozenset[str] = frozenset()
    repository_id: str = ""
    """The forge's own id of the repository, which stays when it is renamed; empty if the source tells none."""


@dataclass(frozen=True, slots=True)
class PullRequestMerged:
    """A pull request that was merged into `branch` as `merge_commit`, by whatever method."""

    repository: Repository
    branch: str
    base_sha: Sha
    merge_commit: Sha
    number: int
    title: str
    author: str
    labels: tuple[str, ...]
    url: str
    head_branch: str
    head_repository: Repository | None
    merged_by: str
    default_branch: str
    repository_id: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """A promotion's pull request was closed, reopened or given another base: look at it now.

    Its outcome is read from the forge, not taken from the hint.
    """

    repository: Repository
    number: int
    head_branch: str
    base_branch: str
    merged: bool
    merge: PullRequestMerged | None = None
    """The merge that it tells of, in case the pull request is not ours, because a person may name a branch as we do."""
    repository_id: str = ""


@dataclass(frozen=True, slots=True)
class BuildHint:
    """Something that makes images of a repository elsewhere has moved: look at what we await of it now.

    `builder` is the kind of the builder whose build it may be; empty where it is none of ours. `ended` says that
    something is over, so that an image may be there, or may never come, and `went_well` that it ended well. `build` is
    the builder's own id of the build, and `commit` what it is of, where they are told: its checks have changed too.
    """

    repository: Repository
    builder: str
    ended: bool
    repository_id: str = ""
    build: str = ""
    commit: str = ""
    went_well: bool = False


@dataclass(frozen=True, slots=True)
class GateHint:
    """Something has changed that gates read: checks of a commit, a review, or a label. The gates read the truth.

    `commit` is None and `number` is 0 where the request names no commit and no pull request. `queued` is the head under
    which a merge queue tries the pull request.
    """

    repository: Repository
    commit: Sha | None = None
    number: int = 0
    queued: Sha | None = None
    repository_id: str = ""


@dataclass(frozen=True, slots=True)
class Commented:
    """A person wrote a comment on a pull request that has a command. `comment` is the forge's own id of it.

    `at` is the forge's time. What the person may do, and at which head they looked, is asked of the forge.
    """

    repository: Repository
    number: int
    comment: str
    author: str
    body: str
    at: datetime
    repository_id: str = ""


@dataclass(frozen=True, slots=True)
class ModelHint:
    """Something has moved in a registry of models: look at this model now. `kind` is that of the registry."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Ping:
    """A source only tests whether deliveries arrive; `words` are the answer."""

    repository: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing is to be done, and why."""

    reason: str


Event = Push | PullRequestMerged | Hint | BuildHint | GateHint | Commented | ModelHint | Ping | Ignored


def needless(event: Event) -> str | None:
    """Give the reason why the request alone proves that nothing is to be done, or None."""
    return event.reason if isinstance(event, Ignored) else None
