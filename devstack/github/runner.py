"""A runner of the GitHub double: it plays a build of a dispatched workflow, as a test says how it goes.

What it pushes, it pushes to a real registry, by the function that it is given: the doubles know nothing of images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from devstack.github.server import GitHub
from devstack.github.state import Repository
from devstack.github.workflow_records import WorkflowRun

Push = Callable[[str, str, str], None]
"""Pushes an image: its name, its tag, the revision that its label tells."""


@dataclass(frozen=True, slots=True)
class Script:
    """How a build goes: as far as which step, with which conclusion and log, and what it pushes, if anything."""

    conclusion: str = "success"
    fails_at: str = ""
    pushes: bool = True
    revision: str | None = None
    log: str = "building\n"


class Runner:
    """Plays the builds that wait."""

    def __init__(self, github: GitHub, push: Push) -> None:
        self._github = github
        self._push = push

    def waiting(self, full_name: str) -> list[WorkflowRun]:
        """List the runs of a repository that no runner has taken, oldest first."""
        runs = self._github.repository(full_name).workflow_runs.values()
        return [run for run in runs if run.status in {"queued", "in_progress"}]

    def play(self, full_name: str, script: Script | None = None) -> list[WorkflowRun]:
        """Play all that waits to its end; give the runs."""
        waiting = self.waiting(full_name)
        for run in waiting:
            self.play_one(self._github.repository(full_name), run, script or Script())
        return waiting

    def play_one(self, repo: Repository, run: WorkflowRun, script: Script) -> None:
        """Play one run to its end."""
        workflows = self._github.actions.workflows
        if script.conclusion in {"skipped", "startup_failure"}:
            workflows.complete(repo, run, script.conclusion)
            return
        workflows.begin(repo, run)
        for job in run.latest:
            job.log = script.log
            for step in job.steps:
                if step.name == script.fails_at:
                    workflows.end_step(job, step.name, "failure")
                    break
                workflows.end_step(job, step.name)
        if script.conclusion == "success" and not script.fails_at and script.pushes:
            self._push(run.inputs["image"], run.inputs["tag"], script.revision or run.inputs["commit"])
        workflows.complete(repo, run, "failure" if script.fails_at else script.conclusion)
