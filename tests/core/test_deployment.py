"""core.deployment judges recorded and made-up observations; nothing is looked up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.adapters.deployers.argocd.observation import observation_of
from service.core.deployment import COMPARISON_GRACE, Standing, Verdict, VerdictKind, judge
from service.core.images import ImageReference
from service.core.words import Digest, Sha
from service.ports import Observation

DATA = Path(__file__).parents[1] / "data" / "argocd"
OURS, OLDER, LATER, LATEST = (Sha(letter * 40) for letter in "abcd")

LIVE = Observation(
    application="web",
    sync="Synced",
    revisions=(OURS,),
    phase="Succeeded",
    synced_revisions=(OURS,),
    health="Healthy",
)


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
    """Give what is live as if it were ours: the hardest case for the judge's proof by image."""
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
        ("app-5-degraded.json", VerdictKind.FAILED, "is live and Degraded"),
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
    early = judge(observed, commit=OURS, waited=COMPARISON_GRACE - 1)
    late = judge(observed, commit=OURS, waited=COMPARISON_GRACE)
    assert early.kind is VerdictKind.WAITING
    assert late.kind is VerdictKind.FAILED
    assert "deliberate" in late.messages[0]


def test_healthy_application_that_cannot_be_compared_is_not_live() -> None:
    observed = observation_of(json.loads((DATA / "app-6-comparison-error.json").read_text()))
    assert observed.health == "Healthy"
    assert judge(observed, commit=Sha(observed.synced_revisions[0])).kind is VerdictKind.WAITING


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(replace(LIVE, sync="OutOfSync"), id="succeeded-healthy-but-out-of-sync"),
        pytest.param(replace(LIVE, sync="OutOfSync", health="Degraded"), id="old-degraded-lingers"),
        pytest.param(replace(LIVE, synced_revisions=(OLDER,), health="Degraded"), id="degraded-of-the-old-operation"),
        pytest.param(replace(LIVE, synced_revisions=(OLDER,)), id="synced-by-nobody"),
        pytest.param(replace(LIVE, phase=None, synced_revisions=()), id="operation-disappeared"),
        pytest.param(replace(LIVE, phase="Running", synced_revisions=()), id="operation-under-way"),
        pytest.param(replace(LIVE, revisions=(OLDER,), synced_revisions=(OLDER,)), id="not-seen-yet"),
        pytest.param(replace(LIVE, revisions=(OLDER,), synced_revisions=(OLDER,), phase="Failed"), id="old-failure"),
        pytest.param(replace(LIVE, synced_revisions=(OLDER,), phase="Failed", sync="OutOfSync"), id="older-op-failed"),
        pytest.param(replace(LIVE, revisions=("main",), sync="Unknown"), id="branch-name"),
        pytest.param(replace(LIVE, revisions=(), sync="", phase=None, synced_revisions=(), health=""), id="new"),
        pytest.param(replace(LIVE, health="Missing"), id="missing"),
        pytest.param(replace(LIVE, health="Suspended"), id="suspended"),
        pytest.param(replace(LIVE, health="Unknown"), id="unknown"),
        pytest.param(replace(LIVE, health=""), id="no-health"),
    ],
)
def test_what_does_not_prove_the_end_is_waited_on(observed: Observation) -> None:
    verdict = judge(observed, commit=OURS, standings={OLDER: Standing.BEFORE}, waited=10_000)
    assert verdict.kind is VerdictKind.WAITING
    assert verdict.reason


@pytest.mark.parametrize("phase", ["Failed", "Error"])
@pytest.mark.parametrize("sync", ["OutOfSync", "Synced"])
def test_failed_sync_of_our_commit_fails_the_run(phase: str, sync: str) -> None:
    observed = replace(LIVE, phase=phase, sync=sync, messages=("one or more objects failed to apply",))
    verdict = judge(observed, commit=OURS)
    assert (verdict.kind, verdict.messages) == (VerdictKind.FAILED, ("one or more objects failed to apply",))


def test_later_revision_is_asked_about_and_then_counts() -> None:
    observed = replace(LIVE, revisions=(LATER,), synced_revisions=(LATER,))
    assert judge(observed, commit=OURS) == Verdict(VerdictKind.ASK, f"is {LATER[:12]} ours or later?", revision=LATER)
    verdict = judge(observed, commit=OURS, standings={LATER: Standing.KEEPS})
    assert (verdict.kind, verdict.revision) == (VerdictKind.SUCCEEDED, LATER)


