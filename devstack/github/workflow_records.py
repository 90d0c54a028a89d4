"""What the GitHub double remembers of GitHub Actions: workflows, their runs, and the jobs and steps of those.

Plain records, changed by `workflows` alone, under the lock of `State`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Workflow:
    """A workflow that GitHub knows: a file that was on the default branch, or that has run."""

    id: int
    path: str
    name: str
    created_at: str
    state: str = "active"

    @property
    def file(self) -> str:
        """The file's name, by which it is asked for."""
        return self.path.rpartition("/")[2]


@dataclass(slots=True)
class Step:
    """A step of a job."""

    number: int
    name: str
    status: str = "queued"
    conclusion: str | None = None
    started_at: str | None = None
    completed_at: str | None = None


@dataclass(slots=True)
class Job:
    """A job of one attempt of a run. `log` None is a log that is gone."""

    id: int
    attempt: int
    name: str
    created_at: str
    steps: list[Step]
    status: str = "queued"
    conclusion: str | None = None
    started_at: str = ""
    completed_at: str | None = None
    log: str | None = ""


@dataclass(slots=True)
class WorkflowRun:
    """A run of a workflow; a re-run is its next attempt, under the same id."""

    id: int
    number: int
    workflow: Workflow
    event: str
    head_branch: str
    head_sha: str
    title: str
    actor: str
    created_at: str
    updated_at: str
    started_at: str
    inputs: dict[str, str] = field(default_factory=dict)
    attempt: int = 1
    status: str = "queued"
    conclusion: str | None = None
    jobs: list[Job] = field(default_factory=list)
    listed: bool = True
    """Whether lists have it already: they lag behind."""
    shown: bool = True
    """Whether it is there at all for those who ask."""

    @property
    def latest(self) -> list[Job]:
        """The jobs of the newest attempt."""
        return [job for job in self.jobs if job.attempt == self.attempt]
