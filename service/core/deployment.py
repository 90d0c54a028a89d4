"""What a deployer's observation means for one commit: wait on, live, failed, or overtaken.

The watch of a deployer calls `judge` for each run that waits for it. Nothing here looks anything up: where the
verdict depends on a revision that only git can place, the verdict says so (`ASK`) and the caller judges again.
It never reads a health before the revision that the health belongs to is certain.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from service.core.images import ImageReference
from service.core.words import Sha

COMPARISON_GRACE = 15.0
"""Seconds for which "cannot compare" is waited out: it may be about the commit before ours, or pass by itself."""

_SHA_LENGTH = 40
_FAILED_PHASES = frozenset({"Failed", "Error"})


class Observed(Protocol):
    """What is read of a `ports.Observation`."""

    @property
    def sync(self) -> str:
        """Argo CD's sync status."""
        ...

    @property
    def revisions(self) -> tuple[str, ...]:
        """The revisions that were compared, one a source."""
        ...

    @property
    def phase(self) -> str | None:
        """The phase of the newest operation, None while there is none."""
        ...

    @property
    def synced_revisions(self) -> tuple[str, ...]:
        """The revisions of the newest operation, empty until it has finished."""
        ...

    @property
    def health(self) -> str:
        """Argo CD's health status."""
        ...

    @property
    def messages(self) -> tuple[str, ...]:
        """The deployer's own words."""
        ...

    @property
    def images(self) -> tuple[str, ...]:
        """The images of what is live."""
        ...

    @property
    def comparison_error(self) -> bool:
        """Whether desired and live state could not be compared."""
        ...


class Standing(StrEnum):
    """Where a revision stands towards our commit, as git tells it."""

    BEFORE = "before"
    """It does not contain our commit: older, of another repository, or not known there."""
    KEEPS = "keeps"
    """It contains our commit and has our images."""
    REPLACES = "replaces"
    """It contains our commit and has other images in their place."""


