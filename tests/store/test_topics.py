"""Topics: a loop is told of whatever it would find, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from service.core.words import BuildState, RunId
from service.store import (
    Store,
    Transaction,
    gate_answers,
    judgements,
    refreshes,
    reports,
    step_backs,
    tables,
)
from service.store.gate_answers import AnswerState, GateAnswer
from service.store.step_backs import KnownStepBack
from service.store.topics import QUESTION, Topic, answers_of
from tests.fixtures.rows import COMMIT, NOW, REPOSITORY, Rows


def told(store: Store) -> set[Topic]:
    with store.read() as tx:
        answers = answers_of(tx.exec_driver_sql(QUESTION).one())
    return {topic for topic, stirs in answers.items() if stirs}


def asks(tx: Transaction) -> None:
    answer = GateAnswer(RunId("one"), "q", AnswerState.WANTED, 0, b"", "", NOW, NOW)
    gate_answers.keep(tx, answer)


def reports_one(tx: Transaction) -> None:
    reports.want(
        tx, repository=REPOSITORY, commit=COMMIT, context="dev", run_id="", state="success", description="", url=""
    )


def goes_live(tx: Transaction) -> None:
    values: Mapping[str, Any] = {"application": "checkout", "environment": "dev", "run_id": "one", "since": NOW}
    tx.execute(sa.insert(tables.deployments).values(id="one", **values))


def steps_back(tx: Transaction) -> None:
    step_backs.keep(tx, KnownStepBack("one", REPOSITORY, "checkout", "dev", "one", NOW))


def proposes(tx: Transaction) -> None:
    key = {"repository": REPOSITORY, "number": 1, "run_id": "one", "given": [], "lacking": []}
    tx.execute(sa.insert(tables.proposals).values(due_at=NOW, **key))


def test_each_topic_is_told_once_it_has_a_row_and_no_other(store: Store, rows: Rows) -> None:
    run = rows.run()
    assert told(store) == set()
    rows.delivery()
    rows.build(run, state=BuildState.STARTED, builder="actions")
    assert told(store) == {Topic.DELIVERIES, Topic.WATCHES}
    rows.wait(run)
    assert told(store) == {Topic.DELIVERIES, Topic.WATCHES, Topic.WAITS}
    writes: dict[Topic, Callable[[Transaction], object]] = {
        Topic.REFRESHES: lambda tx: refreshes.want(tx, "checkout", at=NOW),
        Topic.QUESTIONS: asks,
        Topic.JUDGEMENTS: lambda tx: judgements.expect(tx, run, NOW),
        Topic.STEP_BACKS: steps_back,
        Topic.FOLLOWED: goes_live,
        Topic.COMMENTS: proposes,
        Topic.REPORTS: reports_one,
    }
    for topic, write in writes.items():
        assert topic not in told(store)
        with store.begin() as tx:
            write(tx)
        assert topic in told(store)
    assert told(store) == set(Topic)
