"""Brings our one comment on each promotion's pull request up to date: written once, then edited.

Called by a loop of the worker; one worker writes at a time, so that nothing is written twice. A comment that fails is
repeated later, and never fails a run.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from service.core.proposal_comment import MARK, Facts, comment_of
from service.core.words import RunState
from service.errors import MergeportError, RetryableError
from service.pipeline.context import Context
from service.pipeline.reports.shown import as_shown
from service.store import deployments, leases, proposals, runs
from service.store.pauses import pause_of
from service.store.proposals import Proposal
from service.store.runs import Run

LEASE, LEASE_SECONDS = "comments", 300.0
_LONGEST_PAUSE_SECONDS = 300.0
_NEXT = "Next: look at the run; `mergeport rollback {} {} --reason …` brings back what was there before."

log = structlog.get_logger()


def bring_comments(context: Context) -> bool:
    """Bring the comments up to date that may be out of date; True if there may be more."""
    with context.store.read() as tx:
        due = proposals.due(tx, context.now())
    if not due:
        return False
    with context.store.begin() as tx:
        if not leases.acquire(tx, LEASE, context.holder, now=context.now(), seconds=LEASE_SECONDS):
            return False
        due = proposals.due(tx, context.now())
    for proposal in due:
        _bring(context, proposal)
    return len(due) == proposals.AT_ONCE


def _bring(context: Context, proposal: Proposal) -> None:
    text = _text(context, proposal)
    comment = proposal.comment
    try:
        if text not in {"", proposal.told}:
            forge = context.outside.manifest_forge
            comment = forge.tell(proposal.repository, proposal.number, text, mark=MARK, comment=comment)
    except MergeportError as error:
        log.warning("a comment was not written, to be repeated", number=proposal.number, error=str(error))
        asked = error.retry_after if isinstance(error, RetryableError) else None
        pause = max(asked or 0.0, min(2.0**proposal.attempts, _LONGEST_PAUSE_SECONDS))
        with context.store.begin() as tx:
            proposals.update(
                tx, proposal.repository, proposal.number, attempts=proposal.attempts + 1,
                due_at=context.now() + pause_of(pause),
            )  # fmt: skip
        return
    with context.store.begin() as tx:
        proposals.brought(tx, proposal, comment, text or proposal.told)


def _text(context: Context, proposal: Proposal) -> str:
    """Give what the comment is to say now. One that is there and has nothing to say any more says so."""
    with context.store.read() as tx:
        run = runs.get(tx, proposal.run_id)
        deployment = None if run is None else deployments.newest_of_runs(tx, [run.id]).get(run.id)
        shown = None if run is None else as_shown(tx, run, deployment, {})
    if run is None or shown is None:
        return ""
    healthy = None if deployment is None or deployment.until is not None else deployment.healthy_since
    since = f"live and healthy since {healthy:%Y-%m-%d %H:%M} UTC" if healthy else shown.message
    facts = Facts(
        application=run.application,
        environment=run.environment,
        run_url=context.run_url(run.id),
        state=_state(run, shown) if not proposal.together else _of_all(run),
        message=since if shown.state is RunState.SUCCEEDED else shown.message,
        hint=_NEXT.format(run.application, run.environment) if run.manifest_commit else "",
        brought=run.manifest_commit is not None,
        lacking=tuple(proposal.lacking),
        approvals=proposal.approvals,
        merging=proposal.merging,
        ending=proposal.ending,
    )
    text = comment_of(facts)
    if not text and proposal.told and not run.state.ended:
        return comment_of(replace(facts, merging="Nothing is missing any more."))
    return text


def _of_all(run: Run) -> RunState:
    """Give the state of a pull request that several share: none of them tells there how its own run went."""
    return RunState.CANCELLED if run.state.ended else RunState.WAITING


def _state(run: Run, shown: Run) -> RunState:
    """Give the state that the comment tells; a run that ended before a merge says how the pull request ended."""
    return shown.state if run.manifest_commit is not None else run.state
