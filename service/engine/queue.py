"""The engine on DBOS: hands ids of runs and builds to short and long workflows, and finds those left behind.

The library keeps which workflow goes on where, and tells after a death; what a workflow does is the pipeline's. Its
checkpoints are not used: every step of ours looks before it acts. Nor are its queues, which look for work many times a
second: a workflow is started by who knows of it, and what has no room yet is a row of ours (lanes.py).
https://docs.dbos.dev/python/tutorials/workflow-tutorial
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
from dbos import DBOS, DBOSConfig, SetWorkflowID, error
from sqlalchemy.engine import make_url

from service.core.words import BuildId, RunId
from service.engine.lanes import Lane, Start
from service.store.builds import Build
from service.store.runs import Run

APPLICATION = "mergeport"
APPLICATION_VERSION = "1"
"""It is fixed, because a workflow holds only ids, so any version of the program can continue it."""

_ASKED_AT_ONCE = 500

_NO_NOTIFICATIONS_SECONDS = 0.5
"""How often the library looks for events of workflows to announce: ours have none. It also delays the stop so long."""

log = structlog.get_logger()


class Standing(StrEnum):
    """Where the engine has a workflow."""

    UNKNOWN = "unknown"
    ALIVE = "alive"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A workflow whose executor has died; `alone` if that executor had nothing else under way."""

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
        self._threads = 2 * run_concurrency + build_concurrency + 8
        self._runs = Lane(run_concurrency, _starting(_advance))
        self._builds = Lane(build_concurrency, _starting(_build))
        self._starts = Lane(run_concurrency, _starting(_build))

    def start(self, advance: Callable[[RunId, str], None], build: Callable[[BuildId, str], None]) -> None:
        """Launch: from now on workflows that are handed over run here."""

        def advance_in_lane(run_id: RunId, workflow_id: str) -> None:
            with self._runs.going(workflow_id):
                advance(run_id, workflow_id)

        def build_in_lane(build_id: BuildId, workflow_id: str) -> None:
            lane = self._starts if self._starts.has(workflow_id) else self._builds
            with lane.going(workflow_id):
                build(build_id, workflow_id)

        _work.advance, _work.build = advance_in_lane, build_in_lane
        DBOS(config=_config(self._url, self.executor, threads=self._threads))
        DBOS.listen_queues([])  # an earlier version had queues of the library, which it would look at for ever
        DBOS.launch()

    def stop(self, *, seconds: int) -> None:
        """Take no more work, wait so long for what is under way, and leave the rest to be resumed."""
        for lane in (self._runs, self._builds, self._starts):
            lane.close()
        DBOS.destroy(workflow_completion_timeout_sec=seconds)

    def enqueue_run(self, run: Run) -> None:
        """Advance the run under its workflow id, once there is room; an id that is known already does not run again."""
        self._runs.offer(run.workflow_id, run.id)

    def take_up_run(self, run: Run) -> None:
        """Advance a run that nobody seems to attend to, now or soon, unless too many stand in line here.

        It may be in another worker's line as well. Whoever comes second finds that its workflow was started.
        """
        self._runs.offer(run.workflow_id, run.id, stands=False)

    def attends(self, workflow_id: str) -> bool:
        """Tell whether a workflow is under way in this worker, or in line."""
        return any(lane.knows(workflow_id) for lane in (self._runs, self._builds, self._starts))

    def enqueue_build(self, build: Build) -> None:
        """Make the build, or start it elsewhere, under its workflow id.

        A start elsewhere is short and uses nothing of this machine, so it does not wait behind builds of minutes.
        """
        (self._starts if build.builder else self._builds).offer(build.workflow_id, build.id)

    def standings(self, workflow_ids: Sequence[str]) -> dict[str, Standing]:
        """Tell where the engine has these workflows, in few calls however many they are."""
        told = dict.fromkeys(workflow_ids, Standing.UNKNOWN)
        for start in range(0, len(workflow_ids), _ASKED_AT_ONCE):
            asked = list(workflow_ids[start : start + _ASKED_AT_ONCE])
            for one in DBOS.list_workflows(workflow_ids=asked, load_input=False, load_output=False):
                told[one.workflow_id] = Standing.ALIVE if one.status in _ALIVE else Standing.FINISHED
        return told

    def orphans(self, alive: Collection[str]) -> list[Orphan]:
        """List the workflows that an executor had begun which is no longer alive.

        It includes those in a queue of the library, where an earlier version put them: nobody takes from it any more.
        """
        begun = DBOS.list_workflows(status=["PENDING", "ENQUEUED"], load_input=False, load_output=False)
        lost = [one for one in begun if one.status == "ENQUEUED" or one.executor_id not in alive]
        if not lost:
            return []
        # This includes those that a sweeper dropped before it died itself, or that another one drops at the same time.
        dead = list({one.executor_id for one in lost if one.executor_id})
        dropped = DBOS.list_workflows(status="CANCELLED", executor_id=dead, load_input=False, load_output=False)
        had = Counter(one.executor_id for one in [*lost, *dropped])
        return [Orphan(one.workflow_id, alone=had[one.executor_id] == 1) for one in lost]

    def drop(self, workflow_id: str) -> None:
        """Keep a workflow from ever running again; its work goes on under another id."""
        DBOS.cancel_workflow(workflow_id)


def _starting(workflow: Callable[[str], None]) -> Start:
    """Start workflows outside the context of any other workflow.

    Inside one, the library would record the start as a checkpoint of the caller. After a crash it would answer the
    caller's first start with that record, whatever is then to be started.
    """

    def start(workflow_id: str, argument: str) -> bool:
        with SetWorkflowID(workflow_id, workflow_id_reuse_policy="reject"):
            try:
                DBOS.start_workflow(workflow, argument)
            except error.DBOSWorkflowIDInUseError:
                return False
        return True

    return lambda workflow_id, argument: Context().run(start, workflow_id, argument)


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
        notification_coalesce_sec=_NO_NOTIFICATIONS_SECONDS,
        console_log_level="WARNING",
        log_level="WARNING",
    )
