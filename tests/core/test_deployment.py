"""core.deployment judges recorded and made-up observations; nothing is looked up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service.adapters.deployers.argocd.observation import observation_of
from service.core import deployment
from service.core.deployment import (
    NOTHING_SEEN,
    Applied,
    Doubt,
    Expected,
    Observation,
    Override,
    Past,
    Patience,
    Progress,
    Standing,
    Verdict,
    VerdictKind,
    decide,
    judge_with_children,
    past_from,
    past_text,
)
from service.core.images import ImageReference
from service.core.words import Digest, Repository, Sha

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


NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
MANIFESTS = Repository("acme/manifests")
HERE, ELSEWHERE = "https://github.com/Acme/manifests.git", "https://charts.example.com/web.git"


def judge(
    observed: Observation,
    *,
    commit: Sha = OURS,
    standings: dict[Sha, Standing] | None = None,
    images: Sequence[ImageReference] = (),
    changed: bool = True,
    patience: Patience = Patience(),  # noqa: B008 - frozen
    jobs: frozenset[str] = frozenset(),
) -> Verdict:
    paths = ("image.tag", "image.digest")
    expected = Expected(commit, tuple(images), changed, MANIFESTS, patience, paths)
    return deployment.judge(observed, expected, standings, jobs=jobs)


def lived(*seen: tuple[float, Observation], patience: Patience = Patience(), commit: Sha = OURS) -> list[Verdict]:  # noqa: B008 - frozen
    """Judge observations at these seconds one after the other, with what is kept between them."""
    past, found = NOTHING_SEEN, []
    for seconds, observed in seen:
        verdict = judge(observed, commit=commit, standings={OLDER: Standing.BEFORE}, patience=patience)
        decided, past = decide(verdict, past_from(past_text(past)), patience, NOW + timedelta(seconds=seconds))
        found.append(decided)
    return found


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
    verdict = judge(observed, commit=OURS, standings={OLDER: Standing.BEFORE})
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


DEGRADED = replace(LIVE, health="Degraded", messages=("back-off",))
BROKEN = replace(LIVE, sync="Unknown", revisions=("main",), comparison_error=True, messages=("Unavailable",))
BEHIND = replace(LIVE, revisions=(OLDER,), synced_revisions=(OLDER,))


def test_degraded_that_passes_fails_nothing() -> None:
    found = lived((0, DEGRADED), (5, replace(LIVE, health="Progressing")), (70, DEGRADED), (80, LIVE))
    assert [verdict.kind for verdict in found] == [VerdictKind.WAITING] * 3 + [VerdictKind.SUCCEEDED]


def test_degraded_that_lasts_fails_with_its_words() -> None:
    found = lived((0, DEGRADED), (59, DEGRADED), (60, DEGRADED))
    assert [verdict.kind for verdict in found] == [VerdictKind.WAITING, VerdictKind.WAITING, VerdictKind.FAILED]
    assert found[-1].words().endswith("Degraded: back-off")


def test_grace_is_the_configured_one() -> None:
    patient = Patience(grace=timedelta(minutes=5))
    assert lived((0, DEGRADED), (299, DEGRADED), patience=patient)[-1].kind is VerdictKind.WAITING


def test_success_that_must_last_begins_anew_after_each_break() -> None:
    patience = Patience(stable=timedelta(seconds=30))
    found = lived((0, LIVE), (20, DEGRADED), (25, LIVE), (54, LIVE), (55, LIVE), patience=patience)
    assert [verdict.kind for verdict in found] == [VerdictKind.WAITING] * 4 + [VerdictKind.SUCCEEDED]


def test_grace_of_a_comparison_error_counts_from_when_it_was_first_seen() -> None:
    found = lived((0, BEHIND), (300, BROKEN), (359, BROKEN), (360, BROKEN))
    assert [verdict.kind for verdict in found] == [VerdictKind.WAITING] * 3 + [VerdictKind.FAILED]


def test_comparison_error_after_our_commit_was_compared_fails_nothing() -> None:
    rolling = replace(LIVE, health="Progressing")
    found = lived((0, rolling), (10, BROKEN), (200, BROKEN), (210, LIVE))
    assert [verdict.kind for verdict in found] == [VerdictKind.WAITING] * 3 + [VerdictKind.SUCCEEDED]
    assert "Unavailable" in found[2].words()


def test_failed_sync_that_is_tried_again_is_waited_for_with_its_words() -> None:
    failed = replace(
        LIVE, sync="OutOfSync", phase="Failed", retries_left=True, messages=("no port",), sync_errors=("no port",)
    )
    running = replace(failed, phase="Running", synced_revisions=(), sync_errors=(), messages=())
    found = lived((0, failed), (1, running), (30, replace(failed, retries_left=False)))
    assert [verdict.kind for verdict in found] == [VerdictKind.WAITING, VerdictKind.WAITING, VerdictKind.FAILED]
    assert all("no port" in verdict.words() for verdict in found)


TRYING = replace(
    LIVE, sync="OutOfSync", phase="Running", synced_revisions=(), operation_revisions=(OURS,), tries=1,
    operation="10:00", sync_errors=("Service/web: no port",),
)  # fmt: skip


def test_operation_that_is_gone_while_the_next_one_fails_too_had_no_try_left() -> None:
    """Commits that come one after the other hide the moment in which the first one says Failed."""
    next_one = replace(TRYING, tries=0, operation="10:01", sync_errors=())
    fails_too = replace(next_one, tries=1, sync_errors=("Service/web: no port",))
    found = lived((0, TRYING), (5, replace(TRYING, tries=2)), (30, next_one), (40, fails_too))
    assert [verdict.kind for verdict in found] == [VerdictKind.WAITING] * 3 + [VerdictKind.FAILED]
    assert all("no port" in verdict.words() for verdict in found)


def test_operation_that_fails_after_ours_was_live_fails_nothing_at_once() -> None:
    progressing = replace(LIVE, health="Progressing")
    found = lived((0, TRYING), (5, progressing), (30, replace(TRYING, operation="10:01")))
    assert found[-1].kind is VerdictKind.WAITING


def test_operation_of_before_is_not_the_one_that_fails() -> None:
    older = replace(TRYING, operation_revisions=(OLDER,), operation="9:59")
    assert [verdict.kind for verdict in lived((0, older), (5, TRYING))] == [VerdictKind.WAITING] * 2


def test_cause_stays_told_while_the_next_try_says_nothing_of_it() -> None:
    silent = replace(TRYING, sync_errors=(), doing="Retrying operation. Attempt #1")
    assert "no port" in lived((0, TRYING), (5, silent), (9, silent))[-1].words()


def test_words_of_a_try_are_told_while_the_operation_runs() -> None:
    running = replace(
        LIVE, sync="OutOfSync", phase="Running", synced_revisions=(), sync_errors=("Service/web: no port",)
    )
    assert "Service/web: no port" in judge(running).words()


def test_comparison_error_that_comes_back_is_waited_out_each_time() -> None:
    rolling = replace(LIVE, health="Progressing")
    found = lived((0, rolling), (10, BROKEN), (22, rolling), (30, BROKEN), (95, BROKEN), (100, LIVE))
    assert [verdict.kind for verdict in found] == [VerdictKind.WAITING] * 5 + [VerdictKind.SUCCEEDED]
    before = lived((0, BROKEN), (50, BROKEN), (55, BEHIND), (70, BROKEN), (129, BROKEN))
    assert {verdict.kind for verdict in before} == {VerdictKind.WAITING}


@pytest.mark.parametrize("position", range(6))
@pytest.mark.parametrize("addresses", [(), (ELSEWHERE, HERE), (ELSEWHERE, "git@github.com:acme/manifests")])
def test_ours_among_six_sources_is_live_after_an_unrelated_commit(position: int, addresses: tuple[str, ...]) -> None:
    foreign = [Sha(str(number) * 40) for number in range(5)]
    revisions = (*foreign[:position], LATER, *foreign[position:])
    synced = (*foreign[:position], OURS, *foreign[position:])
    sources = tuple(addresses[revision == LATER] for revision in revisions) if addresses else ()
    observed = replace(LIVE, revisions=revisions, synced_revisions=synced, sources=sources)
    standings = dict.fromkeys(foreign, Standing.FOREIGN) | {LATER: Standing.KEEPS}
    assert judge(observed, standings=standings).kind is VerdictKind.SUCCEEDED


def test_older_pin_of_our_own_repository_beside_ours_holds_up_nothing() -> None:
    both = (OLDER, LATER)
    observed = replace(LIVE, revisions=both, synced_revisions=both, sources=(HERE, HERE))
    assert judge(observed, standings={OLDER: Standing.BEFORE, LATER: Standing.KEEPS}).kind is VerdictKind.SUCCEEDED


def test_any_number_of_sources_is_placed() -> None:
    foreign = tuple(Sha(str(number) * 40) for number in range(9))
    observed = replace(LIVE, revisions=(*foreign, LATER), synced_revisions=(*foreign, LATER))
    standings = dict.fromkeys(foreign, Standing.FOREIGN) | {LATER: Standing.KEEPS}
    assert judge(observed, standings=standings).kind is VerdictKind.SUCCEEDED


def test_only_our_sources_are_placed_where_their_addresses_tell() -> None:
    foreign = Sha("e" * 40)
    observed = replace(LIVE, revisions=(foreign, LATER), synced_revisions=(foreign, LATER), sources=(ELSEWHERE, HERE))
    assert judge(observed).revision == LATER
    assert judge(observed, standings={LATER: Standing.KEEPS}).kind is VerdictKind.SUCCEEDED


OTHER = f"{IMAGE.name}:one"
TAG, ON_DIGEST, REPLICAS = (Override("helm.parameters", name) for name in ("image.tag", "image.digest", "replicas"))
OVERRIDDEN = replace(LIVE, images=(OTHER,), overrides=(TAG, ON_DIGEST, REPLICAS))


def test_other_image_of_our_repository_is_no_success_and_names_the_override() -> None:
    verdict = judge(OVERRIDDEN, images=[IMAGE])
    assert (verdict.kind, verdict.doubt) == (VerdictKind.DOUBTFUL, Doubt.OTHER_IMAGE)
    assert f"{OTHER} runs in place of {IMAGE}" in verdict.reason
    assert "helm.parameters image.tag, helm.parameters image.digest of the" in verdict.reason


@pytest.mark.parametrize(
    ("override", "seen"),
    [
        pytest.param(ON_DIGEST, f"{IMAGE.name}@sha256:{'7' * 64}", id="digest-alone"),
        pytest.param(ON_DIGEST, f"{IMAGE.name}:{IMAGE.tag}@sha256:{'7' * 64}", id="digest-beside-our-tag"),
        pytest.param(Override("helm.values", "image.tag"), OTHER, id="values"),
        pytest.param(Override("helm.valuesObject", "image"), OTHER, id="values-above-ours"),
        pytest.param(Override("helm.parameters", "image.repository"), "mirror.example.com/team/web:one", id="mirror"),
        pytest.param(Override("helm.parameters", "image.repository"), "other.example.com/x:one", id="another-name"),
        pytest.param(Override("kustomize.images", f"web={OTHER}"), OTHER, id="kustomize"),
        pytest.param(
            Override("kustomize.images", f"{IMAGE.name}=mirror/web:one"), "mirror/web:one", id="kustomize-name"
        ),
    ],
)
def test_override_of_any_kind_is_no_success_and_is_named(override: Override, seen: str) -> None:
    verdict = judge(replace(LIVE, images=("sidecar:1", seen), overrides=(REPLICAS, override)), images=[IMAGE])
    assert (verdict.kind, verdict.doubt) == (VerdictKind.DOUBTFUL, Doubt.OTHER_IMAGE)
    assert f"runs in place of {IMAGE}: {override} of the" in verdict.reason


@pytest.mark.parametrize(
    ("registry", "seen"),
    [
        ("docker.io", "acme/web:one"),
        ("docker.io", "index.docker.io/acme/web:one"),
        ("index.docker.io", "docker.io/acme/web:one"),
        ("Registry.Example.com", "registry.example.com:443/acme/web:one"),
    ],
)
def test_registry_is_known_in_its_other_forms(registry: str, seen: str) -> None:
    image = ImageReference(registry, "acme/web", IMAGE.tag, DIGEST)
    ours = seen.replace(":one", f":{IMAGE.tag}")
    assert judge(replace(LIVE, images=(seen,)), images=[image]).doubt is Doubt.OTHER_IMAGE
    assert judge(replace(LIVE, images=(ours,)), images=[image]).kind is VerdictKind.SUCCEEDED


@pytest.mark.parametrize("seen", [f"mirror.example.com/web@{DIGEST}", f"mirror.example.com/web:{IMAGE.tag}"])
def test_ours_that_comes_from_a_mirror_is_a_success(seen: str) -> None:
    observed = replace(LIVE, images=(seen,), overrides=(Override("helm.parameters", "image.repository"),))
    assert judge(observed, images=[IMAGE]).kind is VerdictKind.SUCCEEDED


def test_override_of_other_values_holds_up_nothing() -> None:
    observed = replace(LIVE, images=("registry.example.com/sidecar:1",), overrides=(REPLICAS,))
    assert judge(observed, images=[IMAGE]).kind is VerdictKind.SUCCEEDED


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(replace(LIVE, images=(OTHER, str(IMAGE))), id="ours-beside-the-old-one"),
        pytest.param(replace(LIVE, images=()), id="nothing-runs"),
        pytest.param(replace(LIVE, images=("registry.example.com/web-worker:one",)), id="another-repository"),
        pytest.param(replace(LIVE, images=("registry.example.com:5000/web:one",)), id="another-registry"),
        pytest.param(replace(LIVE, images=(f"{IMAGE.name}:renamed@{DIGEST}",)), id="same-digest"),
    ],
)
def test_other_images_do_not_hold_up_success(observed: Observation) -> None:
    assert judge(observed, images=[IMAGE]).kind is VerdictKind.SUCCEEDED


def test_what_an_operation_brought_counts_where_nothing_runs() -> None:
    observed = replace(LIVE, applied=(Applied("Deployment/web", (OTHER,)),))
    assert judge(observed, images=[IMAGE]).doubt is Doubt.OTHER_IMAGE


def test_what_a_schedule_ran_last_is_no_other_image() -> None:
    observed = replace(LIVE, images=(OTHER,), applied=(Applied("CronJob/web", (str(IMAGE),)),))
    assert judge(observed, images=[IMAGE]).ask_pods
    assert judge(observed, images=[IMAGE], jobs=frozenset({OTHER})).kind is VerdictKind.SUCCEEDED
    overridden = replace(observed, applied=(), overrides=(TAG,))
    assert judge(overridden, images=[IMAGE], jobs=frozenset({OTHER})).doubt is Doubt.OTHER_IMAGE


APART = replace(
    LIVE, sync="OutOfSync", out_of_sync=("Secret/web",), applied=(Applied("Deployment/web", (str(IMAGE),)),)
)


def test_other_object_that_is_out_of_sync_is_accepted_where_that_is_said_and_named() -> None:
    verdict = judge(APART, images=[IMAGE], patience=Patience(other_out_of_sync=True))
    assert verdict.kind is VerdictKind.SUCCEEDED
    assert "Secret/web" in verdict.reason


@pytest.mark.parametrize(
    ("observed", "accepted"),
    [
        pytest.param(APART, False, id="not-said"),
        pytest.param(replace(APART, out_of_sync=("Deployment/web", "Secret/web")), True, id="ours-too"),
        pytest.param(replace(APART, applied=()), True, id="nothing-tells-what-is-ours"),
        pytest.param(replace(APART, phase="Running", synced_revisions=()), True, id="under-way"),
        pytest.param(replace(APART, synced_revisions=(OLDER,)), True, id="older-operation"),
    ],
)
def test_out_of_sync_is_waited_on_and_named(observed: Observation, accepted: bool) -> None:
    verdict = judge(
        observed, images=[IMAGE], standings={OLDER: Standing.BEFORE}, patience=Patience(other_out_of_sync=accepted)
    )
    assert verdict.kind is VerdictKind.WAITING
    assert "Secret/web" in verdict.reason


def test_time_for_which_something_was_out_of_sync_is_told() -> None:
    first, later, between = lived((0, APART), (45, APART), (50, LIVE))
    assert "not in sync since 10:00:00" in first.reason
    assert "not in sync since 10:00:00" in later.reason
    assert between.kind is VerdictKind.SUCCEEDED
    assert "Secret/web" in between.reason


def test_auto_sync_that_is_off_is_told_and_the_old_operation_is_not() -> None:
    observed = replace(LIVE, sync="OutOfSync", synced_revisions=(OLDER,), automated=False)
    verdict = judge(observed, standings={OLDER: Standing.BEFORE})
    assert "auto-sync is off" in verdict.reason
    assert "operation" not in verdict.reason


def test_operation_under_way_tells_what_it_waits_for() -> None:
    """With hooks and sync waves an operation runs on until pods are well."""
    words = "waiting for healthy state of apps/Deployment/web"
    observed = replace(
        LIVE,
        sync="OutOfSync",
        phase="Running",
        synced_revisions=(),
        doing=words,
        unhealthy=("Deployment/web is Progressing",),
    )
    verdict = judge(observed)
    assert words in verdict.reason
    assert "Deployment/web is Progressing" in verdict.reason
    assert verdict.ask_pods


def test_operation_that_waits_for_something_suspended_says_since_when() -> None:
    observed = replace(
        LIVE, sync="OutOfSync", phase="Running", synced_revisions=(), health="Suspended", health_since=NOW,
        unhealthy=("Rollout/web is Suspended: CanaryPauseStep",),
    )  # fmt: skip
    assert "CanaryPauseStep, Suspended since 2026-11-22 10:00 UTC" in judge(observed).reason


def test_sync_that_argocd_skips_is_told_in_its_words() -> None:
    words = "Skipping sync attempt to aaaa: auto-sync will wipe out all resources"
    observed = replace(LIVE, sync="OutOfSync", synced_revisions=(OLDER,), conditions=(words,))
    assert words in judge(observed, standings={OLDER: Standing.BEFORE}).reason


def test_what_is_progressing_and_since_when_it_is_suspended_are_told() -> None:
    progressing = replace(LIVE, health="Progressing", unhealthy=("Service/web is Progressing",))
    suspended = replace(LIVE, health="Suspended", health_since=NOW)
    assert "Service/web is Progressing" in judge(progressing).reason
    assert "since 2026-11-22 10:00 UTC" in judge(suspended).reason


FOREIGN = replace(LIVE, revisions=(LATER,), synced_revisions=(LATER,), sources=(ELSEWHERE,))


@pytest.mark.parametrize(
    ("observed", "kind"),
    [
        pytest.param(replace(FOREIGN, images=(str(IMAGE),)), VerdictKind.SUCCEEDED, id="ours"),
        pytest.param(
            replace(FOREIGN, applied=(Applied("CronJob/web", (str(IMAGE),)),)), VerdictKind.SUCCEEDED, id="ours-brought"
        ),
        pytest.param(replace(FOREIGN, images=(OTHER,)), VerdictKind.WAITING, id="not-yet"),
        pytest.param(replace(FOREIGN, images=(str(IMAGE),), sync="OutOfSync"), VerdictKind.WAITING, id="out-of-sync"),
        pytest.param(replace(FOREIGN, images=(str(IMAGE),), phase="Running"), VerdictKind.WAITING, id="under-way"),
        pytest.param(replace(FOREIGN, images=(str(IMAGE),), health="Degraded"), VerdictKind.DOUBTFUL, id="degraded"),
    ],
)
def test_application_of_another_repository_is_judged_by_its_images_and_says_so(
    observed: Observation, kind: VerdictKind
) -> None:
    verdict = judge(observed, images=[IMAGE], standings={LATER: Standing.FOREIGN})
    assert verdict.kind is kind
    assert "its images are judged" in verdict.reason


def test_application_that_follows_another_branch_of_ours_says_which() -> None:
    observed = replace(BEHIND, sources=(HERE,), follows=("release",))
    assert (
        "compares bbbbbbbbbbbb of release, not aaaaaaaaaaaa"
        in judge(observed, standings={OLDER: Standing.FOREIGN}).reason
    )


def test_repository_that_is_known_by_another_address_is_still_judged_by_its_commits() -> None:
    observed = replace(FOREIGN, images=(str(IMAGE),))
    verdict = judge(observed, images=[IMAGE], standings={LATER: Standing.BEFORE})
    assert "not aaaaaaaaaaaa yet" in verdict.reason


PARENT = replace(LIVE, synced_revisions=(OLDER,), children=("argocd/web", "argocd/other"))
CHILD = replace(LIVE, application="web", images=(str(IMAGE),))
BYSTANDER = replace(LIVE, application="other", images=("registry.example.com/other:1",), health="Degraded")


def judged_family(*children: Observation | None) -> Verdict:
    named = dict(zip(("argocd/web", "argocd/other"), children, strict=True))
    expected = Expected(OURS, (IMAGE,), repository=MANIFESTS)
    return judge_with_children(PARENT, named, expected, {OLDER: Standing.BEFORE})


@pytest.mark.parametrize(
    ("child", "kind"),
    [
        pytest.param(CHILD, VerdictKind.SUCCEEDED, id="live"),
        pytest.param(replace(CHILD, health="Progressing"), VerdictKind.WAITING, id="crashing"),
        pytest.param(replace(CHILD, health="Degraded"), VerdictKind.DOUBTFUL, id="degraded"),
        pytest.param(replace(CHILD, images=(OTHER,), health="Healthy"), VerdictKind.DOUBTFUL, id="another-image"),
        pytest.param(replace(CHILD, sync="OutOfSync"), VerdictKind.WAITING, id="out-of-sync"),
        pytest.param(replace(CHILD, revisions=(OLDER,), synced_revisions=(OLDER,)), VerdictKind.WAITING, id="behind"),
    ],
)
def test_application_of_applications_is_judged_with_the_child_that_carries_ours(
    child: Observation, kind: VerdictKind
) -> None:
    assert judged_family(child, BYSTANDER).kind is kind


@pytest.mark.parametrize(
    "child",
    [
        None,
        replace(CHILD, images=(), revisions=(OLDER,), synced_revisions=(OLDER,)),
        replace(CHILD, images=(), health="Missing"),
        replace(CHILD, images=(), phase="Running", synced_revisions=()),
    ],
)
def test_children_of_which_none_shows_our_images_must_all_be_well(child: Observation | None) -> None:
    assert judged_family(child, replace(BYSTANDER, health="Healthy")).kind is VerdictKind.WAITING


def test_past_is_read_as_it_was_written() -> None:
    past = Past(
        Doubt.DEGRADED, NOW, None, NOW, ("Secret/web",), Progress.LIVE, ("no",), ("Pod/web: back-off",), "u", "10:00"
    )
    assert past_from(past_text(past)) == past
