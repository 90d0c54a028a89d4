"""The worker's own part: a store that comes and goes takes nothing with it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from service.adapters.sources.github import GitHubSource
from service.core.words import DeliveryState
from service.engine.queue import Engine
from service.engine.worker import INTAKE_THREADS, Worker
from service.errors import RetryableError
from service.pipeline.context import Context
from service.store import Store, Transaction, deliveries
from tests.engine.conftest import AskedEngine
from tests.fixtures.rows import Rows
from tests.fixtures.service import poll


class LeavingStore(Store):
    """A store that refuses so many writes."""

    refuses = 0

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        if self.refuses > 0:
            self.refuses -= 1
            raise RetryableError("the database does not answer", code="store-unavailable")
        with super().begin() as tx:
            yield tx


def test_intake_goes_on_after_the_store_was_away_more_often_than_it_has_threads(
    context: Context, engine: AskedEngine, rows: Rows, store: Store
) -> None:
    rows.delivery("one", event="ping", body=b'{"zen": "Keep it simple."}')
    leaving = LeavingStore(store.url.render_as_string())
    stop = threading.Event()
    with_github = replace(context, store=leaving, sources={"github": GitHubSource([b"secret"])})
    worker = Worker(with_github, cast(Engine, engine), stop, watch_interval=1.0)
    leaving.refuses = INTAKE_THREADS + 1
    for _ in range(INTAKE_THREADS + 1):
        try:
            worker.take_in()
        except RetryableError:
            continue
    assert worker.take_in()

    def state() -> DeliveryState:
        with store.read() as tx:
            return deliveries.newest(tx)[0].state

    poll(lambda: state() is DeliveryState.IGNORED, seconds=10, what="the delivery")
    stop.set()
    leaving.close()
