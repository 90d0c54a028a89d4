"""One observation is judged for one commit; nothing is looked up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.core.deployment import (
    Applied,
    Observation,
    Patience,
    Standing,
    Verdict,
    VerdictKind,
)
from service.core.words import Sha
from tests.core.deployment.observed import (
    APART,
    BEHIND,
    DIGEST,
    ELSEWHERE,
    HERE,
    IMAGE,
    LATER,
    LATEST,
    LIVE,
    NOW,
    OLDER,
    OTHER,
    OURS,
    judge,
)


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


def test_auto_sync_that_is_off_is_told_and_the_old_operation_is_not() -> None:
    observed = replace(LIVE, sync="OutOfSync", synced_revisions=(OLDER,), automated=False)
    verdict = judge(observed, standings={OLDER: Standing.BEFORE})
    assert "auto-sync is off" in verdict.reason
    assert "operation" not in verdict.reason


def test_operation_under_way_tells_what_it_waits_for() -> None:
    """With hooks and sync waves, an operation runs until the pods are healthy."""
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
    assert "only its images are compared" in verdict.reason


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


FAILURE = 'one or more objects failed to apply, reason: Deployment.apps "web" is invalid'


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ((f"Deployment/web: {FAILURE}", FAILURE, f"Failed last sync attempt to {OURS}: {FAILURE}"), 1),
        ((FAILURE, f"Deployment/web: {FAILURE}"), 1),
        ((FAILURE, f"Failed last sync attempt to [{OURS}]: {FAILURE}"), 1),
        ((f"{FAILURE} (retried 2 times).", f"Failed last sync attempt to {OURS}: {FAILURE} (retried 2 times)."), 1),
        ((f"Deployment/web: {FAILURE}", "Service/web: port is taken"), 2),
    ],
)
def test_what_argo_cd_says_of_one_failure_in_three_places_is_told_once(messages: tuple[str, ...], told: int) -> None:
    words = Verdict(VerdictKind.FAILED, "the sync failed", messages).words()
    assert words.count("; ") == told - 1
    assert words.count(FAILURE) == 1
