"""The runs of GitHub workflows that push images by themselves: which is for a commit, and how it stands.

The look at images calls it, through the port `Pipelines`. It starts and cancels nothing. It believes that no image
comes only if every run for the commit has ended without success, or if the commit's message keeps GitHub from starting
one; a run that is not there may be late, or left out by a filter of paths, and that is said and not believed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
BETWEEN_LOOKS = timedelta(seconds=5)
"""So long what GitHub told of a repository is not asked again, unless a hint comes."""
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


@dataclass(frozen=True, slots=True)
class _Look:
    """What was told of a repository's workflows, and when it was asked."""

    at: datetime
    told: Mapping[PipelineQuestion, PipelineStanding]


class PushedWorkflows:
    """Workflows of source repositories, by one connection. May be used from several threads."""

    def __init__(self, connection: Connection, now: Callable[[], datetime]) -> None:
        """Keep the connection; nothing is asked yet."""
        self._connection = connection
        self._now = now
        self._skips: dict[tuple[Repository, Sha], str] = {}
        self._looks: dict[str, _Look] = {}
        self._news: Counter[str] = Counter()
        self._unseen: dict[str, Sha] = {}

    def pipeline_of(self, options: object) -> str:
        """Give the workflow's file name, where the options name one."""
        return (options.workflow or "") if isinstance(options, Options) else ""

    def expect_news(self, repository: Repository) -> None:
        """Ask GitHub at the next look, although it was asked a moment ago."""
        self._news[repository.key] += 1
        self._looks.pop(repository.key, None)

    def standings(self, questions: Sequence[PipelineQuestion]) -> Mapping[PipelineQuestion, PipelineStanding]:
        """Tell how each stands; one list serves all of a repository. What cannot be asked says why."""
        told: dict[PipelineQuestion, PipelineStanding] = {}
        for repository in dict.fromkeys(one.repository for one in questions):
            told |= self._look(repository, [one for one in questions if one.repository == repository])
        return told

    def _look(
        self, repository: Repository, questions: Sequence[PipelineQuestion]
    ) -> dict[PipelineQuestion, PipelineStanding]:
        """Ask for a repository, unless that was done a moment ago; what is new since then waits for the next look."""
        key, now = repository.key, self._now()
        last, news = self._looks.get(key), self._news[key]
        if last is not None and abs(now - last.at) < BETWEEN_LOOKS:
            soon = "{} is looked at in a moment"
            return {one: last.told.get(one) or PipelineStanding(soon.format(one.pipeline)) for one in questions}
        try:
            told = self._of(repository, questions)
        except MergeportError as error:
            told = {one: PipelineStanding(f"{one.pipeline} cannot be looked at: {error}") for one in questions}
        if len(self._looks) >= MOST_KEPT:
            self._looks.clear()
        if self._news[key] == news:
            self._looks[key] = _Look(now, told)
        return told

    def _of(
        self, repository: Repository, questions: Sequence[PipelineQuestion]
    ) -> dict[PipelineQuestion, PipelineStanding]:
        commits = list(dict.fromkeys(one.commit for one in questions))
        workflows = {one.pipeline for one in questions}
        if len(commits) == 1:
            listed = self._runs(repository, workflows, {"head_sha": commits[0]}).workflow_runs
            return {one: self._judge(one, listed) for one in questions}
        since = min(one.since for one in questions) - CLOCKS_DIFFER
        page = self._runs(repository, workflows, {"created": f">={since.strftime('%Y-%m-%dT%H:%M:%SZ')}"})
        listed = list(page.workflow_runs)
        seen = {run.head_sha for run in listed}
        missing = [commit for commit in commits if commit not in seen] if page.total_count > PAGE else []
        if missing:
            # One of those that the page does not have, each in its turn.
            after = [commit for commit in missing if commit > self._unseen.get(repository.key, "")]
            turn = min(after or missing)
            self._unseen[repository.key] = turn
            listed += self._runs(repository, workflows, {"head_sha": turn}).workflow_runs
            missing.remove(turn)
        return {
            one: PipelineStanding(f"{one.pipeline} has so many runs that this one is looked for later")
            if one.commit in missing
            else self._judge(one, listed)
            for one in questions
        }

    def _judge(self, question: PipelineQuestion, listed: Sequence[Run]) -> PipelineStanding:
        workflow = question.pipeline
        since = question.since - CLOCKS_DIFFER
        runs = [
            run
            for run in listed
            if (run.head_sha, run.file) == (question.commit, workflow)
            and run.event not in OTHERS
            and (run.created_at is None or run.created_at >= since)
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

    def _runs(self, repository: Repository, workflows: Collection[str], parameters: Mapping[str, str]) -> Runs:
        """List runs of one workflow, or where several are asked for of all."""
        (only,) = workflows if len(workflows) == 1 else ("",)
        place = f"workflows/{quote(only)}/runs" if only else "runs"
        return self._connection.get(
            Runs, f"/repos/{repository}/actions/{place}",
            parameters={**parameters, "per_page": PAGE}, doing=f"list the runs of `{only or 'workflows'}`",
            repository=repository, permission=_READ,
        )  # fmt: skip
