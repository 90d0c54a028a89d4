"""Gates are judged when a fact moves or their time comes; until then nobody reads the store for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from service.core.words import RunState
from service.engine.gate_clock import LONGEST_SECONDS, GateClock
from service.pipeline.context import Context
from service.store import Store, judgements
from service.store.judgements import KeptJudgement
from tests.engine.conftest import StillClock
from tests.fixtures.rows import NOW, Rows


@pytest.fixture
def store(migrated_sqlite_url: str) -> Iterator[Store]:
    """Give a store of its own."""
    made = Store(migrated_sqlite_url)
    yield made
    made.close()


def keep(context: Context, rows: Rows, *, seconds: int) -> KeptJudgement:
    """Keep a judgement of a run that has ended, which the next judging forgets."""
    run = rows.run(state=RunState.FAILED)
    kept = KeptJudgement(run.id, "checkout", "prod", "wait", True, [], NOW, NOW + timedelta(seconds=seconds))
    with context.store.begin() as tx:
        judgements.keep(tx, kept)
    return kept


def test_clock_rests_until_the_time_of_the_next_judgement(context: Context, rows: Rows, clock: StillClock) -> None:
    gates = GateClock(context)
    gates.judge()
    assert gates.seconds() == LONGEST_SECONDS
    keep(context, rows, seconds=20)
    gates.judge()
    assert gates.seconds() == 10
    clock.at = NOW + timedelta(seconds=20)
    assert gates.seconds() == 0


def test_judgement_whose_time_has_come_is_looked_at(context: Context, rows: Rows, clock: StillClock) -> None:
    kept = keep(context, rows, seconds=20)
    clock.at = NOW + timedelta(seconds=20)
    GateClock(context).judge()
    with context.store.read() as tx:
        assert judgements.of_run(tx, kept.run_id) is None


def test_named_time_is_not_believed_for_ever(context: Context, rows: Rows) -> None:
    keep(context, rows, seconds=3600)
    gates = GateClock(context)
    gates.judge()
    assert gates.seconds() == LONGEST_SECONDS
