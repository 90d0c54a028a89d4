"""The queues on DBOS: hands ids of runs and builds to short and long workflows, and finds those left behind.

The library gives durable queues, concurrency limits and recovery; what a workflow does is the
pipeline's. Its checkpoints are not used: every step of ours looks before it acts.
https://docs.dbos.dev/python/reference/queues
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from contextvars import Context
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy.engine import make_url

from service.core.words import BuildId, RunId
from service.store.builds import Build
from service.store.runs import Run

APPLICATION = "mergeport"
APPLICATION_VERSION = "1"
"""Fixed: a workflow holds ids only, so any version of the program can go on with it."""

RUNS, BUILDS = "runs", "builds"
_RUNS_POLL_SECONDS = 0.1
_BUILDS_POLL_SECONDS = 0.5
_ASKED_AT_ONCE = 500

log = structlog.get_logger()


class Standing(StrEnum):
    """Where the engine has a workflow."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A workflow whose executor has died; `alone` where that had nothing else under way."""

    workflow_id: str
    alone: bool


@dataclass(slots=True)
class _Work:
    """What the workflows call; set once, before the engine is launched."""

    advance: Callable[[RunId, str], None] | None = None
    build: Callable[[BuildId, str], None] | None = None


_work = _Work()


@DBOS.workflow(name="advance")
def _advance(run_id: str) -> None:
    assert _work.advance is not None  # noqa: S101 - set by Engine.start
    _work.advance(RunId(run_id), DBOS.workflow_id or "")


@DBOS.workflow(name="build")
def _build(build_id: str) -> None:
    assert _work.build is not None  # noqa: S101 - set by Engine.start
    _work.build(BuildId(build_id), DBOS.workflow_id or "")


class Engine:
    """The engine of one worker process; there can be only one in a process."""

    def __init__(self, database_url: str, executor: str, *, run_concurrency: int, build_concurrency: int) -> None:
        """Take where the engine's own tables are, and this boot's unique name."""
        self.executor = executor
        self._url = database_url
        self._run_concurrency = run_concurrency
        self._build_concurrency = build_concurrency

    def start(self, advance: Callable[[RunId, str], None], build: Callable[[BuildId, str], None]) -> None:
        """Launch: from now on workflows of the queues run here."""
        _work.advance, _work.build = advance, build
        DBOS(config=_config(self._url, self.executor, threads=self._run_concurrency + self._build_concurrency + 8))
        DBOS.launch()
        DBOS.register_queue(RUNS, worker_concurrency=self._run_concurrency, polling_interval_sec=_RUNS_POLL_SECONDS)
        DBOS.register_queue(
            BUILDS, worker_concurrency=self._build_concurrency, polling_interval_sec=_BUILDS_POLL_SECONDS
        )

    def stop(self, *, seconds: int) -> None:
        """Take no more work, wait so long for what is under way, and leave the rest to be resumed."""
        DBOS.destroy(workflow_completion_timeout_sec=seconds)

    def enqueue_run(self, run: Run) -> None:
        """Have the run advanced under its workflow id; an id that is known already is not enqueued again."""
        _enqueue(RUNS, _advance, run.workflow_id, run.id)

    def enqueue_build(self, build: Build) -> None:
        """Have the build made, or started elsewhere, under its workflow id.

        A start elsewhere is short and uses nothing of this machine: it does not stand behind builds of minutes.
        """
        _enqueue(RUNS if build.builder else BUILDS, _build, build.workflow_id, build.id)

    def standings(self, workflow_ids: Sequence[str]) -> dict[str, Standing]:
        """Tell where the engine has these workflows, in few calls however many they are."""
        told = dict.fromkeys(workflow_ids, Standing.UNKNOWN)
        for start in range(0, len(workflow_ids), _ASKED_AT_ONCE):
            asked = list(workflow_ids[start : start + _ASKED_AT_ONCE])
            for one in DBOS.list_workflows(workflow_ids=asked, load_input=False, load_output=False):
                told[one.workflow_id] = Standing.ALIVE if one.status in _ALIVE else Standing.FINISHED
        return told

    def orphans(self, alive: Collection[str]) -> list[Orphan]:
        """List the workflows that an executor which is not alive any more had begun."""
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        lost = [one for one in pending if one.executor_id not in alive]
        if not lost:
            return []
        # Also those that a sweeper has dropped before it died itself, or that another one drops at the same time.
        dead = list({one.executor_id for one in lost if one.executor_id})
        dropped = DBOS.list_workflows(status="CANCELLED", executor_id=dead, load_input=False, load_output=False)
        had = Counter(one.executor_id for one in [*lost, *dropped])
        return [Orphan(one.workflow_id, alone=had[one.executor_id] == 1) for one in lost]

    def drop(self, workflow_id: str) -> None:
        """Have a workflow never run again: its work goes on under another id."""
        DBOS.cancel_workflow(workflow_id)


def _enqueue(queue: str, workflow: Callable[[str], None], workflow_id: str, argument: str) -> None:
    """Enqueue outside of any workflow's context; what cannot be enqueued now, the sweeper enqueues.

    Within one, the library would count this as a checkpoint of the caller, and after a crash answer the caller's
    first enqueue with whatever it had enqueued first before.
    """

    def enqueue() -> None:
        with SetWorkflowID(workflow_id):
            DBOS.enqueue_workflow(queue, workflow, argument)

    try:
        Context().run(enqueue)
    except Exception as error:  # noqa: BLE001 - the library's errors have no common class; the row says what is wanted
        log.warning("not enqueued, the sweeper will", workflow=workflow_id, error=str(error))


_ALIVE = frozenset({"PENDING", "ENQUEUED", "DELAYED"})


def migrate(database_url: str) -> None:
    """Bring the engine's own tables to what this version of the library needs."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(url.database)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    DBOS.migrate(database_url)


def _config(database_url: str, executor: str, *, threads: int) -> DBOSConfig:
    return DBOSConfig(
        name=APPLICATION,
        system_database_url=database_url,
        executor_id=executor,
        application_version=APPLICATION_VERSION,
        max_executor_threads=threads,
        sys_db_pool_size=8,
        console_log_level="WARNING",
        log_level="WARNING",
    )
