"""One writer a branch: alive it keeps the branch however long a call hangs, and without it it changes nothing."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from devstack.faults import Fault, Gate
from service.core.changes import STATE_BRANCH
from service.core.words import EditState, Repository, RunState, Sha
from service.errors import RetryableError
from service.pipeline.advance import advance
from service.pipeline.manifest.branch_lease import LEASE_SECONDS, Holding
from service.pipeline.manifest.collect import Branch
from service.pipeline.manifest.outcomes import publish
from service.pipeline.manifest.place import Place
from service.pipeline.manifest.state.state_reading import look_at_state
from service.store import Transaction, edits, leases, waits
from service.store.edits import Edit
from service.store.runs import Run
from service.store.tables import leases as table
from tests.fixtures.service import MANIFESTS, poll
from tests.pipeline.crowd import BRANCH, merge, pushed, ready, runs_by_name, settle_in, states, wait_all
from tests.pipeline.harness import ListQueue, Pipeline

pytestmark = pytest.mark.rows_decide

LEASE = Place(Repository(MANIFESTS), BRANCH).lease
NAMES = ("checkout", "cart")


def take(pipeline: Pipeline, holder: str) -> bool:
    with pipeline.store.begin() as tx:
        return leases.acquire(tx, LEASE, holder, now=pipeline.clock.now(), seconds=LEASE_SECONDS)


def left(pipeline: Pipeline) -> float:
    """Tell for how many seconds the branch is still held, by the clock of the leases."""
    with pipeline.store.read() as tx:
        until = tx.execute(sa.select(table.c.expires_at).where(table.c.name == LEASE)).scalar_one()
        return float((until - leases.clock(tx, pipeline.clock.now())).total_seconds())


def pass_time(pipeline: Pipeline, seconds: float) -> None:
    """Let the lease be older by so many seconds."""
    with pipeline.store.begin() as tx:
        until = tx.execute(sa.select(table.c.expires_at).where(table.c.name == LEASE).with_for_update()).scalar_one()
        tx.execute(sa.update(table).where(table.c.name == LEASE).values(expires_at=until - timedelta(seconds=seconds)))


def test_live_writer_keeps_the_branch_for_longer_than_the_lease(pipeline: Pipeline) -> None:
    assert take(pipeline, "writer")
    with Holding(pipeline.context, LEASE, "writer", every=0.02):
        for _ in range(3):
            pass_time(pipeline, LEASE_SECONDS - 5)
            poll(lambda: left(pipeline) > LEASE_SECONDS - 3, what="a renewal")
            assert not take(pipeline, "other")
    assert take(pipeline, "other")


class _Slow(Branch):
    """A branch whose writer stands still for a moment after it has read that nothing is left to write."""

    __slots__ = ()
    read = threading.Event()

    def pending(self, tx: Transaction) -> list[Edit]:
        found = super().pending(tx)
        self.read.set()
        threading.Event().wait(0.3)
        return found


def test_run_that_comes_while_the_last_edit_is_published_finds_the_branch_free(pipeline: Pipeline) -> None:
    assert take(pipeline, "writer")
    taken: list[bool] = []

    def come() -> None:
        assert _Slow.read.wait(10)
        taken.append(take(pipeline, "other"))

    other = threading.Thread(target=come)
    other.start()
    with Holding(pipeline.context, LEASE, "writer") as holding:
        manifests = pipeline.context.outside.manifests.open(Repository(MANIFESTS))
        publish(_Slow(pipeline.context, manifests, Place(Repository(MANIFESTS), BRANCH), holding), Sha("0" * 40), [])
    other.join(10)
    _Slow.read.clear()
    assert taken == [True]


def test_branch_of_a_writer_that_does_not_live_is_free_after_the_lease(pipeline: Pipeline) -> None:
    assert take(pipeline, "dead")
    pass_time(pipeline, LEASE_SECONDS - 5)
    assert not take(pipeline, "other")
    pass_time(pipeline, 5)
    assert take(pipeline, "other")


def test_writer_that_lost_the_branch_may_mark_nothing(pipeline: Pipeline) -> None:
    assert take(pipeline, "writer")
    with Holding(pipeline.context, LEASE, "writer") as holding:
        pass_time(pipeline, LEASE_SECONDS)
        assert take(pipeline, "other")
        with pipeline.store.begin() as tx, pytest.raises(RetryableError) as caught:
            holding.keep(tx)
    assert caught.value.code == "lease-lost"
    assert not take(pipeline, "third")


LOCKED = """\
locks:
  - {environment: dev, application: cart, who: ben, since: "2026-11-29T17:00:00Z"}
