"""Two workers on one PostgreSQL, of which the first hangs over something at a gate when the second comes.

The fixture `pair` and what its tests share. The devstack's gates tell which worker does the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from devstack.faults import Gate
from devstack.stack import Devstack
from service.store import leases
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE, Service, poll
from tests.integration.test_crashes import PUSH

LEASE_SECONDS = 3
Hold = Callable[[Service], Gate]


def hold_in_intake(service: Service) -> Gate:
    return service.stack.github.faults.hang(method="GET", path="/repos/acme/checkout/compare/")


def hold_before_push(service: Service) -> Gate:
    return service.stack.git.faults.hang(method="POST", path=PUSH)


def hold_at_argocd(service: Service) -> Gate:
    return service.stack.argocd.faults.hang(method="GET", path="/api/v1/applications")


def hold_at_status(service: Service) -> Gate:
    """The request is under way: GitHub handles it when the gate opens, however late that is."""
    return service.stack.github.faults.hang(method="POST", path="/repos/acme/checkout/statuses/")


@pytest.fixture
def pair(migrated_postgresql_url: str, world: Devstack, make_service: Callable[..., Service]) -> Service:
    """Give a web and the first of two workers, which count as dead after three seconds of silence."""
    world.github.push(MANIFESTS, "main", {"mergeport.yaml": CONFIGURATION + '    paths: ["**"]\n'})
    one = make_service(MERGEPORT_DATABASE_URL=migrated_postgresql_url, MERGEPORT_WORKER_LEASE=str(LEASE_SECONDS))
    one.hook(SOURCE)
    one.hook(MANIFESTS)
    one.start("web")
    one.start("worker", name="first")
    one.wait_ready()
    wait_alive(one, 1)
    return one


def alive(service: Service) -> int:
    with service.store.read() as tx:
        return len(leases.holders(tx, "worker:", now=None))  # type: ignore[arg-type]  # PostgreSQL has its own clock


def wait_alive(service: Service, workers: int) -> None:
    poll(lambda: alive(service) == workers, seconds=90, what=f"{workers} workers alive")


@contextmanager
def first_is_held(pair: Service, hold: Hold, branch: str) -> Iterator[tuple[str, Gate]]:
    """Merge, and give the commit while the first worker hangs on it and the second one can take over."""
    gate = hold(pair)
    pull = pair.stack.github.merge(SOURCE, branch, {"app.py": "print('two')\n"})
    gate.wait_arrived(60)
    pair.start("worker", name="second")
    wait_alive(pair, 2)
    yield pull.merge_commit_sha or "", gate
    gate.release()
