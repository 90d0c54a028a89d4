"""Intake: turns stored deliveries into changes and runs, in order per source repository.

Called by the worker's intake loop. The whole result of a delivery is one transaction, and every row has a unique key,
so repeating the work after a crash does no harm.
"""

from __future__ import annotations

from typing import assert_never

import structlog

from service.core.changes import (
    BuildHint,
    Commented,
    Event,
    GateHint,
    Hint,
    Ignored,
    ModelHint,
    Ping,
    PullRequestMerged,
    Push,
)
from service.core.words import ChangeId, DeliveryState, Repository, Sha, WaitKind
from service.errors import LimitedError, MergeportError, PermanentError, RetryableError
from service.pipeline.comments.taking import take_comment
from service.pipeline.context import Context
from service.pipeline.deploy.foreign_push import tell_deployer
from service.pipeline.deploy.peoples_step_back import recognise
from service.pipeline.intake.configuration_for import configuration_for, read_again
from service.pipeline.intake.doubt import doubted
from service.pipeline.intake.hints import (
    LookNow,
    follow_hint,
    tell_builds,
    tell_facts,
    tell_gates,
    tell_pull_requests,
)
from service.pipeline.intake.model_moves import take_model
from service.pipeline.intake.moved_back import is_moved_back
from service.pipeline.intake.proposed_configuration import check_proposed
from service.pipeline.intake.proposed_secrets import search_proposed
from service.pipeline.intake.renames import under_known_name
from service.pipeline.intake.runs_of_change import Note, Outcome, Part, accept, mark, mark_alone
from service.pipeline.intake.touched import touched
from service.pipeline.manifest import own_commits
from service.pipeline.runs.steps import Stale
from service.ports import StoredRequest
from service.store import changes, deliveries
from service.store.changes import Change
from service.store.deliveries import StoredDelivery
from service.store.ids import new_id
from service.store.pauses import pause_of
from service.store.runs import Run

MOST_ATTEMPTS = 360
"""About six hours, so that no merge is lost when GitHub is away for long."""
_LONGEST_PAUSE_SECONDS = 60.0

log = structlog.get_logger()


def claim(context: Context) -> StoredDelivery | None:
    """Take the next delivery whose repository has none under way."""
    with context.store.begin() as tx:
        return deliveries.claim(tx, executor=context.holder, now=context.now())


def take_in(context: Context, delivery: StoredDelivery, look_now: LookNow) -> None:
    """Process a claimed delivery. After an error that may pass it stays stored, and only its repository waits."""
    with structlog.contextvars.bound_contextvars(delivery=delivery.id):
        try:
            accepted = _work(context, delivery, look_now)
        except Stale:
            log.warning("another worker has the delivery")
        except RetryableError as error:
            _postpone(context, delivery, error)
        except MergeportError as error:
            _finish(context, delivery, Outcome(DeliveryState.FAILED, str(error)))
        except Exception:
            log.exception("internal error in a delivery")
            _finish(
                context, delivery, Outcome(DeliveryState.FAILED, "internal error; the worker's log has the traceback")
            )
        else:
            for run in accepted:
                context.queue.enqueue_run(run)


def _postpone(context: Context, delivery: StoredDelivery, error: RetryableError) -> None:
    limited = isinstance(error, LimitedError)
    if delivery.attempts + 1 >= MOST_ATTEMPTS and not limited:
        _finish(context, delivery, Outcome(DeliveryState.FAILED, f"gave up: {error}"))
        return
    usual = 1.0 if limited else min(2.0 ** min(delivery.attempts, 10), _LONGEST_PAUSE_SECONDS)
    pause = max(error.retry_after or 0.0, usual)
    log.warning("delivery postponed", error=str(error), seconds=pause)
    with context.store.begin() as tx:
        if not deliveries.keep_claim(tx, delivery, executor=context.holder):
            log.warning("another worker has the delivery")
            return
        deliveries.postpone(tx, delivery.sequence, str(error), until=context.now() + pause_of(pause))


def _finish(context: Context, delivery: StoredDelivery, outcome: Outcome) -> None:
    try:
        with context.store.begin() as tx:
            mark(tx, context, Part(delivery, last=True), outcome)
    except Stale:
        log.warning("another worker has the delivery")


def _work(context: Context, delivery: StoredDelivery, look_now: LookNow) -> list[Run]:
    """Process all events of a delivery in their order; if one cannot be processed yet, all are repeated later."""
    source = context.sources.get(delivery.source)
    if source is None:
        raise PermanentError(
            f"this version has no source `{delivery.source}` to read it",
            code="source-unknown",
            hint="run the version that received it, then `mergeport deliveries replay`",
        )
    with context.store.read() as tx:
        raw = deliveries.body(tx, delivery.id)
    events = source.read(StoredRequest(delivery.event, raw)) or [Ignored("it reports no event")]
    outcomes: list[Outcome] = []
    accepted: list[Run] = []
    for number, event in enumerate(events, start=1):
        part = Part(delivery, last=number == len(events), before=outcomes)
        accepted += _take(context, part, event, look_now)
    return accepted