class VerdictKind(StrEnum):
    """What to do with the run."""

    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    OVERTAKEN = "overtaken"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done and why.

    `messages` are the deployer's own words, most telling first. `revision` is the one to place for `ASK`, the
    one that is live for `SUCCEEDED`, and the one that took our place for `OVERTAKEN`.
    """

    kind: VerdictKind
    reason: str
    messages: tuple[str, ...] = ()
    revision: Sha | None = None


def judge(
    observation: Observed,
    *,
    commit: Sha,
    standings: Mapping[Sha, Standing] | None = None,
    waited: float = 0.0,
    changed: bool = True,
    images: Collection[ImageReference] = (),
    grace: float = COMPARISON_GRACE,
) -> Verdict:
    """Judge whether a commit of ours is live and healthy.

    `standings` holds what git has answered to earlier `ASK` verdicts; `waited` is in seconds since Argo CD was
    told to look. `changed=False` is for a promotion that had nothing to change: no operation will come, so none
    is waited for. With `images`, ours, none is waited for either where Argo CD finds nothing to sync because they
    are live already: a change that was taken back before Argo CD looked.

    The three conditions of "live" are Argo CD's compared revision, its sync status and its last operation's
    revision: the compared revision alone names the new commit before anything is deployed, and "Succeeded, Healthy"
    beside `OutOfSync` still tells of the old version.
    """
    known = {**(standings or {}), commit: Standing.KEEPS}
    if unplaced := _unplaced(observation.revisions, known):
        return _ask(unplaced)
    compared = _newest(observation.revisions, known)
    if compared is not None and known[compared] is Standing.REPLACES:
        return Verdict(
            VerdictKind.OVERTAKEN,
            f"{compared[:12]} came later and has another image in place of ours",
            revision=compared,
        )
    if observation.comparison_error and observation.sync in {"", "Unknown"}:
        return _not_comparable(observation, waited=waited, grace=grace)
    if compared is None:
        return _waiting(f"Argo CD compares {_names(observation.revisions)}, not {commit[:12]} yet")
    if unplaced := _unplaced(observation.synced_revisions, known):
        return _ask(unplaced)
    synced = _newest(observation.synced_revisions, known)
    if synced is not None and observation.phase in _FAILED_PHASES:
        return Verdict(VerdictKind.FAILED, f"the sync of {synced[:12]} failed", observation.messages, synced)
    if observation.sync != "Synced":
        return _waiting(f"{observation.sync or 'Unknown'} at {compared[:12]}{_operation(observation)}")
    if synced is None and not (_is_idle(observation) and (not changed or _has_all(observation, images))):
        return _waiting(f"Synced at {compared[:12]}, but no finished operation has brought it{_operation(observation)}")
    return _by_health(observation, compared)


def _by_health(observation: Observed, live: Sha) -> Verdict:
    match observation.health:
        case "Healthy":
            return Verdict(VerdictKind.SUCCEEDED, f"{live[:12]} is live and healthy", revision=live)
        case "Degraded":
            return Verdict(VerdictKind.FAILED, f"{live[:12]} is live and Degraded", observation.messages, live)
        case "Suspended":
            return _waiting(f"{live[:12]} is live and Suspended: somebody or a rollout step holds it")
        case health:
            return _waiting(f"{live[:12]} is live and {health or 'Unknown'}", observation.messages)


def _is_idle(observation: Observed) -> bool:
    return observation.phase not in {"Running", "Terminating"}


def _has_all(observation: Observed, images: Collection[ImageReference]) -> bool:
    """Tell whether the last operation went well and each image is live, by digest or, rendered so, by tag."""
    if not images or observation.phase != "Succeeded":
        return False
    return all(any(_is(seen, image) for seen in observation.images) for image in images)


def _is(seen: str, image: ImageReference) -> bool:
    name, _, digest = seen.partition("@")
    if digest:
        return digest == image.digest and name in {image.name, f"{image.name}:{image.tag}"}
    return name == f"{image.name}:{image.tag}"


def _not_comparable(observation: Observed, *, waited: float, grace: float) -> Verdict:
    """Fail when Argo CD still cannot compare after the grace; it then names no commit, only the branch."""
    if waited < grace:
        return _waiting("Argo CD cannot compare the desired state yet", observation.messages)
    return Verdict(VerdictKind.FAILED, "Argo CD cannot render or compare the desired state", observation.messages)


def _unplaced(revisions: tuple[str, ...], known: Mapping[Sha, Standing]) -> Sha | None:
    """Give the first revision whose standing is needed; none is while one of them is placed at or after ours.

    A chart's version and a branch's name are no commits, so they are passed over.
    """
    commits = [Sha(revision) for revision in revisions if _is_sha(revision)]
    if any(known.get(revision, Standing.BEFORE) is not Standing.BEFORE for revision in commits):
        return None
    return next((revision for revision in commits if revision not in known), None)


def _newest(revisions: tuple[str, ...], known: Mapping[Sha, Standing]) -> Sha | None:
    placed = (Sha(revision) for revision in revisions if _is_sha(revision))
    return next((revision for revision in placed if known.get(revision, Standing.BEFORE) is not Standing.BEFORE), None)


def _is_sha(revision: str) -> bool:
    return len(revision) == _SHA_LENGTH and all(character in "0123456789abcdef" for character in revision)


def _ask(revision: Sha) -> Verdict:
    return Verdict(VerdictKind.ASK, f"is {revision[:12]} ours or later?", revision=revision)


def _waiting(reason: str, messages: tuple[str, ...] = ()) -> Verdict:
    return Verdict(VerdictKind.WAITING, reason, messages)


def _names(revisions: tuple[str, ...]) -> str:
    return ", ".join(revision[:12] if _is_sha(revision) else revision for revision in revisions) or "nothing"


def _operation(observation: Observed) -> str:
    return f" (operation {observation.phase})" if observation.phase else " (no operation)"
