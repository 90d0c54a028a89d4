"""What one observation means for one commit: wait on, live, failed, doubtful, or overtaken.

The watch of a deployer calls `judge` for each run that waits for it, then `patience.decide`. Nothing here looks
anything up: where the verdict depends on a revision that only git can place, the verdict says so (`ASK`) and the
caller judges again. It never reads a health before the revision that the health belongs to is certain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from service.core.deployment.evidence import carriers, has_all, replaced
from service.core.deployment.observation import Observation
from service.core.deployment.overrides import over_ours
from service.core.deployment.verdicts import Doubt, Expected, Progress, Standing, Verdict, VerdictKind
from service.core.deployment.wording import LONGEST, is_sha, names_of, operation_of, since, some
from service.core.words import Repository, Sha

_ELSE = "the Argo CD application does not say why; another values file or `.argocd-source.yaml` may override ours"
_FAILED_PHASES = frozenset({"Failed", "Error"})


def judge(
    observation: Observation,
    expected: Expected,
    standings: Mapping[Sha, Standing] | None = None,
    *,
    jobs: frozenset[str] = frozenset(),
) -> Verdict:
    """Judge whether a commit of ours is live and healthy at this moment.

    `standings` holds git's answers to earlier `ASK` verdicts, `jobs` the job images of `Pods`. No operation has to
    finish in two cases: nothing had to be changed, or Argo CD finds nothing to sync because our images are live
    already, for example when a change was taken back before Argo CD looked.

    "Live" has three conditions: Argo CD's compared revision, its sync status and the revision of its last operation.
    The compared revision alone names the new commit before anything is deployed, and "Succeeded, Healthy" beside
    `OutOfSync` still describes the old version. An application without our manifest repository among its sources never
    compares our commit, so only its images are judged.
    """
    known = {**(standings or {}), expected.commit: Standing.KEEPS}
    seen = _Seen(observation, expected, known, jobs)
    if unplaced := seen.unplaced(observation.revisions):
        return _ask(unplaced)
    if overtaking := seen.replacing():
        reason = f"{overtaking[:12]} came later and has another image in place of ours"
        return Verdict(VerdictKind.OVERTAKEN, reason, revision=overtaking)
    compared = seen.newest(observation.revisions)
    if observation.comparison_error and observation.sync in {"", "Unknown"}:
        return _doubt(Doubt.NOT_COMPARABLE, "Argo CD cannot render or compare the desired state", observation)
    if compared is None:
        if seen.elsewhere():
            return _by_images(seen)
        names = names_of(observation)
        return _waiting(f"Argo CD compares {names}, not {expected.commit[:12]} yet", observation.sync_errors)
    if unplaced := seen.unplaced(observation.synced_revisions):
        return _ask(unplaced)
    if observation.tries and (unplaced := seen.unplaced(observation.operation_revisions)):
        return _ask(unplaced)
    return replace(_compared(seen, compared), failing=_failing(seen))


def is_elsewhere(observation: Observation, expected: Expected, standings: Mapping[Sha, Standing]) -> bool:
    """Tell whether no source of an application is our manifest repository, as far as that is known."""
    return _Seen(observation, expected, standings, frozenset()).elsewhere()


@dataclass(frozen=True, slots=True)
class _Seen:
    """An observation with what is expected and what is known of its revisions."""

    observation: Observation
    expected: Expected
    known: Mapping[Sha, Standing]
    jobs: frozenset[str]

    def unplaced(self, revisions: tuple[str, ...]) -> Sha | None:
        """Give the first revision whose standing is needed; None if one of them is known to be ours or later."""
        commits = self._commits(revisions)
        if any(self._is_at_or_after(revision) for revision in commits):
            return None
        return next((revision for revision in commits if revision not in self.known), None)

    def newest(self, revisions: tuple[str, ...]) -> Sha | None:
        """Give the first revision that is ours or later."""
        return next((revision for revision in self._commits(revisions) if self._is_at_or_after(revision)), None)

    def replacing(self) -> Sha | None:
        """Give the compared revision that replaces our images."""
        commits = self._commits(self.observation.revisions)
        return next((one for one in commits if self.known.get(one) is Standing.REPLACES), None)

    def elsewhere(self) -> bool:
        """Tell whether no source is our manifest repository, by its address and by what git knows."""
        sources = self.observation.sources
        if self.expected.repository is None or not sources or any(map(self._is_ours, sources)):
            return False
        return all(self.known.get(one) is Standing.FOREIGN for one in self._commits(self.observation.revisions))

    def _is_at_or_after(self, revision: Sha) -> bool:
        return self.known.get(revision) in {Standing.KEEPS, Standing.REPLACES}

    def _is_ours(self, address: str) -> bool:
        return self.expected.repository is not None and is_repository(address, self.expected.repository)

    def _commits(self, revisions: tuple[str, ...]) -> list[Sha]:
        """Give the revisions that may be commits of our repository.

        Those of our sources, if the addresses tell which these are. A chart's version or a branch's name is no commit.
        """
        sources = self.observation.sources
        if len(sources) == len(revisions) and any(map(self._is_ours, sources)):
            revisions = tuple(one for one, address in zip(revisions, sources, strict=True) if self._is_ours(address))
        return [Sha(revision) for revision in dict.fromkeys(revisions) if is_sha(revision)]


def _compared(seen: _Seen, compared: Sha) -> Verdict:
    """Judge an application that compares our commit or a later one that keeps our images."""
    observation, expected = seen.observation, seen.expected
    synced = seen.newest(observation.synced_revisions)
    if synced is not None and observation.phase in _FAILED_PHASES:
        reason = f"the sync of {synced[:12]} failed"
        if observation.retries_left:
            return _doubt(Doubt.FAILED_SYNC, reason, observation, Progress.COMPARED)
        return Verdict(VerdictKind.FAILED, reason, observation.messages, synced, Progress.COMPARED)
    if observation.sync != "Synced":
        if synced is None or not _only_others(seen):
            return _not_synced(observation, compared, synced)
    elif synced is None and not (_is_idle(observation) and (not expected.changed or _has_all(seen))):
        reason = f"Synced at {compared[:12]}, but no finished operation has brought it{operation_of(observation)}"
        return _waiting(reason, observation.sync_errors, Progress.COMPARED)
    return _by_health(seen, compared, f"{compared[:12]} is live")


def _failing(seen: _Seen) -> str:
    """Name the operation that brings our commit or a later one, if a try of it has failed."""
    observation = seen.observation
    is_failing = observation.phase in _FAILED_PHASES or (bool(observation.tries) and not _is_idle(observation))
    return observation.operation if is_failing and seen.newest(observation.operation_revisions) else ""


def _has_all(seen: _Seen) -> bool:
    return seen.observation.phase == "Succeeded" and has_all(seen.observation, seen.expected.images)


def _only_others(seen: _Seen) -> bool:
    """Tell whether `OutOfSync` is accepted, because our operation succeeded and no object with our images is."""
    observation, expected = seen.observation, seen.expected
    if not expected.patience.other_out_of_sync or observation.sync != "OutOfSync" or observation.phase != "Succeeded":
        return False
    ours = carriers(observation, expected.images)
    if not ours and not has_all(observation, expected.images):
        return False
    return bool(observation.out_of_sync) and not set(ours) & set(observation.out_of_sync)


def _not_synced(observation: Observation, compared: Sha, synced: Sha | None) -> Verdict:
    """Say what keeps the application from being in sync; the phase of an earlier operation says nothing about that."""
    reason = f"{observation.sync or 'Unknown'} at {compared[:12]}"
    if observation.out_of_sync:
        reason += f" ({some(observation.out_of_sync)})"
    if not _is_idle(observation) or synced is not None:
        reason += operation_of(observation)
    elif not observation.automated:
        reason += ": auto-sync is off, so somebody must sync it"
    if not _is_idle(observation) and observation.unhealthy:
        held = f", Suspended{since(observation)}" if observation.health == "Suspended" else ""
        reason += f"; {some(observation.unhealthy)}{held}"
    if observation.conditions:
        reason += f"; it says: {some(tuple(one[:LONGEST] for one in observation.conditions))}"
    apart = observation.out_of_sync or (observation.sync or "Unknown",)
    idle = _is_idle(observation) and synced is None and observation.automated
    return Verdict(
        VerdictKind.WAITING,
        reason,
        observation.sync_errors,
        progress=Progress.COMPARED,
        apart=apart,
        ask_pods=not _is_idle(observation) and bool(observation.unhealthy),
        ask_windows=idle and observation.sync == "OutOfSync",
    )


def _by_images(seen: _Seen) -> Verdict:
    """Judge an application whose chart and values come from elsewhere and which therefore never compares our commit."""
    observation, expected = seen.observation, seen.expected
    why = f"no source of it is {expected.repository}, so only its images are compared"
    if not _is_idle(observation) or observation.sync != "Synced":
        return _waiting(f"{observation.sync or 'Unknown'}{operation_of(observation)}; {why}", observation.sync_errors)
    if not has_all(observation, expected.images) and not carriers(observation, expected.images):
        wanted = ", ".join(str(image) for image in expected.images) or "no image"
        return _waiting(f"it does not run {wanted} yet; {why}", observation.sync_errors)
    return _by_health(seen, expected.commit, f"{expected.commit[:12]} is live ({why})")


def _by_health(seen: _Seen, live: Sha, is_live: str) -> Verdict:
    observation = seen.observation
    beside = f" beside {some(observation.out_of_sync)}, OutOfSync" if observation.sync == "OutOfSync" else ""
    words = some(observation.unhealthy)
    named = f" ({words})" if words else ""
    match observation.health:
        case "Healthy":
            return _unless_replaced(seen, live, f"{is_live} and healthy{beside}")
        case "Degraded":
            return _doubt(
                Doubt.DEGRADED, f"{is_live} and Degraded{beside}", observation, Progress.LIVE, revision=live, ask=True
            )
        case "Suspended":
            reason = f"{is_live} and Suspended{since(observation)}{named}: a person or a rollout step holds it"
            return _waiting(reason, progress=Progress.LIVE)
        case health:
            reason = f"{is_live} and {health or 'Unknown'}{named}{beside}"
            return Verdict(
                VerdictKind.WAITING, reason, observation.messages, live, Progress.LIVE, ask_pods=health == "Progressing"
            )


def _unless_replaced(seen: _Seen, live: Sha, reason: str) -> Verdict:
    """Believe no health if our repository is shown with another image, and ours is not."""
    observation = seen.observation
    expected = seen.expected
    ours_over = over_ours(observation.overrides, expected.paths, expected.images)
    found = replaced(observation, expected.images, seen.jobs, overridden=bool(ours_over))
    if found is None:
        return Verdict(VerdictKind.SUCCEEDED, reason, revision=live, progress=Progress.LIVE)
    ours, other = found
    named = some(tuple(str(one) for one in ours_over or observation.overrides))
    over = f"{named} of the Argo CD application overrides the values files" if named else _ELSE
    return Verdict(
        VerdictKind.DOUBTFUL,
        f"{other} runs in place of {ours}: {over}",
        revision=live,
        progress=Progress.COMPARED,
        doubt=Doubt.OTHER_IMAGE,
        ask_pods=True,
    )


def _is_idle(observation: Observation) -> bool:
    return observation.phase not in {"Running", "Terminating"}


def is_repository(address: str, repository: Repository) -> bool:
    """Tell whether a git address ends in this repository's name: over HTTP, SSH or as user@host:path."""
    path = address.rstrip("/").removesuffix(".git").replace(":", "/").lower()
    return path.endswith(f"/{repository}".lower()) or path == str(repository).lower()


def _ask(revision: Sha) -> Verdict:
    return Verdict(VerdictKind.ASK, f"is {revision[:12]} ours or later?", revision=revision)


def _waiting(reason: str, messages: tuple[str, ...] = (), progress: Progress = Progress.BEHIND) -> Verdict:
    return Verdict(VerdictKind.WAITING, reason, messages, progress=progress)


def _doubt(
    doubt: Doubt,
    reason: str,
    observation: Observation,
    progress: Progress = Progress.BEHIND,
    *,
    revision: Sha | None = None,
    ask: bool = False,
) -> Verdict:
    return Verdict(VerdictKind.DOUBTFUL, reason, observation.messages, revision, progress, doubt, ask)
