"""Gates are judged when a fact moves or their time comes; until then nobody reads the store for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from service.core.words import RunState
from service.engine.gate_clock import GateClock
from service.pipeline.context import Context
from service.store import Store, judgements
from service.store.judgements import KeptJudgement
from service.store.motion import Motion
from tests.engine.conftest import StillClock
from tests.fixtures.rows import NOW, Rows


@pytest.fixture
def store(migrated_sqlite_url: str) -> Iterator[Store]:
    """Give a store of its own, because the tests listen to its statements."""
    made = Store(migrated_sqlite_url)
    yield made
    made.close()


def keep(context: Context, rows: Rows, *, minutes: int) -> KeptJudgement:
    """Keep a judgement of a run that has ended, which the next judging forgets."""
    run = rows.run(state=RunState.FAILED)
    kept = KeptJudgement(run.id, "checkout", "prod", "wait", True, [], NOW, NOW + timedelta(minutes=minutes))
    with context.store.begin() as tx:
        judgements.keep(tx, kept)
    return kept


def reads(context: Context) -> list[str]:
    seen: list[str] = []
    sa.event.listen(context.store.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    return seen


def test_store_is_not_read_while_nothing_moves_and_no_time_has_come(context: Context, rows: Rows) -> None:
    keep(context, rows, minutes=10)
    clock = GateClock(context, Motion(context.store))
    clock.judge()
    seen = reads(context)
    clock.judge()
    assert [text for text in seen if "judgements" in text] == []


def test_store_is_read_when_the_time_has_come(context: Context, rows: Rows, clock: StillClock) -> None:
    keep(context, rows, minutes=10)
    gates = GateClock(context, Motion(context.store))
    gates.judge()
    clock.at = NOW + timedelta(minutes=10)
    seen = reads(context)
    gates.judge()
    assert [text for text in seen if "judgements" in text]


def test_store_is_read_when_something_has_moved(context: Context, rows: Rows) -> None:
    clock = GateClock(context, Motion(context.store))
    clock.judge()
    keep(context, rows, minutes=10)
    seen = reads(context)
    clock.judge()
    assert [text for text in seen if "judgements" in text]
