"""The statuses on source commits: one per environment, decided here and sent by the worker until GitHub has it.

Failing to report never fails a run. Several applications of one commit share the environment's status.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import assert_never
from urllib.parse import urlencode

import structlog

from service.core.messages import status_description
from service.core.models import is_model
from service.core.words import Repository, RunState, Sha
from service.errors import LimitedError, MergeportError, RetryableError
from service.pipeline.context import Context
from service.pipeline.reports.model_tags import tag_model
from service.pipeline.reports.shown import as_shown
from service.ports import CommitState, CommitStatus
from service.store import Transaction, deployments, leases, proposals, reports, runs, successions
from service.store.pauses import pause_of
from service.store.reports import Report
from service.store.runs import Run

GATES = "mergeport/gate/"
"""How the contexts of gates begin; they are on promotions' pull requests, in manifest repositories."""
_LONGEST_PAUSE_SECONDS = 300.0
HOLD_CONTEXT = "mergeport/hold/"
"""Statuses on commits of manifest repositories, which tell people that their step back is held."""
_OF_MANIFESTS = (GATES, HOLD_CONTEXT)
LEASE = "reports"
LEASE_SECONDS = 30.0

log = structlog.get_logger()


def want_status(tx: Transaction, run: Run) -> None:
    """Set what the source commit should show for the run's environment, in the caller's transaction."""
    _want(tx, {_place_of(run)})


def want_statuses(tx: Transaction, some: Sequence[Run]) -> None:
    """Set what the commits of some runs should show, and the commits of the runs that they superseded.

    Called when a run has ended, or its release is no longer live or live again. A run under way changes no other
    status. Our comments on the pull requests that brought them are told, too.
    """
    for run in some:
        if run.pull_request is not None:
            proposals.tell_of(tx, [run.id], run.updated_at)
    _want(tx, {*map(_place_of, some), *successions.followers(tx, some)})


def _place_of(run: Run) -> tuple[Repository, Sha, str]:
    return run.repository, run.commit, run.environment


def _want(tx: Transaction, places: Collection[tuple[Repository, Sha, str]]) -> None:
    """Set several statuses; all are locked first and in one order, so two transactions never wait for each other.

    If two runs end at once, the second transaction must see that the first run has ended.
    """
    known: successions.Known = {}
    for repository, commit, environment in sorted(places):
        reports.hold(tx, repository, commit, _context_of(environment))
    for repository, commit, environment in sorted(places):
        _want_one(tx, repository, commit, environment, known)


def _context_of(environment: str) -> str:
    return f"mergeport/{environment}"


def _want_one(tx: Transaction, repository: Repository, commit: Sha, environment: str, known: successions.Known) -> None:
    theirs = runs.of_commit(tx, repository, commit, environment)
    live = deployments.newest_of_runs(tx, [one.id for one in theirs])
    same = [as_shown(tx, one, live.get(one.id), known) for one in theirs]
    telling = min(same, key=lambda one: (_urgency(one), one.sequence))
    reports.want(
        tx,
        repository=repository,
        commit=commit,
        context=_context_of(environment),
        run_id=telling.id,
        state=_state(telling),
        description=_description(telling, same),
        url=f"/runs/{telling.id}" if len(same) == 1 else _page_of(telling),
    )


def _description(telling: Run, same: Sequence[Run]) -> str:
    """Describe all runs that share the status: what people must see first, and how many are done."""
    words = telling.message or str(telling.state)
    if len(same) == 1:
        return status_description(words)
    well = sorted(run.application for run in same if run.state is RunState.SUCCEEDED)
    if len(well) == len(same):
        return status_description(f"all {len(same)} done: {', '.join(well)}")
    return status_description(f"{len(well)} of {len(same)} done; {telling.application}: {words}")


def _page_of(run: Run) -> str:
    """Give the page that lists the runs of the commit in the environment."""
    return f"/?{urlencode({'commit': run.commit, 'environment': run.environment})}"


