"""The words of the product as types: ids, names and states that every layer shares.

Pure and small. The meaning of each word is in docs/words.md; nothing here reads or decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

DeliveryId = NewType("DeliveryId", str)
ChangeId = NewType("ChangeId", str)
RunId = NewType("RunId", str)
WaitId = NewType("WaitId", str)
BuildId = NewType("BuildId", str)
Sha = NewType("Sha", str)
"""A full commit id: 40 lower-case hexadecimal characters."""
Digest = NewType("Digest", str)
"""`sha256:` and 64 hexadecimal characters: the identity of a manifest or of an index."""


class Repository(str):
    """`owner/name` as somebody wrote it. All spellings are the same repository, because the forge ignores case.

    Two spellings are equal and have the same hash and `key`. If a name becomes part of another text (a lease, a
    directory, the subject of a wait), that text uses the key.
    """

    __slots__ = ()

    @property
    def key(self) -> str:
        """The spelling that all spellings of the name share."""
        return self.lower()

    def __eq__(self, other: object) -> bool:
        """Compare without case, with plain texts as well."""
        return isinstance(other, str) and self.lower() == other.lower()

    def __ne__(self, other: object) -> bool:
        """Compare without case, as `__eq__` does."""
        return not self == other

    def __hash__(self) -> int:
        """Give one hash for all spellings."""
        return hash(self.lower())


class RunState(StrEnum):
    """The state of a run. The last four never change again."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the run."""
        return self in {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.SUPERSEDED}


class Stage(StrEnum):
    """The stages of a run, in this order."""

    BUILD = "build"
    PROMOTE = "promote"
    DEPLOY = "deploy"


class WaitKind(StrEnum):
    """What a run waits for outside; the row's key names the system that a watch looks at."""

    BUILD = "build"
    BUILD_ELSEWHERE = "build-elsewhere"
    IMAGE = "image"
    PUSH = "push"
    GATE = "gate"
    PULL_REQUEST = "pull-request"
    SYNC = "sync"
    RETRY = "retry"


class WaitOutcome(StrEnum):
    """The outcome of a wait. The answer beside it is words for people, or what the watch found."""

    OPEN = "open"
    READY = "ready"
    """The run has something to do: what it waits for is there, has changed, or is wrong for good."""
    DEADLINE = "deadline"
    """Its deadline came first."""
    CANCELLED = "cancelled"
    """Somebody wants its run to stop."""
    RESUMED = "resumed"
    """The run had lost its worker, and goes on under this wait's id."""
    ENDED = "ended"
    """Its run has ended meanwhile."""


class DeliveryState(StrEnum):
    """The outcome of a delivery."""

    STORED = "stored"
    PROCESSED = "processed"
    IGNORED = "ignored"
    FAILED = "failed"


class BuildState(StrEnum):
    """The state of a build. The last three change only with its next attempt."""

    QUEUED = "queued"
    RUNNING = "running"
    """A workflow of ours has it: it is made here, or being started elsewhere."""
    STARTED = "started"
    """A builder elsewhere has it, and its watch follows it."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to this attempt."""
        return self in {BuildState.SUCCEEDED, BuildState.FAILED, BuildState.CANCELLED}


class BuilderPlace(StrEnum):
    """Where a builder works."""

    HERE = "here"
    """On this machine, in a long workflow of ours."""
    ELSEWHERE = "elsewhere"
    """On another system, where it is started and followed."""


class EditState(StrEnum):
    """The state of a wanted edit of the manifest repository."""

    PENDING = "pending"
    PUSHING = "pushing"
    PUBLISHED = "published"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"
    """Something newer is where it would write."""
    UNORDERED = "unordered"
    """The image that it would replace is not known yet: its run looks it up, then the edit is pending again."""
    WITHHELD = "withheld"
    """A lock, a hold or the state as a whole is in its way: its run waits until it may go on."""


class Publish(StrEnum):
    """How a promotion reaches the manifest repository's branch."""

    COMMIT = "commit"
    PULL_REQUEST = "pull-request"


class AutoMerge(StrEnum):
    """Who merges a promotion's pull request once its gates are open, unless a person does."""

    GITHUB = "github"
    MERGEPORT = "mergeport"


class MergeMethod(StrEnum):
    """How a pull request is merged."""

    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


READY_LABEL, WAITING_LABEL, REFUSED_LABEL = "mergeport: ready", "mergeport: waiting", "mergeport: refused"
GATE_LABELS = (READY_LABEL, WAITING_LABEL, REFUSED_LABEL)
"""The labels that tell whether all gates of a promotion's pull request are open, some wait, or one refuses."""


class Protected(StrEnum):
    """What happens to a promotion that the manifest repository's branch refuses for good."""

    ERROR = "error"
    PULL_REQUEST = "pull-request"


class Reuse(StrEnum):
    """Whether an image that was made of the same source tree is taken instead of a new build."""

    DEFAULT = "default"
    """It is if one of our builders would make it."""
    TREE = "tree"
    NEVER = "never"


class ImageOrigin(StrEnum):
    """Whose image a run has."""

    OWN_BUILD = "own-build"
    """Its own build made it."""
    OTHER_BUILD = "other-build"
    """The build of another run of the commit made it."""
    SAME_TREE = "same-tree"
    """It was made for another commit, of the same source tree."""
    PUSHED = "pushed"
    """Another pipeline pushed it while the run waited."""
    THERE = "there"
    """It was in the registry before, and no build of ours is known to have made it."""


class Rebuild(StrEnum):
    """When an image is made anew though the same tree has one, since its base image may be a newer one."""

    NEVER = "never"
    DAILY = "daily"
    ALWAYS = "always"


class OrderBy(StrEnum):
    """How Mergeport decides which of two source commits is newer."""

    ANCESTRY = "ancestry"
    COMMIT_TIME = "commit-time"
    OFF = "off"


class Rewritten(StrEnum):
    """What happens if neither of two commits descends from the other, or one of them is gone."""

    REFUSE = "refuse"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Actor:
    """A name and address as git writes them."""

    name: str
    email: str
