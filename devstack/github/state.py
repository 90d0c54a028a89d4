"""What the GitHub double remembers besides git: people, tokens, pull requests, statuses, comments, hooks.

Plain records, changed only under the lock of `State`. It makes no HTTP and starts no process.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from devstack.bare import BareRepository, Person
from devstack.github.judging_records import CheckRun, Review
from devstack.github.workflow_records import Workflow, WorkflowRun

MergeMethod = Literal["merge", "squash", "rebase"]
Level = Literal["read", "write"]

ALL_PERMISSIONS: Mapping[str, Level] = {
    "metadata": "read",
    "contents": "write",
    "statuses": "write",
    "checks": "write",
    "deployments": "write",
    "pull_requests": "write",
    "issues": "write",
    "actions": "write",
    "repository_hooks": "write",
    "members": "read",
}


def now() -> str:
    """Return the time as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class User:
    """An account: a person, a bot or an organisation."""

    login: str
    id: int
    type: str = "User"

    @property
    def person(self) -> Person:
        """The account as the author of commits."""
        return Person(self.login, f"{self.id}+{self.login}@users.noreply.github.com")


@dataclass(slots=True)
class Token:
    """A credential: whose it is, what it may do, and where. `repositories` None means everywhere."""

    text: str
    user: User
    permissions: Mapping[str, Level]
    repositories: frozenset[str] | None = None
    installation: int | None = None
    expires_at: str | None = None

    def may(self, permission: str, level: Level) -> bool:
        """Tell whether the token has the permission; write includes read."""
        has = self.permissions.get(permission)
        return has in {level, "write"}

    def sees(self, repository: str) -> bool:
        """Tell whether the token reaches the repository at all."""
        return self.repositories is None or repository.lower() in {name.lower() for name in self.repositories}


@dataclass(frozen=True, slots=True)
class Status:
    """A commit status, as created; the newest of a context counts."""

    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created_at: str


@dataclass(slots=True)
class Comment:
    """A comment on an issue or pull request."""

    id: int
    number: int
    user: User
    body: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class AutoMerge:
    """Somebody's wish that a pull request is merged once nothing is in the way."""

    by: User
    method: MergeMethod
    at: str = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Milestone:
    """A milestone of a repository."""

    number: int
    title: str
    state: str = "open"


@dataclass(slots=True)
class Activity:
    """One move of a branch, as it is listed in the repository's activity."""

    id: int
    ref: str
    before: str
    after: str
    actor: User
    timestamp: str
    kind: str


@dataclass(slots=True)
class Pull:
    """A pull request. `head_sha` and `base_sha` stay as they were when it was closed.

    As on GitHub, `base_sha` is the base's tip when the head was last pushed; the base may have moved since.
    """

    id: int
    number: int
    title: str
    body: str | None
    user: User
    head: str
    base: str
    head_sha: str
    base_sha: str
    created_at: str
    updated_at: str
    draft: bool = False
    state: str = "open"
    merged: bool = False
    merged_at: str | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    closed_at: str | None = None
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    milestone: int | None = None
    auto_merge: AutoMerge | None = None
    reviewers: list[str] = field(default_factory=list)
    teams: list[str] = field(default_factory=list)
    merged_commits: frozenset[str] = frozenset()
    reviews: list[Review] = field(default_factory=list)

    @property
    def mergeable(self) -> bool | None:
        """Whether the test merge worked; unknown once closed."""
        return None if self.state == "closed" else self.merge_commit_sha is not None


@dataclass(slots=True)
class Hook:
    """A web hook of a repository."""

    id: int
    url: str
    secret: str | None
    events: tuple[str, ...]
    content_type: str = "json"
    active: bool = True
    created_at: str = field(default_factory=now)

    def wants(self, event: str) -> bool:
        """Tell whether the hook is subscribed to the event; `ping` always comes."""
        return self.active and (event == "ping" or "*" in self.events or event in self.events)


@dataclass(slots=True)
class Delivery:
    """One sending of one event to one hook, with what the receiver answered."""

    id: int
    guid: str
    hook: Hook
    event: str
    action: str | None
    repository: str
    body: bytes
    headers: dict[str, str]
    redelivery: bool = False
    delivered_at: str = ""
    duration: float = 0.0
    status_code: int = 0
    status: str = "pending"
    response: bytes = b""


