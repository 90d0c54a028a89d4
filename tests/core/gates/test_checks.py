"""The checks gate: statuses and check runs of the source commit."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from service.core.gates import Allow, Unknown, Verdict, Wait
from service.core.gates.checks import Options, judge
from service.core.gates.seen_checks import Check, CheckState
from tests.core.gates.promotions import ago, facts

P, S, R, F = CheckState.PASSED, CheckState.SKIPPED, CheckState.RUNNING, CheckState.FAILED


def judged(options: dict[str, object], *checks: Check) -> Verdict:
    return judge(Options.model_validate(options), facts(checks=checks))


def test_passed_checks_open() -> None:
    assert judged({"contexts": ["ci/*"]}, Check("ci/test", P), Check("ci/lint", S), Check("other", F)) == Allow(
        "1 passed, 1 skipped: ci/lint, ci/test"
    )


def test_a_missing_check_waits_by_name() -> None:
    assert judged({"contexts": ["ci/test", "ci/lint"]}, Check("ci/lint", P)) == Wait(
        "no check ci/test on 4f4f4f4f4f4f yet"
    )


def test_a_failed_check_waits_with_its_link_because_a_rerun_can_make_it_green() -> None:
    assert judged({"contexts": ["ci/*"]}, Check("ci/test", F, "https://ci/7"), Check("ci/lint", R)) == Wait(
        "ci/test (https://ci/7) failed; ci/lint is running"
    )


def test_as_many_as_required_must_be_there() -> None:
    options: dict[str, object] = {"contexts": ["ci/*"], "required": 2}

    assert judged(options, Check("ci/a", P)) == Wait("1 checks passed, 2 are required")
    assert isinstance(judged(options, Check("ci/a", P), Check("ci/b", P)), Allow)
    assert isinstance(judged(options, Check("ci/a", P), Check("ci/b", P), Check("ci/c", F)), Wait)


def test_our_own_statuses_never_count() -> None:
    assert isinstance(judged({"contexts": ["*"]}, Check("mergeport/gate/checks", R), Check("ci", P)), Allow)
    assert isinstance(judged({"contexts": ["*"]}, Check("mergeport/dev", P)), Wait)


def test_of_one_producer_the_newest_report_counts() -> None:
    old, new = Check("t", F, producer="app", at=ago(minutes=2)), Check("t", P, producer="app", at=ago(minutes=1))

    assert isinstance(judged({"contexts": ["t"]}, new, old), Allow)


def test_of_two_producers_with_one_name_both_count() -> None:
    assert isinstance(judged({"contexts": ["t"]}, Check("t", F, producer="a"), Check("t", P, producer="b")), Wait)


@pytest.mark.parametrize("states", [(P, F), (F, P), (P, R), (R, S), (S, F)])
def test_of_two_reports_at_one_time_the_worse_one_counts(states: tuple[CheckState, CheckState]) -> None:
    assert isinstance(judged({"contexts": ["t"]}, *(Check("t", state, at=ago(minutes=1)) for state in states)), Wait)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("build / test (3.11)", "build / test (3.11)"), ("build*", "build / [x] a"), ("*", "x"), ("a**c", "abc")],
)
def test_only_the_star_is_special_in_a_pattern(pattern: str, name: str) -> None:
    assert isinstance(judged({"contexts": [pattern]}, Check(name, P)), Allow)


def test_a_name_without_a_star_is_the_whole_name() -> None:
    assert isinstance(judged({"contexts": ["ci"]}, Check("ci/test", P), Check("CI", P)), Wait)


def test_many_checks_that_are_not_green_are_counted() -> None:
    verdict = judged({"contexts": ["*"]}, *(Check(f"c{index}", F) for index in range(9)))

    assert isinstance(verdict, Wait)
    assert verdict.words.endswith("c4 failed; 4 more are not green")


def test_checks_that_could_not_be_read_wait() -> None:
    options = Options.model_validate({"contexts": ["*"]})

    assert judge(options, facts(checks=Unknown("GitHub answers 502"))) == Wait(
        "the checks of 4f4f4f4f4f4f could not be read: GitHub answers 502"
    )


@pytest.mark.parametrize("options", [{"contexts": []}, {"contexts": [" "]}, {"contexts": ["mergeport/*"]}, {}])
def test_options_that_would_never_open_are_refused(options: object) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)
