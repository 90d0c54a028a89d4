"""What is under way elsewhere is counted by builder and repository, and only one decides who is next."""

from __future__ import annotations

import threading

import pytest

from service.core.words import BuildId, BuildState, Repository, RunState, Stage, WaitKind
from service.store import Store, build_turns, builds, waits
from service.store.runs import Run
from tests.fixtures.rows import NOW, REPOSITORY, Rows

KIND = "github-actions"


@pytest.fixture
def run(store: Store) -> Run:
    return Rows(store).run()


def test_builds_are_counted_from_their_start_to_their_end(store: Store, run: Run) -> None:
    rows = Rows(store)
    for key, state, asked_at in (
        ("asked", BuildState.RUNNING, NOW),
        ("started", BuildState.STARTED, NOW),
        ("waits for its turn", BuildState.STARTED, None),
        ("ended", BuildState.FAILED, NOW),
    ):
        rows.build(run, key=key, builder=KIND, state=state, asked_at=asked_at)
    rows.build(run, key="other", builder="yard", state=BuildState.STARTED, asked_at=NOW)
    with store.read() as tx:
        assert build_turns.asked_for(tx, KIND) == {Repository("Acme/Checkout").key: 2}


def test_builder_has_a_build_of_a_repository_however_its_name_is_written(store: Store, run: Run) -> None:
    Rows(store).build(run, builder=KIND, state=BuildState.STARTED)
    with store.read() as tx:
        assert builds.any_started(tx, KIND, Repository("ACME/checkout"))
        assert not builds.any_started(tx, "yard", REPOSITORY)


def test_turns_of_a_builder_are_decided_one_after_the_other(store: Store, run: Run) -> None:
    Rows(store).build(run, key="first", builder=KIND, state=BuildState.RUNNING)
    build = Rows(store).build(run, key="second", builder=KIND, state=BuildState.RUNNING)
    begun, counted = threading.Event(), list[int]()

    def second() -> None:
        begun.set()
        with store.begin() as tx:
            build_turns.hold_turns(tx, KIND)
            counted.append(build_turns.asked_for(tx, KIND).total())

    beside = threading.Thread(target=second)
    with store.begin() as tx:
        build_turns.hold_turns(tx, KIND)
        beside.start()
        begun.wait(10)
        builds.update(tx, build.id, at=NOW, asked_at=NOW)
    beside.join(30)
    assert counted == [1]


def test_builds_of_a_tree_are_decided_one_after_the_other(store: Store, run: Run) -> None:
    place = "registry.example/checkout:"
    build = Rows(store).build(run, key="first", reference=f"{place}1", state=BuildState.STARTED)
    Rows(store).build(run, key="other", reference="registry.example/checkout-two:1", tree="t", state=BuildState.STARTED)
    begun, found = threading.Event(), list[BuildId]()

    def second() -> None:
        begun.set()
        with store.begin() as tx:
            builds.hold_tree(tx, place, "t")
            found.extend(one.id for one in builds.of_tree(tx, place, "t"))

    beside = threading.Thread(target=second)
    with store.begin() as tx:
        builds.hold_tree(tx, place, "t")
        beside.start()
        begun.wait(10)
        builds.update(tx, build.id, at=NOW, tree="t")
    beside.join(30)
    assert found == [build.id]


def test_places_where_runs_of_a_repository_wait_are_listed_once(store: Store) -> None:
    rows = Rows(store)
    for _ in range(2):
        rows.wait(rows.run(environment=f"dev{_}", state=RunState.WAITING), WaitKind.IMAGE, key="ecr:host")
    with store.read() as tx:
        assert waits.keys_of(tx, WaitKind.IMAGE, Repository("Acme/checkout")) == ["ecr:host"]
        assert waits.keys_of(tx, WaitKind.IMAGE, Repository("acme/payments")) == []


def test_waits_of_earlier_runs_whose_images_are_made_are_listed(store: Store) -> None:
    rows = Rows(store)
    first = rows.wait(rows.run(state=RunState.WAITING), WaitKind.BUILD_ELSEWHERE)
    rows.wait(rows.run(rows.change("b" * 40), state=RunState.WAITING, stage=Stage.DEPLOY), WaitKind.SYNC)
    rows.wait(rows.run(rows.change("c" * 40), environment="prod", state=RunState.WAITING), WaitKind.BUILD_ELSEWHERE)
    newest = rows.run(rows.change("d" * 40))
    rows.wait(rows.run(rows.change("e" * 40), state=RunState.WAITING), WaitKind.BUILD_ELSEWHERE)
    with store.read() as tx:
        assert [one.id for one in waits.of_builds_before(tx, newest)] == [first.id]
