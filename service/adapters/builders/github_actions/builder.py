"""GitHub Actions as the port `ElsewhereBuilder`: starts a workflow, finds its run, asks, cancels, reads its log.

The pipeline calls it. An external id is `OWNER/NAME/actions/runs/ID`: the path of the run's page, so that a person can
open it. A run that somebody runs again keeps its id, and is followed. It waits for nothing.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

from service.adapters.builders.github_actions import Options, telling
from service.adapters.builders.github_actions.dispatcher import Dispatcher
from service.adapters.builders.github_actions.ids import by_repository, parts_of
from service.adapters.builders.github_actions.inputs import inputs_of, optional_inputs, options_of, ref_of
from service.adapters.builders.github_actions.logs import LogHosts
from service.adapters.builders.github_actions.refused import FOLDER, Attempt
from service.adapters.builders.github_actions.run_shapes import (
    Job,
    Jobs,
    Nothing,
    Run,
    Runs,
    cause,
    standing,
)
from service.adapters.github_api.connection import Connection
from service.adapters.github_api.failures import NotFoundAnswerError
from service.adapters.project_files import dockerfile_at
from service.core.addresses import pages_of
from service.core.words import BuilderPlace, Repository
from service.errors import (
    DoubtfulError,
    MergeportError,
    RetryableError,
)
from service.ports import BuildStanding, Checkout, LogPiece, Progress, StartRequest

LISTED_WITHIN = timedelta(minutes=3)
"""Runs are listed within seconds of their dispatch, and later while GitHub has an incident."""
CLOCKS_DIFFER = timedelta(minutes=10)
PAGE, MOST_PAGES = 100, 5
MOST_KEPT = 200

_READ, _WRITE = "actions: read", "actions: write"
_CORRELATION = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_CONFLICT, _GONE = 409, 410


class GitHubActions:
    """Builds in the source repositories' own workflows. May be used from several threads."""

    place: Literal[BuilderPlace.ELSEWHERE] = BuilderPlace.ELSEWHERE
    listed_within = LISTED_WITHIN

    def __init__(self, connection: Connection, *, checkout: Checkout, api_url: str, ca_file: str | None = None) -> None:
        """Keep the connection, and how source code is fetched for templates; nothing is asked yet."""
        self._connection = connection
        self._checkout = checkout
        self._web_url = pages_of(api_url)
        self._logs = LogHosts(verify=ca_file or True, tls=self._web_url.startswith("https://"))
        self._dispatcher = Dispatcher(connection)
        self._ended: OrderedDict[str, list[Job]] = OrderedDict()
        self._idle: frozenset[str] = frozenset()

    def most_at_once(self, options: object) -> int | None:
        """Give what the options say; without, GitHub's own limits hold, and it queues what is beyond them."""
        return options.at_once if isinstance(options, Options) else None

    def start(self, request: StartRequest, correlation: str) -> str | None:
        """Dispatch the workflow; see the port. An older server takes it and tells no run: None.

        PermanentError: `workflow-missing`, `workflow-ref-missing`, `workflow-disabled`, `workflow-not-dispatchable`,
        `workflow-input-missing`, `workflow-input-required`, `github-permission-missing`, `project-…`.
        """
        options = options_of(request)
        text = dockerfile_at(self._checkout, request, options, options.context or ".")
        told = inputs_of(request, correlation, text)
        attempt = Attempt(request.repository, options.workflow, ref_of(request), told)
        run = self._dispatcher.dispatch(attempt, optional_inputs(request))
        return None if run is None else f"{request.repository}/actions/runs/{run}"

    def find(self, request: StartRequest, correlation: str) -> str | None:
        """Look for a run whose name has the correlation, which `run-name` puts there; see the port.

        RetryableError where a second one might be started beside it. `workflow-run-unnamed`: a run of the workflow does
        not tell whose it is. `workflow-runs-too-many`: there are more than are searched.
        """
        workflow, ref = options_of(request).workflow, ref_of(request)
        unnamed: Run | None = None
        for page in range(1, MOST_PAGES + 1):
            found = self._dispatches(request, workflow, page)
            for run in found:
                title = f"{run.display_title} {run.name or ''}"
                if correlation in title:
                    return f"{request.repository}/actions/runs/{run.id}"
                if run.head_branch == ref and not _CORRELATION.search(title):
                    unnamed = run
            if len(found) < PAGE:
                break
        else:
            raise RetryableError(
                f"the {MOST_PAGES * PAGE} newest runs of {workflow} in {request.repository} do not tell of ours",
                code="workflow-runs-too-many",
                hint="look for it on the repository's page Actions; `build.at_once` has fewer runs at once",
            )
        if unnamed is not None:
            raise RetryableError(
                f"run {unnamed.id} of {workflow} in {request.repository} may be ours, but its name does not tell",
                code="workflow-run-unnamed",
                hint=f"set `run-name` in {FOLDER}/{workflow} so that it has ${{{{ inputs.correlation }}}}",
            )
        return None

    def states(self, external_ids: Collection[str]) -> Mapping[str, BuildStanding]:
        """Tell how the runs stand, with one list for all of a repository; see the port.

        A repository that cannot be asked delays no other: its builds go on, and say why nothing is known.
        """
        told: dict[str, BuildStanding] = {}
        failed: list[MergeportError] = []
        repositories = by_repository(external_ids)
        for repository, ids in repositories.items():
            try:
                told |= self._states_of(repository, ids)
            except MergeportError as error:
                failed.append(error)
                told |= dict.fromkeys(ids, BuildStanding(Progress.RUNNING, str(error), heard=False))
        if failed and len(failed) == len(repositories):
            raise failed[0]
        return told

    def repeated(self, external_ids: Collection[str]) -> Mapping[str, str]:  # noqa: ARG002 - the port's
        """Give none: a run that is run again keeps its id."""
        return {}

    def cancel(self, external_id: str) -> None:
        """Cancel the run; see the port."""
        repository, run = parts_of(external_id)
        try:
            self._connection.send(
                Nothing, "POST", f"/repos/{repository}/actions/runs/{run}/cancel", {},
                doing=f"cancel run {run}", repository=repository, permission=_WRITE,
            )  # fmt: skip
        except NotFoundAnswerError:
            return
        except DoubtfulError as error:  # 409: it has ended, or cannot be cancelled at this very moment
            there = self._run(repository, run) if error.fields.get("status") == _CONFLICT else None
            if error.fields.get("status") != _CONFLICT or (there is not None and not there.ended):
                raise

    def log(self, external_id: str, after: str) -> LogPiece:
        """Tell the steps that ended since, and once all has, the end of the log of the job that tells most."""
        repository, _ = parts_of(external_id)
        if external_id in self._idle:
            return LogPiece("", after)
        jobs = self._jobs_of(external_id)
        text, place = telling.tell(telling.Place.read(after), jobs, f"{self._web_url}/{external_id}")
        told = cause(jobs)
        if told is not None and not place.whole and all(job.ended for job in jobs):
            text += telling.shown(told, self._log_of(repository, told))
            place = telling.Place(place.attempt, place.steps, place.ended, whole=True)
        return LogPiece(text, place.written() if text else after)

    # --- what is asked ------------------------------------------------------------------------------

    def _dispatches(self, request: StartRequest, workflow: str, page: int) -> list[Run]:
        parameters: dict[str, str | int] = {"event": "workflow_dispatch", "per_page": PAGE, "page": page}
        if request.since is not None:
            parameters["created"] = f">={(request.since - CLOCKS_DIFFER).strftime('%Y-%m-%dT%H:%M:%SZ')}"
        return self._connection.get(
            Runs, f"/repos/{request.repository}/actions/workflows/{quote(workflow)}/runs", parameters=parameters,
            doing=f"list the runs of `{workflow}`", repository=request.repository, permission=_READ,
        ).workflow_runs  # fmt: skip

    def _states_of(self, repository: Repository, ids: Mapping[str, int]) -> dict[str, BuildStanding]:
        runs = self._listed(repository, set(ids.values())) if len(ids) > 1 else {}
        told, idle = {}, set()
        for external_id, number in ids.items():
            run = runs.get(number) or self._run(repository, number)
            if run is not None:
                kept = self._ended.get(external_id, [])
                if not run.ended or any(job.run_attempt != run.run_attempt for job in kept):
                    self._ended.pop(external_id, None)
                idle |= {external_id} if run.waits else set()
                bad = run.ended and not run.went_well
                told[external_id] = standing(run, self._jobs_of(external_id) if bad else ())
        self._idle = self._idle.difference(ids) | idle
        return told

    def _listed(self, repository: Repository, wanted: set[int]) -> dict[int, Run]:
        """List runs, newest first, for as long as a page may have one of those that are wanted."""
        runs: dict[int, Run] = {}
        for page in range(1, MOST_PAGES + 1):
            found = self._connection.get(
                Runs,
                f"/repos/{repository}/actions/runs",
                parameters={"event": "workflow_dispatch", "per_page": PAGE, "page": page},
                doing="list the runs of workflows",
                repository=repository,
                permission=_READ,
            ).workflow_runs
            runs |= {run.id: run for run in found}
            oldest = min((run.id for run in found), default=0)
            if len(found) < PAGE or all(number >= oldest for number in wanted - runs.keys()):
                break
        return runs

    def _run(self, repository: Repository, number: int) -> Run | None:
        try:
            return self._connection.get(
                Run, f"/repos/{repository}/actions/runs/{number}", doing=f"read run {number}", repository=repository,
                permission=_READ,
            )  # fmt: skip
        except NotFoundAnswerError:
            self._connection.get(
                Nothing, f"/repos/{repository}", doing="read the repository", repository=repository,
                permission="metadata: read",
            )  # fmt: skip
            return None

    def _jobs_of(self, external_id: str) -> Sequence[Job]:
        """Give the jobs of the newest attempt; those of an ended one are kept until there is another."""
        kept = self._ended.get(external_id)
        if kept is not None:
            return kept
        repository, number = parts_of(external_id)
        jobs = self._connection.get(
            Jobs, f"/repos/{repository}/actions/runs/{number}/jobs", parameters={"per_page": PAGE},
            doing=f"list the jobs of run {number}", repository=repository, permission=_READ,
        ).jobs  # fmt: skip
        if jobs and all(job.ended for job in jobs):
            self._ended[external_id] = jobs
            while len(self._ended) > MOST_KEPT:
                self._ended.popitem(last=False)
        return jobs

    def _log_of(self, repository: Repository, job: Job) -> str:
        try:
            there = self._connection.address(
                f"/repos/{repository}/actions/jobs/{job.id}/logs", doing=f"read the log of job {job.id}",
                repository=repository, permission=_READ,
            )  # fmt: skip
        except DoubtfulError as error:
            if error.fields.get("status") != _GONE:
                raise
            return "[the log is gone: GitHub keeps it for as long as the repository says]"
        return self._logs.fetch_end(there)