"""


class _AnotherWorker(ListQueue):
    """Unlocks by hand as soon as a run is kept back, and lets another worker go on with that run at once."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        self.pipeline = pipeline
        self.taken = 0

    def enqueue_run(self, run: Run) -> None:
        super().enqueue_run(run)
        if run.application != "cart" or run.workflow_id != self.runs[-1][1]:
            return
        self.taken += 1
        assert self.taken < 10, "the writer keeps the run back by a state that is over"
        context = replace(self.pipeline.context, holder="worker-other")
        self.pipeline.stack.git.open(MANIFESTS).commit_files(STATE_BRANCH, {"state.yaml": "# nothing\n"}, "Unlock")
        look_at_state(context, Repository(MANIFESTS))
        advance(context, run.id, run.workflow_id)


def test_run_that_is_unlocked_while_the_writer_keeps_it_back_is_written_with_the_next_look(pipeline: Pipeline) -> None:
    """The writer's look is older than the unlocking: it must look again, and not keep the run back for ever."""
    settle_in(pipeline, *NAMES)
    merge(pipeline)
    wait_all(pipeline)
    with pipeline.store.begin() as tx:
        wait = waits.open_of_run(tx, runs_by_name(pipeline)["checkout"].id)
        assert wait is not None
        waits.answer(tx, wait.id, "your turn", at=pipeline.clock.now())
    first = runs_by_name(pipeline)["checkout"]
    pipeline.stack.git.open(MANIFESTS).commit_files(STATE_BRANCH, {"state.yaml": LOCKED}, "Lock")
    another = _AnotherWorker(pipeline)
    advance(replace(pipeline.context, queue=another), first.id, first.workflow_id)
    assert [name for names in pushed(pipeline) for name in names] == ["checkout", "cart"]
    assert another.taken > 0


@pytest.mark.parametrize(
    ("method", "path", "after"),
    [
        ("GET", "acme/manifests.*info/refs", False),
        ("POST", "acme/manifests.*git-receive-pack", False),
        ("POST", "acme/manifests.*git-receive-pack", True),
    ],
    ids=["before it looks", "before it pushes", "after it pushed"],
)
def test_writer_that_stood_still_while_another_wrote_repeats_nothing(
    pipeline: Pipeline, method: str, path: str, after: bool
) -> None:
    """The first run's worker hangs in a call; another one, which takes it for dead, writes the edits of both."""
    settle_in(pipeline, *NAMES)
    merge(pipeline)
    first, second = ready(pipeline)
    gate = Gate()
    pipeline.stack.git.faults.plant(Fault(method, re.compile(path), 1, gate=gate, after=after))

    def another() -> None:
        gate.wait_arrived()
        with pipeline.store.begin() as tx:
            leases.release(tx, LEASE, f"{pipeline.context.holder}/{first.id}")
        advance(replace(pipeline.context, holder="worker-other"), second.id, second.workflow_id)
        gate.release()

    thread = threading.Thread(target=another)
    thread.start()
    advance(pipeline.context, first.id, first.workflow_id)
    thread.join(30)
    assert not thread.is_alive()
    pipeline.settle_over_time(seconds=20)
    assert states(pipeline, NAMES) == dict.fromkeys(NAMES, (RunState.SUCCEEDED, ""))
    assert sorted(name for names in pushed(pipeline) for name in names) == sorted(NAMES)
    bare = pipeline.stack.git.open(MANIFESTS)
    with pipeline.store.read() as tx:
        for edit in (edits.of_run(tx, run.id) for run in (first, second)):
            assert edit is not None
            assert (edit.state, bool(edit.diff)) == (EditState.PUBLISHED, True)
            assert bare.is_ancestor(edit.commit or "", BRANCH)