@dataclass(slots=True)
class Repository:
    """A repository: its git data and everything around it."""

    id: int
    full_name: str
    bare: BareRepository
    default_branch: str
    private: bool
    created_at: str
    pushed_at: str
    pulls: dict[int, Pull] = field(default_factory=dict)
    statuses: dict[str, list[Status]] = field(default_factory=dict)
    check_runs: dict[str, list[CheckRun]] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    activity: list[Activity] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    """The roles of people in it, by their logins in small letters; the others see what is public."""
    labels: dict[str, str] = field(default_factory=dict)
    hooks: dict[int, Hook] = field(default_factory=dict)
    workflows: dict[str, Workflow] = field(default_factory=dict)
    workflow_runs: dict[int, WorkflowRun] = field(default_factory=dict)
    next_number: int = 1
    fork: bool = False
    milestones: dict[int, Milestone] = field(default_factory=dict)
    allows_auto_merge: bool = False
    allows_drafts: bool = True
    """Whether its plan has drafts: private repositories of free plans do not."""
    required: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The contexts that the protection of a branch requires."""
    rules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The kinds of the rules of rulesets that apply to a branch, besides `required`: `pull_request` and the like."""
    classic: frozenset[str] = frozenset()
    """The branches with classic protection."""
    reviews: dict[str, int] = field(default_factory=dict)
    """How many approving reviews a branch requires. One of an earlier head goes on counting, as GitHub has it."""
    strict: set[str] = field(default_factory=set)
    """The branches that take only what contains their newest commit."""
    queues: dict[str, list[int]] = field(default_factory=dict)
    """The merge queues of branches that have one: the pull requests in it."""

    @property
    def owner(self) -> str:
        """The part before the slash."""
        return self.full_name.partition("/")[0]

    @property
    def name(self) -> str:
        """The part after the slash."""
        return self.full_name.partition("/")[2]


@dataclass(slots=True)
class Installation:
    """The App on one owner's repositories."""

    id: int
    app_id: int
    owner: str
    permissions: Mapping[str, Level]
    repositories: frozenset[str] | None = None
    events: tuple[str, ...] = ("push", "pull_request")
    suspended: bool = False


class State:
    """All that the double knows. Take `lock` around whatever reads and changes it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.base_url = ""
        self.git_url = ""
        self.repositories: dict[str, Repository] = {}
        self.moved: dict[str, int] = {}
        """Former names of repositories, in small letters, and the ids of those that had them."""
        self.users: dict[str, User] = {}
        self.organisations: set[str] = set()
        self.teams: dict[tuple[str, str], frozenset[str]] = {}
        """The members of teams, by organisation and slug in small letters."""
        self.tokens: dict[str, Token] = {}
        self.installations: dict[int, Installation] = {}
        self.deliveries: list[Delivery] = []
        self.new_apps: dict[str, dict[str, Any]] = {}
        """The manifests of Apps that a person has registered by one, by the code that GitHub sends them back with."""
        self.app_hook: Hook | None = None
        """The App's own web hook; what it delivers is told of the hooks of repositories here."""
        self.unknown_reviewers: set[str] = set()
        """Logins and team slugs whose review request is refused, as GitHub does for those without access."""
        self._ids = itertools.count(1001)

    def next_id(self) -> int:
        """Return a number that nothing else has."""
        return next(self._ids)

    def find(self, full_name: str) -> Repository | None:
        """Return a repository by its name, in whatever case it is written."""
        return next((one for name, one in self.repositories.items() if name.lower() == full_name.lower()), None)

    def user(self, login: str) -> User:
        """Return the account of a login; it is created when it is first named."""
        with self.lock:
            if login not in self.users:
                kind = "Bot" if login.endswith("[bot]") else "Organization" if login in self.organisations else "User"
                self.users[login] = User(login, self.next_id(), kind)
            return self.users[login]

    def known_user(self, login: str) -> User | None:
        """Return the account of a login in whatever case, if anybody has named it before."""
        return next((one for name, one in self.users.items() if name.lower() == login.lower()), None)

    def installation_of(self, repository: Repository) -> Installation | None:
        """Return the App's installation that covers a repository."""
        for installation in self.installations.values():
            covered = installation.repositories is None or repository.full_name in installation.repositories
            if installation.owner == repository.owner and covered:
                return installation
        return None
