"""Has images made: here, by a long task of our own, or elsewhere, by another system that is started and followed.

A builder's `place` says which of the two it is. It is read once, when a build is wanted; from then on the build's row
has it. If another pipeline pushes by itself, there is nothing to start or to ask, and so no builder.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from service.core.images import ImageReference
from service.core.words import BuilderPlace, Repository, Sha
from service.ports.registry import PushTarget


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
    platforms: tuple[str, ...] = ()
    """What the image must have, by their one name; empty if that does not matter."""
    fresh: bool = False
    """Nothing of earlier builds is used, and base images are fetched again."""
    anew: bool = False
    """The image is there and is made again: one of this commit under the tag is no reason to stop."""


class BuildControl(Protocol):
    """The callbacks of a builder here: it reports its output and asks whether to stop."""

    def log(self, text: str) -> None:
        """Store a piece of the build's log."""
        ...

    def cancelled(self) -> bool:
        """Tell whether to stop, because the build is no longer wanted or this process is going down."""
        ...


class HereBuilder(Protocol):
    """Makes and pushes images on this machine, for minutes, on the build queue."""

    @property
    def place(self) -> Literal[BuilderPlace.HERE]:
        """Tell that it works here."""
        ...

    def build(self, request: BuildRequest, control: BuildControl) -> None:
        """Make and push the image; raise PermanentError with code `build-failed` where it cannot be made."""
        ...


@dataclass(frozen=True, slots=True)
class StartRequest:
    """One image wanted of a builder elsewhere. It is given no credentials: it pushes with its own."""

    repository: Repository
    branch: str
    commit: Sha
    reference: ImageReference
    labels: Mapping[str, str]
    options: object
    since: datetime | None = None
    """When the start was first asked for, by our clock; None where it was not yet."""
    fresh: bool = False
    """Nothing of earlier builds is to be used, as far as the other side can be told that."""
    anew: bool = False
    """The image is there and is made again. PermanentError if the other side cannot be told that: it might take it."""


class Progress(StrEnum):
    """The state of a build elsewhere."""

    RUNNING = "running"
    """Queued there, or under way."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class BuildStanding:
    """What a builder elsewhere says of one build: its state, and words for people."""

    progress: Progress
    words: str = ""
    heard: bool = True
    """False if it could not be asked, and is only taken to be under way."""


@dataclass(frozen=True, slots=True)
class LogPiece:
    """A piece of a log, and the place after it in the builder's own notation; no text means that no more is there."""

    text: str
    after: str


class ElsewhereBuilder(Protocol):
    """Lets another system make and push images: starts builds, asks for them, cancels them, reads their logs.

    Every call returns at once. An external id is text that only the builder understands. It is all that the builder
    needs to find the build again, so that one call can ask for builds of many repositories. The correlation is ours.
    The builder stores it in a form that `find` can see (a run's name, a variable). If the other side has a key of its
    own against a second start, the correlation is that key too.
    """

    @property
    def place(self) -> Literal[BuilderPlace.ELSEWHERE]:
        """Tell that it works elsewhere."""
        ...

    @property
    def listed_within(self) -> timedelta:
        """Tell after how long at most `find` and `states` see a build that was started."""
        ...

    def most_at_once(self, options: object) -> int | None:
        """Tell how many builds of one source repository may be under way; None where the other side sees to that."""
        ...

    def start(self, request: StartRequest, correlation: str) -> str | None:
        """Start the build and give its external id; None if the other side accepts it but tells no id.

        PermanentError: it was refused. NotStartedError: it was refused for now; BusyError: because there is no room.
        Nothing has begun after any of these. Any other RetryableError: what became of it is not known.
        """
        ...

    def find(self, request: StartRequest, correlation: str) -> str | None:
        """Give the external id of the build that was started with this correlation; None if none is visible."""
        ...

    def states(self, external_ids: Collection[str]) -> Mapping[str, BuildStanding]:
        """Give the states of these builds, in as few calls as possible; a build that is not known there is left out."""
        ...

    def repeated(self, external_ids: Collection[str]) -> Mapping[str, str]:
        """Give the newest build that came of running one of these again there, for each that has one.

        A builder whose builds keep their ids when they are run again gives none, and asks nothing.
        """
        ...

    def cancel(self, external_id: str) -> None:
        """Stop the build; does nothing if it has ended or is not known."""
        ...

    def log(self, external_id: str, after: str) -> LogPiece:
        """Give the log's next piece after a place; empty is its beginning."""
        ...


Builder = HereBuilder | ElsewhereBuilder
