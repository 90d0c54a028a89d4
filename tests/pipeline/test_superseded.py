"""A superseded run's commit shows the state of the run that superseded it, and success only if that is live."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from service.core.order import Relation
from service.core.words import RunId, RunState, Sha
from service.pipeline.reports.statuses import want_statuses
from service.pipeline.runs import transitions
from service.store import Store, ancestry, deployments, reports, runs
from service.store.reports import Report
from service.store.runs import Run
from tests.fixtures.rows import NOW, REPOSITORY, Rows

pytestmark = pytest.mark.rows_decide

A, B, C, D = (Sha(letter * 40) for letter in "abcd")


@pytest.fixture
def rows(store: Store) -> Rows:
    """Give rows whose commits follow each other, as stored from pushes."""
    with store.begin() as tx:
        for base, head in ((A, B), (B, C), (C, D)):
            ancestry.remember(tx, REPOSITORY, base, head, Relation.AHEAD)
    return Rows(store)


def shown(store: Store, commit: Sha) -> tuple[str, str]:
    with store.read() as tx:
        (report,) = [one for one in reports.unsent(tx, NOW) if one.commit == commit]
    return report.state, report.description


def supersede(store: Store, run: Run, by: Run | None) -> None:
    with store.begin() as tx:
        transitions.end(tx, run.id, RunState.SUPERSEDED, "superseded", at=NOW, superseded_by=by.id if by else None)


def end(store: Store, run: Run, state: RunState, message: str = "words") -> None:
    with store.begin() as tx:
        transitions.end(tx, run.id, state, message, at=NOW)


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING, RunState.WAITING])
def test_superseded_by_a_run_under_way_is_pending(rows: Rows, store: Store, state: RunState) -> None:
    first, second = rows.run(rows.change(A)), rows.run(rows.change(B), state=state)
    supersede(store, first, second)
    assert shown(store, A) == ("pending", "the newer one is under way: superseded")


@pytest.mark.parametrize(
    ("ended", "state", "words"),
    [
        (RunState.SUCCEEDED, "success", f"live within {B[:12]}, which superseded it"),
        (RunState.FAILED, "failure", f"superseded by {B[:12]}, which failed: words"),
        (RunState.CANCELLED, "error", f"superseded by {B[:12]}, which is not live: words"),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_it_follows_the_end_of_the_run_that_superseded_it(
    rows: Rows, store: Store, ended: RunState, state: str, words: str, before: bool
) -> None:
    first, second = rows.run(rows.change(A)), rows.run(rows.change(B))
    if before:
        end(store, second, ended)
    supersede(store, first, second)
    if not before:
        end(store, second, ended)
    assert shown(store, A) == (state, words)


@pytest.mark.parametrize(
    ("ended", "state"),
    [(RunState.SUCCEEDED, "success"), (RunState.FAILED, "failure"), (RunState.CANCELLED, "error")],
)
def test_chain_of_superseded_runs_follows_its_last(rows: Rows, store: Store, ended: RunState, state: str) -> None:
    one, two, three, four = (rows.run(rows.change(commit)) for commit in (A, B, C, D))
    supersede(store, one, two)
    supersede(store, two, three)
    supersede(store, three, four)
    assert {shown(store, commit)[0] for commit in (A, B, C)} == {"pending"}
    end(store, four, ended)
    assert {shown(store, commit)[0] for commit in (A, B, C)} == {state}


def test_statuses_of_a_long_chain_change_once_at_its_end(rows: Rows, store: Store) -> None:
    """Each change of a status costs a request, so a run under way changes no status of those before it."""
    made = [rows.run(rows.change(f"{number:040x}")) for number in range(30)]
    for older, newer in pairwise(made):
        supersede(store, older, newer)
    with store.read() as tx:
        pending = {one.commit: one.version for one in reports.unsent(tx, NOW)}
    end(store, made[-1], RunState.FAILED)
    with store.read() as tx:
        failed = [one for one in reports.unsent(tx, NOW) if one.state == "failure"]
    assert len(failed) == 30
    assert all(one.version == pending.get(one.commit, 0) + 1 for one in failed)


def test_commit_that_the_newer_one_does_not_contain_is_not_live(rows: Rows, store: Store) -> None:
    aside = Sha("e" * 40)
    with store.begin() as tx:
        ancestry.remember(tx, REPOSITORY, aside, B, Relation.DIVERGED)
    first, second = rows.run(rows.change(aside)), rows.run(rows.change(B))
    supersede(store, first, second)
    end(store, second, RunState.SUCCEEDED)
    assert shown(store, aside) == ("error", f"not live: superseded by {B[:12]}, which does not contain this commit")


def test_commit_of_which_nobody_knows_whether_it_is_contained_is_no_success(rows: Rows, store: Store) -> None:
    first, second = rows.run(rows.change("e" * 40)), rows.run(rows.change(B))
    supersede(store, first, second)
    end(store, second, RunState.SUCCEEDED)
    assert shown(store, Sha("e" * 40))[0] == "error"


def test_superseded_by_nobody_that_is_known_is_no_success(rows: Rows, store: Store) -> None:
    supersede(store, rows.run(rows.change(A)), None)
    assert shown(store, A) == ("error", "not live by itself: superseded")


def test_retry_of_the_newer_run_is_followed(rows: Rows, store: Store) -> None:
    first, change = rows.run(rows.change(A)), rows.change(B)
    second = rows.run(change)
    supersede(store, first, second)
    end(store, second, RunState.FAILED)
    with store.begin() as tx:
        again = transitions.accept_again(tx, second, at=NOW)
    assert again is not None
    assert shown(store, A)[0] == "pending"
    end(store, again, RunState.SUCCEEDED)
    assert shown(store, A)[0] == "success"


def test_retry_in_the_middle_of_a_chain_is_followed(rows: Rows, store: Store) -> None:
    first, second, third = (rows.run(rows.change(commit)) for commit in (A, B, C))
    supersede(store, first, second)
    end(store, second, RunState.FAILED)
    with store.begin() as tx:
        again = transitions.accept_again(tx, second, at=NOW)
    assert again is not None
    supersede(store, again, third)
    end(store, third, RunState.SUCCEEDED)
    assert shown(store, A) == ("success", f"live within {C[:12]}, which superseded it")


def test_retry_of_the_superseded_run_itself_is_what_counts(rows: Rows, store: Store) -> None:
    change = rows.change(A)
    first, second = rows.run(change), rows.run(rows.change(B))
    supersede(store, first, second)
    end(store, second, RunState.FAILED)
    with store.begin() as tx:
        again = transitions.accept_again(tx, first, at=NOW)
    assert again is not None
    end(store, again, RunState.SUCCEEDED, "live and healthy")
    assert shown(store, A) == ("success", "live and healthy")


def test_of_two_applications_the_one_whose_newer_run_failed_is_told(rows: Rows, store: Store) -> None:
    change, newer = rows.change(A), rows.change(B)
    cart, search = rows.run(change, application="cart"), rows.run(change, application="search")
    new_cart, new_search = rows.run(newer, application="cart"), rows.run(newer, application="search")
    supersede(store, cart, new_cart)
    supersede(store, search, new_search)
    end(store, new_cart, RunState.SUCCEEDED)
    assert shown(store, A) == ("pending", "1 of 2 done; search: the newer one is under way: superseded")
    end(store, new_search, RunState.FAILED)
    assert shown(store, A) == ("failure", f"1 of 2 done; search: superseded by {B[:12]}, which failed: words")


def test_of_two_applications_both_live_within_the_newer_commit_all_are_done(rows: Rows, store: Store) -> None:
    change = rows.change(A)
    cart, search = rows.run(change, application="cart"), rows.run(change, application="search")
    newer = rows.run(rows.change(B), application="cart")
    supersede(store, cart, newer)
    end(store, search, RunState.SUCCEEDED)
    end(store, newer, RunState.SUCCEEDED)
    assert shown(store, A) == ("success", "all 2 done: cart, search")


def test_other_environment_of_the_same_commit_is_left_alone(rows: Rows, store: Store) -> None:
    change = rows.change(A)
    dev, prod = rows.run(change), rows.run(change, environment="prod")
    end(store, prod, RunState.SUCCEEDED, "live in prod")
    newer = rows.run(rows.change(B))
    supersede(store, dev, newer)
    end(store, newer, RunState.FAILED)
    with store.read() as tx:
        told: dict[str, Report] = {one.context: one for one in reports.unsent(tx, NOW) if one.commit == A}
    assert (told["mergeport/dev"].state, told["mergeport/prod"].state) == ("failure", "success")


def test_newer_release_that_a_person_took_back_is_live_for_neither(rows: Rows, store: Store) -> None:
    first, second = rows.run(rows.change(A)), rows.run(rows.change(B))
    supersede(store, first, second)
    end(store, second, RunState.SUCCEEDED)
    with store.begin() as tx:
        deployments.begin(tx, second, argocd_application=None, health="Healthy", at=NOW)
        live = deployments.live(tx, second.application, second.environment)
        assert live is not None
        deployments.end(tx, live, "reverted by carol", by_us=False, at=NOW + timedelta(hours=1))
        want_statuses(tx, [second])
    assert shown(store, A)[0] == "error"
    assert "reverted by carol" in shown(store, A)[1]


def test_failed_newer_run_that_somebody_repaired_is_live_for_both(rows: Rows, store: Store) -> None:
    first, second = rows.run(rows.change(A)), rows.run(rows.change(B))
    supersede(store, first, second)
    end(store, second, RunState.FAILED)
    with store.begin() as tx:
        deployments.begin(tx, second, argocd_application=None, health="Healthy", at=NOW)
        want_statuses(tx, [second])
    assert shown(store, A)[0] == "success"


def test_runs_that_supersede_each_other_are_no_endless_chain(rows: Rows, store: Store) -> None:
    first, second = rows.run(rows.change(A)), rows.run(rows.change(B))
    supersede(store, first, second)
    supersede(store, second, first)
    assert shown(store, A)[0] == "error"
    with store.read() as tx:
        assert runs.get(tx, RunId(second.id)) is not None
