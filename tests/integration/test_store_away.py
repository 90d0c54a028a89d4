"""The store is away, at accept and in a run: who sends is told to come back, and the run goes on where it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from service.core.words import RunState
from tests.fixtures.service import MANIFESTS, SOURCE, Service, poll


@contextmanager
def locked(service: Service) -> Iterator[None]:
    """Keep everybody else from writing to the database for the length of the block."""
    with closing(sqlite3.connect(service.directory / "mergeport.db", timeout=30, isolation_level=None)) as taken:
        taken.execute("BEGIN IMMEDIATE")
        yield
        taken.execute("ROLLBACK")


def test_delivery_that_cannot_be_stored_is_answered_503_and_taken_when_it_comes_again(service: Service) -> None:
    with locked(service):
        pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
        service.stack.github.wait_delivered()
    refused = [one for one in service.stack.github.deliveries if one.status_code == 503]
    assert {one.event for one in refused} == {"push", "pull_request"}
    for one in refused:
        service.stack.github.redeliver(one)
    service.wait_run("succeeded", commit=pull.merge_commit_sha or "")


def test_run_goes_on_where_it_was_when_the_store_comes_back(service: Service) -> None:
    gate = service.stack.ecr.faults.hang(method="PUT", path="/manifests/")
    pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    gate.wait_arrived(30)
    service.stack.github.wait_delivered()
    with locked(service):
        gate.release()
        poll(lambda: "the database does not answer" in service.tail() or None, what="a refused write")
    run = service.wait_run("succeeded", commit=pull.merge_commit_sha or "")
    assert run.state is RunState.SUCCEEDED
    log = service.stack.git.open(MANIFESTS).git("log", "--format=%s", "--grep=^Promote ", "main")
    assert len(log.splitlines()) == 1
