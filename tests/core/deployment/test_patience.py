"""Lasting states are distinguished from passing ones, by the facts that are kept between looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from service.core.deployment import (
    NOTHING_SEEN,
    Doubt,
    Past,
    Patience,
    Progress,
    VerdictKind,
    decide,
    past_from,
    past_text,
)
from tests.core.deployment.observed import (
    APART,
    BEHIND,
    BROKEN,
    LIVE,
    NOW,
    OLDER,
    OURS,
    judge,
    lived,
)

DEGRADED = replace(LIVE, health="Degraded", messages=("back-off",))


def test_degraded_that_passes_fails_nothing() -> None:
    found = lived((0, DEGRADED), (5, replace(LIVE, health="Progressing")), (70, DEGRADED), (80, LIVE))
    assert [verdict.kind for verdict in found] == [VerdictKind.WAITING] * 3 + [VerdictKind.SUCCEEDED]


def test_degraded_that_lasts_fails_with_its_words() -> None:
    found = lived((0, DEGRADED), (59, DEGRADED), (60, DEGRADED))
    assert [verdict.kind for verdict in found] == [VerdictKind.WAITING, VerdictKind.WAITING, VerdictKind.FAILED]
    assert found[-1].words().endswith("Degraded: back-off")


def test_while_degraded_is_waited_out_it_is_known_when_that_fails() -> None:
    past = NOTHING_SEEN
    for seconds in (10, 40):
        _, past = decide(judge(DEGRADED), past, Patience(), NOW + timedelta(seconds=seconds))
        assert past_from(past_text(past)).gives_up_at == NOW + timedelta(seconds=70)
    _, past = decide(judge(LIVE), past, Patience(), NOW + timedelta(seconds=50))
    assert past.gives_up_at is None


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
    """When commits come one after the other, the moment in which the first one says Failed cannot be seen."""
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


def test_time_for_which_something_was_out_of_sync_is_told() -> None:
    first, later, between = lived((0, APART), (45, APART), (50, LIVE))
    assert "not in sync since 10:00:00" in first.reason
    assert "not in sync since 10:00:00" in later.reason
    assert between.kind is VerdictKind.SUCCEEDED
    assert "Secret/web" in between.reason


def test_past_is_read_as_it_was_written() -> None:
    past = Past(
        Doubt.DEGRADED, NOW, None, NOW, ("Secret/web",), Progress.LIVE, ("no",), ("Pod/web: back-off",), "u", "10:00"
    )
    assert past_from(past_text(past)) == past