def send_reports(context: Context) -> int:
    """Send what the forge does not have yet; give how many arrived. After a failure the pause grows.

    One worker sends at a time, so that two versions of one status cannot overtake each other on their way.
    """
    with context.store.read() as tx:
        if not reports.unsent(tx, context.now(), limit=1):
            return 0
    with context.store.begin() as tx:
        if not _is_sender(tx, context):
            return 0
        unsent = reports.unsent(tx, context.now())
    arrived = 0
    for number, report in enumerate(unsent):
        if number == 0 or _is_wanted(context, report):
            arrived += _send(context, report)
    return arrived


def _is_wanted(context: Context, report: Report) -> bool:
    """Tell whether the report is still to be sent, because sending those before it may have taken long."""
    with context.store.read() as tx:
        return reports.is_wanted(tx, report)


def _send(context: Context, report: Report) -> bool:
    # A page of ours is stored without its host, which may be another by the time the status is sent.
    url = context.url + report.url if report.url.startswith("/") else report.url
    status = CommitStatus(report.context, CommitState(report.state), report.description, url)
    try:
        if is_model(report.repository):
            tag_model(context, report)
        else:
            _set_status(context, report, status)
    except MergeportError as error:
        asked = error.retry_after if isinstance(error, RetryableError) else None
        limited = isinstance(error, LimitedError)
        usual = 1.0 if limited else min(2.0**report.attempts, _LONGEST_PAUSE_SECONDS)
        pause = max(asked or 0.0, usual)
        tell = log.info if limited else log.warning
        tell("status not sent, to be repeated", commit=report.commit, context=report.context, error=str(error))
        with context.store.begin() as tx:
            if not _is_still_sender(tx, context) or reports.is_sent(tx, report):
                _send_newest_again(tx, report)
            else:
                reports.failed(tx, report, str(error), until=context.now() + pause_of(pause))
        return False
    with context.store.begin() as tx:
        if not _is_still_sender(tx, context) or not reports.sent(tx, report):
            _send_newest_again(tx, report)
    return True


def _set_status(context: Context, report: Report, status: CommitStatus) -> None:
    ours = report.repository == context.configuration_repository or report.context.startswith(_OF_MANIFESTS)
    forge = context.outside.manifest_forge if ours else context.outside.forge
    forge.set_commit_status(report.repository, report.commit, status)


def _send_newest_again(tx: Transaction, report: Report) -> None:
    """Send the wanted status again, because the forge may show an older one.

    A status was delayed, or this worker was paused, and another worker has sent since. The forge may have taken the
    older one last, even if its answer never came.
    """
    reports.want_again(tx, report)
    log.warning("status sent late, the newest follows", commit=report.commit, context=report.context)


def _is_sender(tx: Transaction, context: Context) -> bool:
    """Become or stay the worker that sends; False if it is another one."""
    return leases.acquire(tx, LEASE, context.holder, now=context.now(), seconds=LEASE_SECONDS)


def _is_still_sender(tx: Transaction, context: Context) -> bool:
    """Stay the worker that sends; False if another one took over."""
    return leases.keep(tx, LEASE, context.holder, now=context.now(), seconds=LEASE_SECONDS)


def _urgency(run: Run) -> int:
    """Order runs by what people must see first: a failure, then work under way, then the rest."""
    match run.state:
        case RunState.FAILED:
            return 0
        case RunState.QUEUED | RunState.RUNNING | RunState.WAITING:
            return 1
        case RunState.CANCELLED:
            return 2
        case RunState.SUPERSEDED:
            return 3
        case RunState.SUCCEEDED:
            return 4
        case _:
            assert_never(run.state)


def _state(run: Run) -> CommitState:
    match run.state:
        case RunState.FAILED:
            return CommitState.FAILURE
        case RunState.CANCELLED | RunState.SUPERSEDED:
            return CommitState.ERROR
        case RunState.QUEUED | RunState.RUNNING | RunState.WAITING:
            return CommitState.PENDING
        case RunState.SUCCEEDED:
            return CommitState.SUCCESS
        case _:
            assert_never(run.state)
