"""The runs of GitHub workflows that push images by themselves: which is for a commit, and how it stands.

The look at images calls it, through the port `Pipelines`. It starts and cancels nothing. It believes that no image
comes only if every run for the commit has ended without success, or if the commit's message keeps GitHub from starting
one; a run that is not there may be late, or left out by a filter of paths, and that is said and not believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import quote

from pydantic import BaseModel

from service.adapters.builders.external import Options
from service.adapters.builders.github_actions.run_shapes import Jobs, Run, Runs, standing
from service.adapters.github_api.connection import Connection
from service.core.words import Repository, Sha
from service.errors import MergeportError
from service.ports import PipelineQuestion, PipelineStanding, Progress

CLOCKS_DIFFER = timedelta(minutes=10)
"""A run that began so long before we heard of its push may be of it: clocks differ, and webhooks come late."""
PAGE = 100
MOST_KEPT = 1000
OTHERS = frozenset({"pull_request", "pull_request_target", "merge_group"})
"""What runs for something else than the commit on its branch, though a commit may be the same."""

_READ = "actions: read"
_SKIPPING = re.compile(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]", re.IGNORECASE)
_SKIPPING_TRAILER = re.compile(r"^skip-checks: ?true\s*$", re.IGNORECASE | re.MULTILINE)
"""https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs"""


class _Commit(BaseModel):
    message: str


class PushedWorkflows:
    """Workflows of source repositories, by one connection. May be used from several threads."""

    def __init__(self, connection: Connection) -> None:
        """Keep the connection; nothing is asked yet."""
        self._connection = connection
        self._skips: dict[tuple[Repository, Sha], str] = {}

    def pipeline_of(self, options: object) -> str:
        """Give the workflow's file name, where the options name one."""
        return (options.workflow or "") if isinstance(options, Options) else ""

    def standings(self, questions: Sequence[PipelineQuestion]) -> Mapping[PipelineQuestion, PipelineStanding]:
        """Tell how each stands; one list serves all that ask for a workflow. What cannot be asked says why."""
        told: dict[PipelineQuestion, PipelineStanding] = {}
        for repository, workflow in dict.fromkeys((one.repository, one.pipeline) for one in questions):
            here = [one for one in questions if (one.repository, one.pipeline) == (repository, workflow)]
            try:
                told |= self._of(repository, workflow, here)
            except MergeportError as error:
                told |= dict.fromkeys(here, PipelineStanding(f"{workflow} cannot be looked at: {error}"))
        return told

    def _of(
        self, repository: Repository, workflow: str, questions: Sequence[PipelineQuestion]
    ) -> dict[PipelineQuestion, PipelineStanding]:
        if len(questions) == 1:
            (one,) = questions
            return {one: self._judge(one, self._runs(repository, workflow, {"head_sha": one.commit}).workflow_runs)}
        since = min(one.since for one in questions) - CLOCKS_DIFFER
        page = self._runs(repository, workflow, {"created": f">={since.strftime('%Y-%m-%dT%H:%M:%SZ')}"})
        whole = page.total_count <= PAGE
        told = {}
        for one in questions:
            runs = [run for run in page.workflow_runs if run.head_sha == one.commit]
            if not runs and not whole:
                runs = self._runs(repository, workflow, {"head_sha": one.commit}).workflow_runs
            told[one] = self._judge(one, runs)
        return told

    def _judge(self, question: PipelineQuestion, listed: Sequence[Run]) -> PipelineStanding:
        workflow = question.pipeline
        since = question.since - CLOCKS_DIFFER
        runs = [
            run for run in listed if run.event not in OTHERS and (run.created_at is None or run.created_at >= since)
        ]
        if open_runs := [run for run in runs if not run.ended]:
            return PipelineStanding(f"{workflow} is {standing(open_runs[0], ()).words}")
        if any(run.went_well for run in runs):
            return PipelineStanding(f"{workflow} succeeded")
        ours = [run for run in runs if run.head_branch == question.branch]
        if ours:
            return PipelineStanding(self._end_of(question, ours[0]), is_over=True)
        if skipping := self._skipping(question):
            return PipelineStanding(f"{workflow} is not run: the commit's message says {skipping}", is_over=True)
        return PipelineStanding(f"no run of {workflow} is seen; it may be late, or its filters leave this push out")

    def _end_of(self, question: PipelineQuestion, run: Run) -> str:
        jobs = self._connection.get(
            Jobs, f"/repos/{question.repository}/actions/runs/{run.id}/jobs", parameters={"per_page": PAGE},
            doing=f"list the jobs of run {run.id}", repository=question.repository, permission=_READ,
        ).jobs  # fmt: skip
        told = standing(run, jobs)
        what = "was cancelled" if told.progress is Progress.CANCELLED else "failed"
        return f"{question.pipeline} {what} (run {run.id})" + (f": {told.words}" if told.words else "")

    def _skipping(self, question: PipelineQuestion) -> str:
        """Give what in the commit's message keeps GitHub from starting workflows; a message never changes."""
        key = (question.repository, question.commit)
        if key not in self._skips:
            message = self._connection.get(
                _Commit, f"/repos/{question.repository}/git/commits/{question.commit}",
                doing=f"read the commit {question.commit[:12]}", repository=question.repository,
                permission="contents: read",
            ).message  # fmt: skip
            found = _SKIPPING.search(message) or _SKIPPING_TRAILER.search(message)
            if len(self._skips) >= MOST_KEPT:
                self._skips.clear()
            self._skips[key] = found[0].strip() if found else ""
        return self._skips[key]

    def _runs(self, repository: Repository, workflow: str, parameters: Mapping[str, str]) -> Runs:
        return self._connection.get(
            Runs, f"/repos/{repository}/actions/workflows/{quote(workflow)}/runs",
            parameters={**parameters, "per_page": PAGE}, doing=f"list the runs of `{workflow}`", repository=repository,
            permission=_READ,
        )  # fmt: skip
