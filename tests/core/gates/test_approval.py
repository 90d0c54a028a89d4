"""The approval gate: who may, how many, not their own, and for the head that they saw."""

from __future__ import annotations

from datetime import datetime

import pytest
from pydantic import ValidationError

from service.core.gates import Allow, Unknown, Verdict, Wait
from service.core.gates.approval import Options, judge
from service.core.gates.reviews import Review, Reviews, ReviewState
from service.core.words import Sha
from tests.core.gates.promotions import ago, facts

HEAD, BEFORE = Sha("aa" * 20), Sha("bb" * 20)
MANAGERS = frozenset({"release-managers"})
A, C, D = ReviewState.APPROVED, ReviewState.CHANGES_REQUESTED, ReviewState.DISMISSED


def review(
    login: str,
    state: ReviewState = A,
    head: Sha = HEAD,
    *,
    at: datetime | None = None,
    teams: frozenset[str] | Unknown = MANAGERS,
) -> Review:
    return Review(login, state, head, at or ago(minutes=1), teams)


def judged(
    *given: Review, asked_by: str | None = None, by: tuple[str, ...] = ("team:release-managers",), **options: object
) -> Verdict:
    read = Options.model_validate({"from": list(by), **options})
    return judge(read, facts(reviews=Reviews(HEAD, given, frozenset({"Author"}), asked_by)))


def test_one_of_the_team_opens() -> None:
    assert judged(review("ann")) == Allow("approved by ann for aaaaaaaaaaaa")


def test_as_many_different_people_as_wanted_must_approve() -> None:
    assert judged(review("ann"), review("Ann", at=ago(hours=1)), count=2) == Wait(
        "1 of 2 approvals from team:release-managers for aaaaaaaaaaaa; by ann"
    )
    assert isinstance(judged(review("ann"), review("bob"), count=2), Allow)


def test_who_is_not_named_does_not_count() -> None:
    assert isinstance(judged(review("eve", teams=frozenset({"other"}))), Wait)


def test_a_user_may_be_named_and_names_have_no_case() -> None:
    assert isinstance(judged(review("ANN", teams=frozenset()), by=("user:Ann", "team:x")), Allow)
    assert isinstance(judged(review("x", teams=frozenset({"Release-Managers"}))), Allow)


@pytest.mark.parametrize("given", [(C, A), (A, C)])
def test_of_two_words_in_one_second_the_refusal_counts(given: tuple[ReviewState, ReviewState]) -> None:
    at = ago(minutes=1)
    assert judged(*(review("ann", one, at=at) for one in given)) == Wait("ann requested changes")


@pytest.mark.parametrize("login", ["author", "AUTHOR", "asker"])
def test_nobody_approves_their_own(login: str) -> None:
    verdict = judged(review(login), asked_by="Asker")

    assert isinstance(verdict, Wait)
    assert f"{login} cannot approve their own change" in verdict.words


def test_an_approval_of_another_head_is_told_and_does_not_count() -> None:
    assert judged(review("ann", head=BEFORE)) == Wait(
        "0 of 1 approvals from team:release-managers for aaaaaaaaaaaa; "
        "ann approved bbbbbbbbbbbb, which has changed since"
    )


def test_requested_changes_wait_whoever_else_approved() -> None:
    assert judged(review("ann"), review("bob", C, BEFORE)) == Wait("bob requested changes")


def test_a_person_who_approves_later_takes_the_requested_changes_back() -> None:
    assert isinstance(judged(review("bob"), review("bob", C, BEFORE, at=ago(hours=1))), Allow)
    assert isinstance(judged(review("bob", at=ago(hours=1)), review("bob", C)), Wait)


def test_a_dismissed_review_counts_in_no_way() -> None:
    assert isinstance(judged(review("ann"), review("bob", D)), Allow)
    assert isinstance(judged(review("bob", D)), Wait)


def test_changes_requested_by_somebody_who_may_not_approve_close_nothing() -> None:
    assert isinstance(judged(review("ann"), review("eve", C, teams=frozenset())), Allow)


def test_teams_that_could_not_be_read_wait() -> None:
    unread = Unknown("no rights to the team")

    assert judged(review("ann", teams=unread)) == Wait(
        "0 of 1 approvals from team:release-managers for aaaaaaaaaaaa; "
        "whether ann is in a team that may approve could not be read: no rights to the team"
    )
    assert isinstance(judged(review("bob"), review("ann", teams=unread)), Allow)
    assert isinstance(judged(review("bob"), review("ann", C, teams=unread)), Wait)


def test_whose_change_it_is_must_be_known() -> None:
    read = Options.model_validate({"from": "user:ann"})

    assert isinstance(judge(read, facts(reviews=Reviews(HEAD, (review("ann"),)))), Wait)
    assert isinstance(judge(read, facts()), Wait)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"from": "acme/ops"}, '"acme/ops" is neither team:SLUG nor user:LOGIN'),
        ({"from": ["user:ann"], "count": 2}, "only 1 may approve"),
        ({"from": ["user:ann", "user:ANN"], "count": 2}, "only 1 may approve"),
        ({"from": []}, "at least 1 item"),
        ({"from": "user:ann", "count": 0}, "greater than or equal to 1"),
        ({}, "Field required"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Options.model_validate(options)
