"""The fields of GitHub's answers about workflows, runs and jobs that are read, and what they say. Asks nothing.

https://docs.github.com/en/rest/actions
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, PositiveInt, RootModel

from service.core.foreign_text import cut, line
from service.ports import BuildStanding, Progress

_NAME_LENGTH = 80
_BAD = frozenset({"failure", "timed_out", "cancelled"})


class _Dispatched(BaseModel):
    workflow_run_id: PositiveInt


class Dispatched(RootModel[_Dispatched | None]):
    """The answer to a dispatch; nothing from a server that tells no run."""


class Nothing(RootModel[object]):
    """An answer of which nothing is read."""


class Workflow(BaseModel):
    """A workflow that GitHub knows."""

    state: str


class Run(BaseModel):
    """A run of a workflow."""

    id: int
    name: str | None = None
    display_title: str = ""
    head_branch: str | None = None
    head_sha: str = ""
    event: str = ""
    created_at: datetime | None = None
    status: str | None = None
    conclusion: str | None = None
    run_attempt: int = 1
    path: str = ""

    @property
    def file(self) -> str:
        """The file name of its workflow; GitHub may write the workflow's own branch behind it."""
        return self.path.partition("@")[0].rpartition("/")[2]

    @property
    def ended(self) -> bool:
        """Whether it is over, unless somebody runs it again."""
        return self.status == "completed" and self.conclusion is not None

    @property
    def waits(self) -> bool:
        """Whether no job of it has begun, so that there is nothing to read of it."""
        return self.status in {"queued", "requested", "pending"}

    @property
    def went_well(self) -> bool:
        """Whether there is nothing to tell of its end."""
        return self.conclusion in {"success", "neutral"}


class Runs(BaseModel):
    """A page of runs, newest first."""

    total_count: int
    workflow_runs: list[Run]


class Step(BaseModel):
    """A step of a job."""

    number: int
    name: str
    status: str
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status == "completed"


class Job(BaseModel):
    """A job of a run's newest attempt."""

    id: int
    name: str
    status: str
    conclusion: str | None = None
    run_attempt: int = 1
    started_at: datetime | None = None
    completed_at: datetime | None = None
    steps: list[Step] = []

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.status == "completed"

    @property
    def failed(self) -> bool:
        """Whether it is a reason why its run did not go well."""
        return self.ended and self.conclusion in _BAD


class Jobs(BaseModel):
    """The jobs of a run's newest attempt."""

    jobs: list[Job]


def cause(jobs: Sequence[Job]) -> Job | None:
    """Give the job that tells the most: the first that failed, else the last that ran."""
    failed = [job for job in jobs if job.failed]
    ran = [job for job in jobs if job.steps]
    return failed[0] if failed else ran[-1] if ran else None


def standing(run: Run, jobs: Sequence[Job]) -> BuildStanding:
    """Tell how a run stands; its jobs are read where it ended and did not go well."""
    if not run.ended:
        again = f", attempt {run.run_attempt}" if run.run_attempt > 1 else ""
        return BuildStanding(Progress.RUNNING, f"{_UNDER_WAY.get(run.status or '', run.status or 'under way')}{again}")
    if run.went_well:
        return BuildStanding(Progress.SUCCEEDED)
    progress = Progress.CANCELLED if run.conclusion == "cancelled" else Progress.FAILED
    told = _ENDS.get(run.conclusion or "", f"its conclusion is {run.conclusion}")
    return BuildStanding(progress, "; ".join(part for part in (told, _where(jobs)) if part))


def short(name: str) -> str:
    """Put a name of theirs on one line, not too long."""
    return cut(line(name), _NAME_LENGTH)


def _where(jobs: Sequence[Job]) -> str:
    job = next((job for job in jobs if job.failed), None)
    if job is None:
        return ""
    step = next((step for step in job.steps if step.conclusion in _BAD), None)
    return f'job "{short(job.name)}"' + (f', step "{short(step.name)}"' if step else "")


_UNDER_WAY = {
    "queued": "queued",
    "in_progress": "in progress",
    "requested": "queued",
    "pending": "waits for another run of its concurrency group",
    "waiting": "waits for the approval of a deployment environment",
    "completed": "about to end",
}
_ENDS = {
    "failure": "",
    "cancelled": "",
    "timed_out": "it took longer than its time limit",
    "skipped": "it was skipped: no job's condition was met",
    "startup_failure": "GitHub could not start it: the workflow file is invalid",
    "action_required": "GitHub wants somebody to approve the workflow first",
    "stale": "GitHub gave it up, because it did not move for two weeks",
}
