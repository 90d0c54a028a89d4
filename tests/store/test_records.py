"""Changes, edits, configurations, reports and leases: each key once, and the newest word wins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from service.core.words import EditState, Sha
from service.store import Store, changes, configurations, edits, leases, reports
from service.store.configurations import StoredConfiguration
from tests.fixtures.rows import COMMIT, NOW, REPOSITORY, Rows

HEAD, COVERED = Sha("1a" * 20), Sha("2a" * 20)

# --- changes -------------------------------------------------------------------------------------


def test_a_change_is_kept_once_whichever_event_tells_it(rows: Rows) -> None:
    assert rows.change(subject="first").id == rows.change(subject="second").id


def test_covered_commits_belong_to_the_first_change_that_covers_them(rows: Rows, store: Store) -> None:
    head, later = rows.change(HEAD), rows.change("3a" * 20)
    with store.begin() as tx:
        changes.cover(tx, head, [COVERED, HEAD])
        changes.cover(tx, later, [COVERED])
        found = changes.covering(tx, REPOSITORY, "develop", COVERED)
        assert found is not None
        assert found.id == head.id
        assert changes.covering(tx, REPOSITORY, "main", COVERED) is None


def test_enriching_adds_what_is_missing_and_repeats_nothing(rows: Rows, store: Store) -> None:
    change = rows.change(subject="", author="Ada")
    for number in (41, 7, 41):
        with store.begin() as tx:
            known = changes.get(tx, change.id)
            assert known is not None
            changes.enrich(tx, known, subject="Title", author="Eve", pull_request={"number": number})
    with store.read() as tx:
        after = changes.get(tx, change.id)
    assert after is not None
    assert (after.subject, after.author) == ("Title", "Ada")
    assert [pull["number"] for pull in after.pull_requests] == [7, 41]


# --- edits ---------------------------------------------------------------------------------------


def test_a_run_has_one_edit(rows: Rows, store: Store) -> None:
    run = rows.run()
    with store.begin() as tx:
        made = [
            edits.ensure(
                tx, run_id=run.id, repository=REPOSITORY, branch="main", application="a", environment="dev", at=NOW
            )
            for _ in range(2)
        ]
    assert made[0] == made[1]
    assert made[0].state is EditState.PENDING


def test_open_edits_of_a_branch_are_in_the_order_they_were_accepted(rows: Rows, store: Store) -> None:
    made = [rows.run(rows.change(f"{number}a" * 20)) for number in range(1, 5)]
    with store.begin() as tx:
        for run, branch in zip(made, ["main", "main", "main", "other"], strict=True):
            edits.ensure(
                tx, run_id=run.id, repository=REPOSITORY, branch=branch, application="a", environment="dev", at=NOW
            )
        edits.update(tx, made[1].id, state=EditState.PUBLISHED)
        edits.update(tx, made[0].id, state=EditState.PUSHING, attempts=2)
        assert [edit.run_id for edit in edits.open_at(tx, REPOSITORY, "main")] == [made[0].id, made[2].id]
        assert edits.attempts_total(tx) == 2


def test_our_own_commits_and_tips_are_remembered(rows: Rows, store: Store) -> None:
    run = rows.run()
    with store.begin() as tx:
        edits.own(tx, REPOSITORY, COMMIT, run.id)
        edits.own(tx, REPOSITORY, COMMIT, run.id)
        assert edits.is_own(tx, REPOSITORY, COMMIT)
        assert not edits.is_own(tx, REPOSITORY, HEAD)
        edits.set_promotion_tip(tx, REPOSITORY, "mergeport/promotion/prod/a", COMMIT, run.id)
        edits.set_promotion_tip(tx, REPOSITORY, "mergeport/promotion/prod/a", HEAD, run.id)
        assert edits.promotion_tip(tx, REPOSITORY, "mergeport/promotion/prod/a") == (HEAD, run.id)
        edits.forget_promotion_tip(tx, REPOSITORY, "mergeport/promotion/prod/a", run.id)
        assert edits.promotion_tip(tx, REPOSITORY, "mergeport/promotion/prod/a") is None


# --- configurations ------------------------------------------------------------------------------


def test_the_last_good_configuration_outlives_a_broken_one(store: Store) -> None:
    def keep(commit: str, minutes: int, *, good: bool) -> None:
        at = NOW + timedelta(minutes=minutes)
        with store.begin() as tx:
            configurations.keep(
                tx, StoredConfiguration(commit=Sha(commit * 20), text="", good=good, faults=[], loaded_at=at)
            )

    keep("1a", 0, good=True)
    keep("2a", 1, good=True)
    keep("3a", 2, good=False)
    with store.read() as tx:
        newest, good = configurations.last(tx), configurations.last(tx, good=True)
    assert newest is not None
    assert good is not None
    assert (newest.commit, good.commit) == ("3a" * 20, "2a" * 20)


# --- reports -------------------------------------------------------------------------------------


def want(store: Store, state: str, description: str) -> None:
    with store.begin() as tx:
        reports.want(
            tx,
            repository=REPOSITORY,
            commit=COMMIT,
            context="mergeport/dev",
            run_id="r",
            state=state,
            description=description,
            url="",
        )


def test_the_same_words_are_sent_once_and_new_words_again(store: Store) -> None:
    want(store, "pending", "building")
    with store.begin() as tx:
        [report] = reports.unsent(tx, NOW)
        reports.sent(tx, report)
    want(store, "pending", "building")
    with store.read() as tx:
        assert reports.unsent(tx, NOW) == []
    want(store, "success", "live")
    with store.read() as tx:
        assert [one.state for one in reports.unsent(tx, NOW)] == ["success"]


def test_words_that_changed_while_they_were_sent_are_sent_again(store: Store) -> None:
    want(store, "pending", "building")
    with store.read() as tx:
        [sending] = reports.unsent(tx, NOW)
    want(store, "success", "live")
    with store.begin() as tx:
        reports.sent(tx, sending)
        assert [one.state for one in reports.unsent(tx, NOW)] == ["success"]


def test_a_report_that_failed_is_tried_again_at_its_time(store: Store) -> None:
    want(store, "pending", "building")
    with store.begin() as tx:
        [report] = reports.unsent(tx, NOW)
        reports.failed(tx, report, "away", until=NOW + timedelta(seconds=30))
        assert reports.unsent(tx, NOW + timedelta(seconds=29)) == []
        assert [one.attempts for one in reports.unsent(tx, NOW + timedelta(seconds=30))] == [1]


# --- leases --------------------------------------------------------------------------------------


def test_a_lease_has_one_holder_however_many_want_it(store: Store) -> None:
    def acquire(number: int) -> bool:
        with store.begin() as tx:
            return leases.acquire(tx, "manifest:a/b:main", f"worker-{number}", now=NOW, seconds=60)

    with ThreadPoolExecutor(6) as threads:
        told = list(threads.map(acquire, range(6)))
    assert told.count(True) == 1
    with store.read() as tx:
        assert leases.holders(tx, "manifest:", now=NOW) == [f"worker-{told.index(True)}"]


def test_a_lease_is_renewed_by_its_holder_and_free_when_it_is_given_up(store: Store) -> None:
    with store.begin() as tx:
        assert leases.acquire(tx, "x", "one", now=NOW, seconds=60)
        assert leases.acquire(tx, "x", "one", now=NOW, seconds=60)
        assert not leases.acquire(tx, "x", "two", now=NOW, seconds=60)
        leases.release(tx, "x", "two")
        assert not leases.acquire(tx, "x", "two", now=NOW, seconds=60)
        leases.release(tx, "x", "one")
        assert leases.acquire(tx, "x", "two", now=NOW, seconds=60)


def test_an_expired_lease_can_be_taken(store: Store) -> None:
    with store.begin() as tx:
        leases.acquire(tx, "worker:one", "one", now=NOW, seconds=-1)
        assert leases.holders(tx, "worker:", now=NOW) == []
        assert leases.acquire(tx, "worker:one", "two", now=NOW, seconds=60)
        assert leases.holders(tx, "worker:", now=NOW) == ["two"]


def test_a_prefix_is_taken_as_it_is_written(store: Store) -> None:
    with store.begin() as tx:
        leases.acquire(tx, "workerX", "one", now=NOW, seconds=60)
        assert leases.holders(tx, "worker_", now=NOW) == []
