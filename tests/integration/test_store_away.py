"""The database does not answer for a while, with real processes: senders get a refusal, work waits, nothing is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from devstack.postgresql import Postgresql, PostgresqlMissingError
from devstack.stack import Devstack
from service.engine import queue
from tests.fixtures.service import MANIFESTS, SOURCE, Service, poll
from tests.fixtures.tools import missing_part

pytestmark = pytest.mark.prove


@contextmanager
def locked(service: Service) -> Iterator[None]:
    """Hold the write lock of the service's database, as a stuck backup does."""
    with closing(sqlite3.connect(service.directory / "mergeport.db", isolation_level=None, timeout=20)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def promotions(service: Service) -> int:
    subjects = service.stack.git.open(MANIFESTS).git("log", "--format=%s", "main").splitlines()
    return sum(subject.startswith("Promote ") for subject in subjects)


def test_store_that_is_away_in_a_run_is_waited_for(service: Service) -> None:
    gate = service.stack.git.faults.hang(method="POST", path="acme/manifests.*git-receive-pack", after=True)
    pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    gate.wait_arrived(30)
    with locked(service):
        gate.release()
        poll(lambda: "the store is away" in service.tail(), seconds=90, what="the worker's word of it")
    run = service.wait_run("succeeded", commit=pull.merge_commit_sha or "")
    assert (promotions(service), run.resumes) == (1, 0)
    assert "Traceback" not in service.output.read_text()


def test_delivery_that_cannot_be_stored_is_refused_and_its_repetition_is_taken(service: Service) -> None:
    with locked(service):
        pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
        service.stack.github.wait_delivered()
        refused = [
            one for one in service.stack.github.deliveries if one.repository == SOURCE and one.status_code == 503
        ]
    assert {one.event for one in refused} == {"push", "pull_request"}
    for one in refused:
        service.stack.github.redeliver(one)
    service.wait_run("succeeded", commit=pull.merge_commit_sha or "")
    assert "Traceback" not in service.output.read_text()


@pytest.fixture
def server() -> Iterator[Postgresql]:
    """Give a PostgreSQL that the test may halt."""
    try:
        running = Postgresql()
    except PostgresqlMissingError as error:
        missing_part("PostgreSQL", str(error))
    with running:
        yield running


@pytest.mark.real_postgresql
def test_postgresql_that_is_halted_in_the_midst_loses_nothing(
    server: Postgresql, world: Devstack, make_service: Callable[..., Service]
) -> None:
    url = server.url("mergeport")
    queue.migrate(url)
    service = make_service(MERGEPORT_DATABASE_URL=url)
    service.hook(SOURCE)
    service.start_all()
    gate = world.git.faults.hang(method="POST", path="acme/manifests.*git-receive-pack", after=True)
    first = world.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    gate.wait_arrived(60)
    server.halt()
    gate.release()
    second = world.github.merge(SOURCE, "staging", {"app.py": "print('two')\n"})
    world.github.wait_delivered()
    refused = [one for one in world.github.deliveries if one.status_code == 503]
    server.go_on()
    assert {one.event for one in refused} == {"push", "pull_request"}
    for one in refused:
        world.github.redeliver(one)
    service.wait_run("succeeded", commit=first.merge_commit_sha or "", seconds=90)
    service.wait_run("succeeded", commit=second.merge_commit_sha or "", environment="stage", seconds=90)
    assert promotions(service) == 2
    assert len(service.runs()) == 2
