"""An application of applications is judged with its children: it is healthy whatever they are.

Called by the watch, for every application; pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from service.core.deployment.evidence import has_any_repository
from service.core.deployment.judging import is_elsewhere, judge
from service.core.deployment.observation import Observation
from service.core.deployment.verdicts import Doubt, Expected, Progress, Standing, Verdict, VerdictKind
from service.core.words import Sha


def judge_with_children(
    observation: Observation,
    children: Mapping[str, Observation | None],
    expected: Expected,
    standings: Mapping[Sha, Standing],
    *,
    jobs: frozenset[str] = frozenset(),
) -> Verdict:
    """Judge an application and, if it is live, its children too; None means a child that is not listed.

    Children that show an image of our repositories carry the release; the others do not matter. If none shows one, all
    must be in sync and healthy, and those of our repository at our commit or later. What our commit changes is mostly
    in the children, so no operation of the parent itself is waited for.
    """
    if not children:
        return judge(observation, expected, standings, jobs=jobs)
    own = _of_parent(observation, expected, standings)
    if own.kind is not VerdictKind.SUCCEEDED:
        return own
    carrying = {
        name: seen for name, seen in children.items() if seen is not None and has_any_repository(seen, expected.images)
    }
    for name, carrier in sorted(carrying.items()):
        verdict = judge(carrier, expected, standings, jobs=jobs)
        if verdict.kind is not VerdictKind.SUCCEEDED:
            return _of_child(name, verdict)
    if carrying:
        return replace(own, reason=f"{own.reason}, with {', '.join(sorted(carrying))}")
    for name, seen in sorted(children.items()):
        verdict = _of_bystander(seen, expected, standings)
        if verdict.kind is not VerdictKind.SUCCEEDED:
            return _of_child(name, verdict)
    return replace(own, reason=f"{own.reason}, with its {len(children)} applications")


def _of_parent(observation: Observation, expected: Expected, standings: Mapping[Sha, Standing]) -> Verdict:
    """Judge the parent alone; a parent of another repository never compares our commit, and need not run our images."""
    if is_elsewhere(observation, expected, standings):
        return _of_bystander(observation, expected, standings)
    return judge(observation, replace(expected, changed=False), standings)


def _of_bystander(seen: Observation | None, expected: Expected, standings: Mapping[Sha, Standing]) -> Verdict:
    """Judge a child that shows none of our images."""
    if seen is None:
        return Verdict(VerdictKind.WAITING, "Argo CD does not list it yet")
    if not is_elsewhere(seen, expected, standings):
        return judge(seen, replace(expected, images=(), changed=False), standings)
    running = seen.phase in {"Running", "Terminating"}
    if seen.sync != "Synced" or running:
        words = f"{seen.sync or 'Unknown'}{' and still syncing' if running else ''}"
        return Verdict(VerdictKind.WAITING, words, seen.sync_errors, progress=Progress.COMPARED)
    if seen.health == "Degraded":
        return Verdict(
            VerdictKind.DOUBTFUL, "Degraded", seen.messages, None, Progress.LIVE, Doubt.DEGRADED, ask_pods=True
        )
    if seen.health != "Healthy":
        words = seen.health or "Unknown"
        return Verdict(VerdictKind.WAITING, words, seen.unhealthy, None, Progress.LIVE, ask_pods=True)
    return Verdict(VerdictKind.SUCCEEDED, "Healthy", progress=Progress.LIVE)


def _of_child(name: str, verdict: Verdict) -> Verdict:
    return replace(verdict, reason=f"{name}, an application of it: {verdict.reason}", about=name)
