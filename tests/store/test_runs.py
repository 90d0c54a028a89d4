"""Runs, their waits, builds and steps: each key once, each end final, each answer once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from service.core.words import BuildState, RunState, Stage, WaitKind
from service.errors import NotFoundError
from service.store import Store, builds, figures, lookup, run_order, runs, steps, waits
from service.store.ids import new_id
from service.store.runs import Run
from tests.fixtures.rows import NOW, Rows


def get(store: Store, run: Run) -> Run:
    with store.read() as tx:
        found = runs.get(tx, run.id)
    assert found is not None
    return found


# --- runs ----------------------------------------------------------------------------------------


def test_the_same_run_is_accepted_once(rows: Rows, store: Store) -> None:
    run = rows.run()
    with store.begin() as tx:
        again = runs.accept(
            tx,
            id=type(run.id)(new_id()),
            change_id=run.change_id,
            repository=run.repository,
            branch=run.branch,
            commit=run.commit,
            application=run.application,
            environment=run.environment,
            generation=0,
            configuration_commit=run.configuration_commit,
            at=NOW,
        )
    assert not again
    with store.read() as tx:
        assert runs.newest(tx) == [run]


def test_an_ended_run_stays_as_it_ended(rows: Rows, store: Store) -> None:
    run = rows.run()
    with store.begin() as tx:
        first = runs.end(tx, run.id, RunState.SUCCEEDED, "live", at=NOW)
        second = runs.end(tx, run.id, RunState.FAILED, "late", at=NOW, code="late")
    assert (first, second) == (True, False)
    assert (get(store, run).state, get(store, run).message) == (RunState.SUCCEEDED, "live")


def test_a_later_run_counts_unless_it_came_to_nothing(rows: Rows, store: Store) -> None:
    first = rows.run(rows.change("1a" * 20))
    second = rows.run(rows.change("2a" * 20), state=RunState.WAITING)
    rows.run(rows.change("3a" * 20), state=RunState.FAILED)
    rows.run(rows.change("4a" * 20), state=RunState.CANCELLED)
    rows.run(rows.change("5a" * 20), environment="prod")
    with store.read() as tx:
        later = run_order.later(tx, first)
        assert later is not None
        assert later.id == second.id
        assert run_order.later(tx, second) is None


def test_the_newest_generation_of_each_application_is_a_commit_s(rows: Rows, store: Store) -> None:
    change = rows.change()
    rows.run(change, application="web")
    again = rows.run(change, application="web", generation=1)
    other = rows.run(change, application="api")
    with store.read() as tx:
        found = runs.of_commit(tx, change.repository, change.commit, "dev")
        assert {run.id for run in found} == {again.id, other.id}
        assert runs.next_generation(tx, other) == 1
        assert runs.next_generation(tx, again) == 2


def test_only_runs_that_nobody_touched_lately_are_unattended(rows: Rows, store: Store) -> None:
    old = rows.run(rows.change("1a" * 20), at=NOW - timedelta(seconds=10))
    rows.run(rows.change("2a" * 20), at=NOW)
    rows.run(rows.change("3a" * 20), at=NOW - timedelta(seconds=10), state=RunState.WAITING)
    with store.read() as tx:
        assert [run.id for run in runs.unattended(tx, before=NOW - timedelta(seconds=2))] == [old.id]


# --- steps ---------------------------------------------------------------------------------------


def test_a_step_that_begins_again_is_the_same_step(rows: Rows, store: Store) -> None:
    run = rows.run()
    rows.step(run, "find image", None)
    rows.step(run, "push", None)
    with store.begin() as tx:
        steps.end(tx, run.id, "find image", "failed", "away", at=NOW)
        before = steps.begin(tx, run.id, "find image", Stage.BUILD, at=NOW + timedelta(seconds=5))
        again = steps.get(tx, run.id, "find image")
        assert before is not None
        assert again is not None
        assert (before.state, before.attempts) == ("failed", 1)
        assert (again.state, again.attempts, again.started_at, again.ended_at) == ("running", 2, NOW, None)
        assert [step.name for step in steps.of_run(tx, run.id)] == ["find image", "push"]


@pytest.mark.parametrize(
    ("ends_as", "step"),
    [(RunState.CANCELLED, "stopped"), (RunState.SUPERSEDED, "stopped"), (RunState.FAILED, "failed")],
)
@pytest.mark.parametrize("left", ["waiting", "running", "retrying"])
def test_an_ended_run_has_no_step_that_goes_on(
    rows: Rows, store: Store, ends_as: RunState, step: str, left: str
) -> None:
    run = rows.run(state=RunState.RUNNING)
    rows.step(run, "find image", 2.0)
    rows.step(run, "await merge", None)
    at = NOW + timedelta(seconds=9)
    with store.begin() as tx:
        if left != "running":
            steps.end(tx, run.id, "await merge", left, "waiting for pull request #1 to be merged", at=NOW)
        assert runs.end(tx, run.id, ends_as, "told why", at=at)
        found = {one.name: (one.state, one.ended_at) for one in steps.of_run(tx, run.id)}
    assert found == {"find image": ("succeeded", NOW + timedelta(seconds=2)), "await merge": (step, at)}


def test_step_seconds_are_added_up_by_the_database(rows: Rows, store: Store) -> None:
    for commit, seconds in (("1a" * 20, 0.5), ("2a" * 20, 2.0), ("3a" * 20, 90.0)):
        rows.step(rows.run(rows.change(commit)), "push", seconds)
    rows.step(rows.run(rows.change("4a" * 20)), "push", None)
    with store.read() as tx:
        [told] = figures.step_seconds(tx, (0.5, 1.0, 60.0), after=None, until=NOW + timedelta(hours=1))
    assert (told.name, told.within, told.count) == ("push", (1, 1, 2), 3)
    assert told.total == pytest.approx(92.5, abs=0.01)


# --- waits ---------------------------------------------------------------------------------------


def test_an_open_wait_lets_its_run_wait(rows: Rows, store: Store) -> None:
    run = rows.run()
    wait = rows.wait(run)
    assert (get(store, run).state, get(store, run).message) == (RunState.WAITING, wait.last_seen)


def test_a_wait_is_answered_once_however_many_answer(rows: Rows, store: Store) -> None:
    run = rows.run()
    wait = rows.wait(run)

    def answer(number: int) -> bool:
        with store.begin() as tx:
            return waits.answer(tx, wait.id, f"answer {number}", at=NOW)

    with ThreadPoolExecutor(6) as threads:
        told = list(threads.map(answer, range(6)))
    assert told.count(True) == 1
    with store.read() as tx:
        found = waits.get(tx, wait.id)
    assert found is not None
    assert found.answer == f"answer {told.index(True)}"
    assert (get(store, run).state, get(store, run).workflow_id) == (RunState.QUEUED, f"wait:{wait.id}")


def test_an_answer_wakes_no_run_that_has_ended(rows: Rows, store: Store) -> None:
    run = rows.run()
    wait = rows.wait(run)
    with store.begin() as tx:
        runs.end(tx, run.id, RunState.CANCELLED, "", at=NOW)
        waits.answer(tx, wait.id, "ready", at=NOW)
    assert get(store, run).state is RunState.CANCELLED


def test_what_all_saw_is_told_to_those_alone_that_still_wait(rows: Rows, store: Store) -> None:
    waiting, answered, ended, elsewhere = (rows.run(rows.change(f"{number}a" * 20)) for number in range(1, 5))
    for run, key in ((waiting, "acme/m:main"), (ended, "acme/m:main"), (elsewhere, "acme/m:prod")):
        rows.wait(run, WaitKind.PULL_REQUEST, key=key)
    done = rows.wait(answered, WaitKind.PULL_REQUEST, key="acme/m:main")
    with store.begin() as tx:
        waits.answer(tx, done.id, "merged", at=NOW)
        runs.end(tx, ended.id, RunState.CANCELLED, "not wanted", at=NOW)
        before = get(store, answered).message
        waits.all_saw(tx, WaitKind.PULL_REQUEST, "acme/m:main", "GitHub is away")
    assert get(store, waiting).message == "GitHub is away"
    assert get(store, answered).message == before
    assert get(store, ended).message == "not wanted"
    assert get(store, elsewhere).message != "GitHub is away"
    with store.read() as tx:
        left = waits.worded_otherwise(tx, WaitKind.PULL_REQUEST, "acme/m:main", "waiting", limit=9)
    assert [wait.run_id for wait in left] == [waiting.id]


def test_due_are_retries_whose_time_came_and_whatever_is_past_its_deadline(rows: Rows, store: Store) -> None:
    def wait(commit: str, kind: WaitKind, *, not_before: int | None, deadline: int | None) -> str:
        return rows.wait(
            rows.run(rows.change(commit * 20)),
            kind,
            not_before=None if not_before is None else NOW + timedelta(seconds=not_before),
            deadline=None if deadline is None else NOW + timedelta(seconds=deadline),
        ).id

    due = {
        wait("1a", WaitKind.RETRY, not_before=0, deadline=None),
        wait("2a", WaitKind.SYNC, not_before=None, deadline=0),
    }
    wait("3a", WaitKind.RETRY, not_before=1, deadline=None)
    wait("4a", WaitKind.SYNC, not_before=None, deadline=1)
    wait("5a", WaitKind.IMAGE, not_before=0, deadline=None)
    with store.read() as tx:
        assert {one.id for one in waits.due(tx, NOW)} == due


def test_what_was_last_seen_is_on_the_run_too_while_the_wait_is_open(rows: Rows, store: Store) -> None:
    run = rows.run()
    wait = rows.wait(run)
    with store.begin() as tx:
        waits.saw(tx, wait.id, "Progressing")
        waits.answer(tx, wait.id, "ready", at=NOW)
        waits.saw(tx, wait.id, "too late")
    assert get(store, run).message == "Progressing"


def test_waits_are_listed_and_aged_by_where_they_are(rows: Rows, store: Store) -> None:
    rows.wait(rows.run(rows.change("1a" * 20)), WaitKind.SYNC, key="argocd", created_at=NOW - timedelta(seconds=30))
    rows.wait(rows.run(rows.change("2a" * 20)), WaitKind.SYNC, key="argocd")
    rows.wait(rows.run(rows.change("3a" * 20)), WaitKind.IMAGE, key="registry")
    with store.read() as tx:
        assert sorted(waits.newest_by_key(tx)) == [(WaitKind.IMAGE, "registry"), (WaitKind.SYNC, "argocd")]
        assert len(waits.open_at(tx, WaitKind.SYNC, "argocd")) == 2
        assert sorted(waits.ages(tx, NOW)) == [(WaitKind.IMAGE, 1, 0.0), (WaitKind.SYNC, 2, 30.0)]


# --- builds --------------------------------------------------------------------------------------


def test_runs_that_need_the_same_image_share_its_build(rows: Rows, store: Store) -> None:
    first, second = rows.run(rows.change("1a" * 20)), rows.run(rows.change("2a" * 20))
    build = rows.build(first, key="same")
    assert rows.build(second, key="same").id == build.id
    with store.read() as tx:
        assert [one.id for one in builds.of_run(tx, second.id)] == [build.id]


def test_a_build_is_wanted_while_any_of_its_runs_goes_on(rows: Rows, store: Store) -> None:
    first, second = rows.run(rows.change("1a" * 20)), rows.run(rows.change("2a" * 20))
    build = rows.build(first, key="same")
    rows.build(second, key="same")
    told = []
    with store.begin() as tx:
        told.append(builds.wanted(tx, build.id))
        runs.end(tx, first.id, RunState.FAILED, "", at=NOW)
        told.append(builds.wanted(tx, build.id))
        runs.update(tx, second.id, at=NOW, cancel_requested_by="ada")
        told.append(builds.wanted(tx, build.id))
    assert told == [True, True, False]


def test_another_attempt_has_a_workflow_of_its_own(rows: Rows, store: Store) -> None:
    build = rows.build(rows.run(), state=BuildState.FAILED, message="no space", code="build-failed", ended_at=NOW)
    with store.begin() as tx:
        again = builds.start_attempt(tx, build, at=NOW)
    assert (again.state, again.message, again.ended_at) == (BuildState.QUEUED, "", None)
    assert again.workflow_id == f"build:{build.id}:2"


def test_a_log_is_read_on_from_where_it_was_left(rows: Rows, store: Store) -> None:
    build = rows.build(rows.run(), "one\n", "two\n", "three\n")
    with store.read() as tx:
        first = builds.log_of(tx, build.id, limit=2)
        rest = builds.log_of(tx, build.id, after=first[-1][0])
        assert [text for _, _, text in first + rest] == ["one\n", "two\n", "three\n"]
        assert lookup.log_end(tx, build.id, pieces=2) == "two\nthree\n"


# --- by the beginning of an id -------------------------------------------------------------------


def test_the_whole_id_is_found_though_others_begin_with_it(rows: Rows, store: Store) -> None:
    rows.delivery("11111111-a")
    rows.delivery("11111111-ab")
    with store.read() as tx:
        assert lookup.delivery_id(tx, "11111111-a") == "11111111-a"
        with pytest.raises(NotFoundError, match="More than one delivery"):
            lookup.delivery_id(tx, "1111")


@pytest.mark.parametrize("beginning", ["", "%", "_1111111-a", "2"])
def test_what_no_id_begins_with_is_not_found(rows: Rows, store: Store, beginning: str) -> None:
    rows.delivery("11111111-a")
    with store.read() as tx, pytest.raises(NotFoundError, match="There is no delivery"):
        lookup.delivery_id(tx, beginning)
