"""Handles deliveries about promotions' pull requests, their bases, and builds elsewhere: reasons to look, never facts.

Called by intake. The watch looks for a run that waits; a run that has ended may continue in its next generation.
"""

from __future__ import annotations

from collections.abc import Callable

from service.core.changes import STATE_BRANCH, BuildHint, GateHint, Hint, Push
from service.core.words import DeliveryState, Sha, WaitKind
from service.pipeline.build.run_again import follow_again
from service.pipeline.context import Context
from service.pipeline.intake.runs_of_change import Outcome
from service.pipeline.manifest.place import Place
from service.pipeline.manifest.state.state_reading import look_at_state
from service.pipeline.promote.afterwards import follow, follow_all
from service.store import builds, judgements, proposals, waits
from service.store.runs import Run

LookNow = Callable[[WaitKind, str], None]
"""Makes the watch of a kind look at a key at once."""


def follow_hint(context: Context, hint: Hint) -> tuple[list[Run], str]:
    """Start the next generation if the pull request's run has ended; give the new runs, and words about it."""
    followed = follow(context, hint.repository, hint.number)
    if followed:
        return (
            followed,
            f"pull request #{hint.number} of ours is followed by the next generation, because its run has ended",
        )
    return [], f"pull request #{hint.number} of ours was closed, reopened or retargeted: its run looks at it now"


def tell_builds(context: Context, hint: BuildHint, look_now: LookNow) -> tuple[list[Run], Outcome]:
    """Have builds of the repository looked at, and its awaited images; give new runs, and what came of the delivery.

    A run is new where a person runs a workflow again that an ended run had failed with.
    """
    if hint.commit:
        with context.store.begin() as tx:
            judgements.ask_again(tx, at=context.now(), repository=hint.repository, commit=Sha(hint.commit))
            landing = proposals.merged_with(tx, hint.repository, Sha(hint.commit))
            if landing:
                judgements.ask_again(tx, at=context.now(), run_ids=landing)
    with context.store.read() as tx:
        under_way = bool(hint.builder) and builds.any_started(tx, hint.builder, hint.repository)
        awaited_at = waits.keys_of(tx, WaitKind.IMAGE, hint.repository) if hint.ended else []
    if under_way:
        look_now(WaitKind.BUILD_ELSEWHERE, hint.builder)
    if awaited_at:
        context.outside.images.expect_news(hint.repository)
    for key in awaited_at:
        look_now(WaitKind.IMAGE, key)
    again, words = follow_again(context, hint)
    told = [f"what is awaited of {hint.repository} is looked at now"] if under_way or awaited_at else []
    told += [words] if words else []
    if not told:
        return [], Outcome(DeliveryState.IGNORED, f"no build of {hint.repository} is awaited")
    return again, Outcome(DeliveryState.PROCESSED, "; ".join(told))


def tell_facts(context: Context, hint: GateHint) -> Outcome:
    """Have the gates asked again that read what has changed: of a commit, of a pull request of ours, or of a source."""
    now, repository = context.now(), hint.repository
    with context.store.begin() as tx:
        waiting = waits.runs_at(tx, WaitKind.PULL_REQUEST, f"{repository.key}#{hint.number}") if hint.number else []
        if hint.commit is not None:
            waiting += proposals.merged_with(tx, repository, hint.commit)
        asked = judgements.ask_again(tx, at=now, run_ids=waiting) if waiting else 0
        if waiting and hint.queued is not None:
            judgements.set_queued_head(tx, waiting, hint.queued)
        asked += judgements.ask_again(tx, at=now, repository=repository, commit=hint.commit)
    if waiting or asked:
        return Outcome(DeliveryState.PROCESSED, "the gates that it may open are asked again")
    return Outcome(DeliveryState.IGNORED, f"no gate waits for anything of {repository}")


def tell_gates(context: Context, push: Push, look_now: LookNow) -> str:
    """Read the state that a push changes, and have the runs looked at that wait for it; give words about it.

    Nothing is said of a branch of that name in a repository that is not written.
    """
    if push.branch != STATE_BRANCH:
        return ""
    ours = context.configurations.current().manifest_repositories(context.configuration_repository)
    if push.repository not in ours:
        return ""
    look_at_state(context, push.repository)
    look_now(WaitKind.GATE, push.repository.key)
    return f"the state of {push.repository} was read again"


def tell_pull_requests(context: Context, push: Push, look_now: LookNow, *, own: bool) -> None:
    """Let the watch compare the pull requests to a branch with it: it may have lost commits that they contain."""
    if push.forced or not own:
        look_now(WaitKind.PULL_REQUEST, f"{push.repository.key}:{push.branch}")
    if push.forced:
        follow_all(context, base=Place(push.repository, push.branch))
