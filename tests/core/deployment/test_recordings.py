"""Recorded answers of a real Argo CD are judged: nothing is live before all three conditions are met."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.adapters.deployers.argocd.observation import observation_of
from service.core.deployment import (
    Doubt,
    Observation,
    Standing,
    VerdictKind,
)
from service.core.images import ImageReference
from service.core.words import Sha
from tests.core.deployment.observed import (
    DIGEST,
    judge,
    lived,
)

DATA = Path(__file__).parents[2] / "data" / "argocd"


def stream() -> list[dict[str, Any]]:
    lines = (DATA / "watch-stream.ndjson").read_text().splitlines()
    return [json.loads(line)["result"]["application"] for line in lines if line]


def commits() -> list[Sha]:
    """Give the commits of the recording, oldest first."""
    seen = [app["status"]["sync"].get("revision", "") for app in stream()]
    return [Sha(revision) for revision in dict.fromkeys(seen) if len(revision) == 40]


def three_conditions(application: dict[str, Any], allowed: set[str]) -> bool:
    """Read the three conditions of "live" straight from Argo CD's answer."""
    status = application["status"]
    result = (status.get("operationState") or {}).get("syncResult") or {}
    return (
        status["sync"]["status"] == "Synced"
        and status["sync"].get("revision") in allowed
        and result.get("revision") in allowed
    )


def live_image(observed: Observation) -> ImageReference:
    """Give the live image as if it were ours, which is the hardest case for the judge's proof by image."""
    name, _, tag = (observed.images or ("registry.example.com/none:0",))[0].rpartition(":")
    registry, _, repository = name.partition("/")
    return ImageReference(registry, repository, tag)


@pytest.mark.parametrize("position", range(len(commits())))
def test_no_commit_of_the_recording_is_live_before_all_three_conditions(position: int) -> None:
    order = commits()
    ours = order[position]
    standings = {sha: Standing.BEFORE if at < position else Standing.KEEPS for at, sha in enumerate(order)}
    allowed = {sha for sha in order if standings[sha] is Standing.KEEPS}
    ended = 0
    for application in stream():
        observed = observation_of(application)
        verdict = judge(observed, commit=ours, standings=standings, images=[live_image(observed)])
        met = three_conditions(application, {*allowed, ours})
        assert verdict.kind is not VerdictKind.ASK
        if verdict.kind is not VerdictKind.WAITING:
            assert met
            assert application["status"]["health"]["status"] in {"Healthy", "Degraded"}
            ended += 1
    reached = any(three_conditions(app, {*allowed, ours}) for app in stream())
    assert bool(ended) == reached


def test_no_recorded_state_is_a_success_of_an_image_that_was_never_there() -> None:
    for application in stream():
        observed = observation_of(application)
        ours = replace(live_image(observed), tag="never", digest=DIGEST)
        standings = dict.fromkeys(commits(), Standing.KEEPS)
        verdict = judge(observed, commit=commits()[0], standings=standings, images=[ours])
        if verdict.kind is VerdictKind.SUCCEEDED:
            assert not observed.images
            assert not observed.applied


def test_first_end_of_each_recorded_commit_comes_at_its_first_health_after_progressing() -> None:
    order = commits()
    for position, ours in enumerate(order[:-1]):
        standings = {sha: Standing.BEFORE if at < position else Standing.KEEPS for at, sha in enumerate(order)}
        progressing = False
        for application in stream():
            observed = observation_of(application)
            verdict = judge(observed, commit=ours, standings=standings)
            if verdict.kind is VerdictKind.SUCCEEDED:
                assert verdict.revision == ours
                assert progressing
                break
            progressing |= "live and Progressing" in verdict.reason
        else:
            pytest.fail(f"{ours} was never seen live")


@pytest.mark.parametrize(
    ("file", "kind", "reason"),
    [
        ("app-1-just-synced.json", VerdictKind.WAITING, "is live and Progressing"),
        ("app-2-synced-healthy.json", VerdictKind.SUCCEEDED, "is live and healthy"),
        ("app-3-while-syncing.json", VerdictKind.WAITING, "OutOfSync"),
        ("app-4-synced-progressing.json", VerdictKind.WAITING, "is live and Progressing"),
        ("app-5-degraded.json", VerdictKind.DOUBTFUL, "is live and Degraded"),
    ],
)
def test_recorded_states_are_judged(file: str, kind: VerdictKind, reason: str) -> None:
    application = json.loads((DATA / file).read_text())
    verdict = judge(observation_of(application), commit=Sha(application["status"]["sync"]["revision"]))
    assert verdict.kind is kind
    assert reason in verdict.reason


def test_degraded_run_fails_with_argocds_own_words() -> None:
    application = json.loads((DATA / "app-5-degraded.json").read_text())
    verdict = judge(observation_of(application), commit=Sha(application["status"]["sync"]["revision"]))
    assert verdict.messages == ('Deployment/web-dev: Deployment "web-dev" exceeded its progress deadline',)


def test_chart_that_does_not_render_fails_after_the_grace_and_not_before() -> None:
    observed = observation_of(json.loads((DATA / "app-6-comparison-error.json").read_text()))
    first, early, late = lived((0, observed), (59, observed), (60, observed))
    assert (first.kind, early.kind, late.kind) == (VerdictKind.WAITING, VerdictKind.WAITING, VerdictKind.FAILED)
    assert "deliberate" in late.messages[0]


def test_healthy_application_that_cannot_be_compared_is_not_live() -> None:
    observed = observation_of(json.loads((DATA / "app-6-comparison-error.json").read_text()))
    assert observed.health == "Healthy"
    assert judge(observed, commit=Sha(observed.synced_revisions[0])).doubt is Doubt.NOT_COMPARABLE