def _take(context: Context, part: Part, told: Event, look_now: LookNow) -> list[Run]:
    event = under_known_name(context, told)
    match event:
        case Push():
            with doubted():
                return _take_push(context, part, event, look_now)
        case PullRequestMerged():
            with doubted():
                return _take_pull_request(context, part, event)
        case Hint():
            look_now(WaitKind.PULL_REQUEST, f"{event.repository.key}:{event.base_branch}")
            if event.merge is not None and not own_commits.is_promotions(context, event.merge):
                with doubted():
                    return _take_pull_request(context, part, event.merge)
            followed, words = follow_hint(context, event)
            mark_alone(context, part, Outcome(DeliveryState.PROCESSED, words))
            return followed
        case BuildHint():
            again, outcome = tell_builds(context, event, look_now)
            mark_alone(context, part, outcome)
            return again
        case Commented():
            outcome = take_comment(context, event, arrived=part.delivery.received_at, tried=part.delivery.attempts)
            mark_alone(context, part, outcome)
        case ModelHint():
            return take_model(context, part, event)
        case GateHint():
            mark_alone(context, part, tell_facts(context, event))
        case Ping() | Ignored():
            reason = event.reason if isinstance(event, Ignored) else "ping"
            mark_alone(context, part, Outcome(DeliveryState.IGNORED, reason))
        case _:
            assert_never(event)
    return []


def _take_push(context: Context, part: Part, push: Push, look_now: LookNow) -> list[Run]:
    if words := tell_gates(context, push, look_now):
        mark_alone(context, part, Outcome(DeliveryState.PROCESSED, words))
        return []
    reloaded = read_again(context, push)
    own = own_commits.is_own(context, push)
    tell_pull_requests(context, push, look_now, own=own)
    tell_deployer(context, push, look_now, own=own)
    recognise(context, push, own=own)
    if own:
        mark_alone(context, part, Outcome(DeliveryState.IGNORED, "a commit of Mergeport's own"))
        return []
    if checked := "; ".join(filter(None, [check_proposed(context, push), search_proposed(context, push)])):
        reloaded = Note(checked)
    configuration = configuration_for(context, part, push.repository, push.branch, note=reloaded)
    if configuration is None:
        return []
    if own_commits.is_merged_promotion(context, configuration, push):
        mark_alone(context, part, Outcome(DeliveryState.IGNORED, "merges a promotion of Mergeport's own"))
        return []
    if own_commits.is_loop(context, configuration, push):
        raise PermanentError(
            f"pushes to {push.branch} and our own commits on it cause each other: nothing was started",
            code="own-commit-loop",
            hint="find out what pushes after each of our commits; set `paths`, so that values files feed no "
            "environment; `mergeport deliveries replay` processes the push anyway, once it is quiet",
        )
    found = touched(context, configuration, push.repository, push.branch, push.before, push.after)
    change = _new_change(
        context, push.repository, push.branch, push.after, before=push.before, paths=found.paths, subject=push.subject,
        author=push.author or push.sender, author_email=push.author_email,
    )  # fmt: skip
    ancestor = None if push.forced else push.before
    return accept(
        context, part, configuration, change, covered=push.commits, note=reloaded, ancestor=ancestor, doubt=found.words,
        moved_back=is_moved_back(context, push),
    )  # fmt: skip


def _take_pull_request(context: Context, part: Part, merged: PullRequestMerged) -> list[Run]:
    known = {
        "number": merged.number,
        "title": merged.title,
        "author": merged.author,
        "url": merged.url,
        "labels": list(merged.labels),
    }
    configuration = configuration_for(context, part, merged.repository, merged.branch, note=Note())
    if configuration is None:
        return []
    with context.store.begin() as tx:
        covering = changes.covering(tx, merged.repository, merged.branch, merged.merge_commit)
        if covering is not None and part.delivery.generation == 0:
            changes.enrich(tx, covering, subject=merged.title, author=merged.author, pull_request=known)
            words = f"pull request #{merged.number} is part of {covering.commit[:12]} on {merged.branch}"
            mark(tx, context, part, Outcome(DeliveryState.PROCESSED, words, covering.id))
            return []
    found = touched(context, configuration, merged.repository, merged.branch, merged.base_sha, merged.merge_commit)
    change = _new_change(
        context, merged.repository, merged.branch, merged.merge_commit, before=merged.base_sha, paths=found.paths,
        subject=merged.title, author=merged.author, pull_requests=[known],
    )  # fmt: skip
    return accept(
        context, part, configuration, change, covered=(merged.merge_commit,), note=Note(), enrich=known,
        doubt=found.words,
    )  # fmt: skip


def _new_change(
    context: Context,
    repository: Repository,
    branch: str,
    commit: Sha,
    *,
    before: Sha | None,
    paths: list[str] | None,
    subject: str,
    author: str,
    author_email: str = "",
    pull_requests: list[dict[str, object]] | None = None,
) -> Change:
    return Change(
        id=ChangeId(new_id()),
        repository=repository,
        branch=branch,
        commit=commit,
        before=before,
        subject=subject,
        author=author,
        author_email=author_email,
        paths=paths,
        pull_requests=pull_requests or [],
        created_at=context.now(),
    )