def test_later_commit_of_another_application_leaves_our_operation_standing() -> None:
    observed = replace(LIVE, revisions=(LATEST,), synced_revisions=(LATER,))
    standings = {LATEST: Standing.KEEPS}
    assert judge(observed, commit=OURS, standings=standings).revision == LATER
    verdict = judge(observed, commit=OURS, standings={**standings, LATER: Standing.KEEPS})
    assert verdict.kind is VerdictKind.SUCCEEDED


def test_later_revision_with_another_image_overtakes() -> None:
    observed = replace(LIVE, revisions=(LATER,), sync="OutOfSync")
    verdict = judge(observed, commit=OURS, standings={LATER: Standing.REPLACES})
    assert (verdict.kind, verdict.revision) == (VerdictKind.OVERTAKEN, LATER)


def test_several_sources_are_placed_by_whichever_is_ours() -> None:
    chart, foreign = "4.2.1", Sha("e" * 40)
    observed = replace(LIVE, revisions=(chart, foreign, OURS), synced_revisions=(chart, foreign, OURS))
    assert judge(observed, commit=OURS).kind is VerdictKind.SUCCEEDED
    elsewhere = replace(observed, revisions=(chart, foreign, LATER), synced_revisions=(chart, foreign, LATER))
    assert judge(elsewhere, commit=OURS).revision == foreign
    assert judge(elsewhere, commit=OURS, standings={foreign: Standing.BEFORE}).revision == LATER


def test_promotion_that_changed_nothing_needs_no_operation() -> None:
    observed = replace(LIVE, synced_revisions=(OLDER,))
    verdict = judge(observed, commit=OURS, standings={OLDER: Standing.BEFORE}, changed=False)
    assert verdict.kind is VerdictKind.SUCCEEDED
    running = replace(observed, phase="Running", synced_revisions=())
    assert judge(running, commit=OURS, changed=False).kind is VerdictKind.WAITING


DIGEST = Digest("sha256:" + "5" * 64)
IMAGE = ImageReference("registry.example.com", "web", "4f2c1e9ab012", DIGEST)


@pytest.mark.parametrize("seen", [str(IMAGE), f"{IMAGE.name}:{IMAGE.tag}", f"{IMAGE.name}@{DIGEST}"])
def test_change_that_was_taken_back_before_argocd_looked_is_live_by_its_image(seen: str) -> None:
    observed = replace(LIVE, synced_revisions=(OLDER,), images=("other:1", seen))
    verdict = judge(observed, commit=OURS, standings={OLDER: Standing.BEFORE}, images=[IMAGE])
    assert (verdict.kind, verdict.revision) == (VerdictKind.SUCCEEDED, OURS)


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(replace(LIVE, synced_revisions=(OLDER,)), id="no-image"),
        pytest.param(replace(LIVE, synced_revisions=(OLDER,), images=("other:4f2c1e9ab012",)), id="another-image"),
        pytest.param(
            replace(LIVE, synced_revisions=(OLDER,), images=(f"{IMAGE.name}:{IMAGE.tag}@sha256:{'6' * 64}",)),
            id="another-digest-under-the-tag",
        ),
        pytest.param(replace(LIVE, phase="Running", synced_revisions=(), images=(str(IMAGE),)), id="under-way"),
        pytest.param(replace(LIVE, phase=None, synced_revisions=(), images=(str(IMAGE),)), id="disappeared"),
        pytest.param(
            replace(LIVE, synced_revisions=(OLDER,), sync="OutOfSync", images=(str(IMAGE),)), id="out-of-sync"
        ),
        pytest.param(
            replace(LIVE, synced_revisions=(OLDER,), phase="Failed", images=(str(IMAGE),)), id="failed-before"
        ),
    ],
)
def test_image_alone_proves_nothing(observed: Observation) -> None:
    verdict = judge(observed, commit=OURS, standings={OLDER: Standing.BEFORE}, images=[IMAGE])
    assert verdict.kind is VerdictKind.WAITING
