"""What is asked about a release, and what can be answered. Plain data, shared by judging and patience."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum

from service.core.images import ImageReference
from service.core.words import Repository, Sha

_LAST_SYNC = re.compile(r"^Failed last sync attempt to \[?[0-9a-f, ]+\]?: ")


class Standing(StrEnum):
    """How a revision relates to our commit in git."""

    BEFORE = "before"
    """It is on our branch and does not contain our commit."""
    FOREIGN = "foreign"
    """It is not on our branch: it is of another repository, or no longer known there."""
    KEEPS = "keeps"
    """It contains our commit and has our images; or people rewrote the branch without our commit, and it has them."""
    REPLACES = "replaces"
    """It contains our commit and has other images in their place."""


class Doubt(StrEnum):
    """Something that is wrong now but often passes by itself; it fails a run only if it lasts."""

    DEGRADED = "degraded"
    NOT_COMPARABLE = "not-comparable"
    FAILED_SYNC = "failed-sync"
    """A sync failed, and the deployer means to try it again."""
    OTHER_IMAGE = "other-image"
    """Another image of our repository runs in place of ours."""


class Progress(IntEnum):
    """How far a deployer has come with our commit."""

    UNSEEN = 0
    BEHIND = 1
    """It does not compare our commit yet, or that is unknown."""
    COMPARED = 2
    LIVE = 3


class VerdictKind(StrEnum):
    """What to do with the run."""

    WAITING = "waiting"
    DOUBTFUL = "doubtful"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    OVERTAKEN = "overtaken"
    TAKEN_BACK = "taken-back"
    """A person took our images away on the branch: nothing of ours will be live."""
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long something wrong is tolerated, and how long success must last.

    `other_out_of_sync` accepts objects without our images that are out of sync.
    """

    grace: timedelta = timedelta(seconds=60)
    stable: timedelta = timedelta(0)
    other_out_of_sync: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What should be live.

    With `changed=False` the promotion had nothing to change, so no operation is waited for. `repository` is where the
    commit is; empty where that is not known. `paths` are the values paths that were written.
    """

    commit: Sha
    images: tuple[ImageReference, ...] = ()
    changed: bool = True
    repository: Repository | None = None
    patience: Patience = Patience()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do and why.

    `messages` are the deployer's own words, most telling first. `revision` is the one whose standing is needed for
    `ASK`, the live one for `SUCCEEDED`, and the one that replaced ours for `OVERTAKEN` and `TAKEN_BACK`. `ask_pods`
    says that the application's pods would explain more; `apart` names what is not in sync, `about` the child
    application that the verdict is about. `ask_windows` says that no reason is visible why it does not sync. `failing`
    names the operation that brings our commit and has failed at least once.
    """

    kind: VerdictKind
    reason: str
    messages: tuple[str, ...] = ()
    revision: Sha | None = None
    progress: Progress = Progress.BEHIND
    doubt: Doubt | None = None
    ask_pods: bool = False
    apart: tuple[str, ...] = ()
    about: str = ""
    ask_windows: bool = False
    failing: str = ""

    def words(self, *, most: int = 20, longest: int = 2000) -> str:
        """Give the reason with the deployer's own words after it."""
        said = _once(self.messages)
        told = [message if len(message) <= longest else message[: longest - 1] + "…" for message in said]
        return ": ".join([self.reason, "; ".join(told[:most])]) if told else self.reason


def _once(messages: tuple[str, ...]) -> list[str]:
    """Leave out what another message already says: Argo CD tells a failure of the object, operation and condition."""
    kept: list[str] = []
    for message in messages:
        news = _LAST_SYNC.sub("", message)
        if not any(news in one for one in kept):
            kept = [one for one in kept if one not in message]
            kept.append(message)
    return kept
