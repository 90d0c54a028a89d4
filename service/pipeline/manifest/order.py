"""Keeps an older commit from replacing a newer one: compares each promotion with what is deployed.

Called by the promote stage before it writes, by the code that makes the commits, and for pull requests. Under a
branch's lease no outside system is asked: the run looks up missing facts without the lease, and is judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from service.core.config import OrderPolicy
from service.core.order import (
    Answer,
    Judgement,
    judge,
)
from service.core.standing import Standing, standing_images
from service.core.values import Rewrite
from service.core.words import EditState, OrderBy, RunId, Sha
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.order_facts import judge_commit
from service.pipeline.manifest.origins import UNKNOWN, Origin, asked_origin, known_origin
from service.pipeline.manifest.place import Place, rewrite_at, wanted_edits
from service.pipeline.runs.claim import Claim, images_of
from service.pipeline.runs.steps import Superseded
from service.ports import Manifests
from service.store import Transaction, ancestry, edits, judgements, run_order, runs
from service.store.edits import Edit
from service.store.runs import Run

MOST_LOOKS = 5
"""How often one run looks up what is deployed before it pauses."""


class Order(StrEnum):
    """How a run stands to the images that its edit would replace."""

    NEWER = "newer"
    """The run goes on."""
    OLDER = "older"
    """Something newer is deployed."""
    UNKNOWN = "unknown"
    """What is deployed has to be looked up outside first."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The order and its words: why the run is older, or what could not be determined although it goes on."""

    order: Order
    words: str = ""

    def told(self, done: Rewrite) -> Rewrite:
        """Add the words to the edit's warnings."""
        return replace(done, warnings=(*done.warnings, self.words)) if self.words else done


@dataclass(frozen=True, slots=True)
class Case:
    """A run whose edit is to be compared with what a manifest repository has.

    `told` is what the run has found out before, by image, if that was read already.
    """

    claim: Claim
    manifests: Manifests
    told: Mapping[str, Judgement] | None = None


def case_at(claim: Claim, place: Place) -> Case:
    """Give the case of a run at a place."""
    return Case(claim, claim.context.outside.manifests.open(place.repository))


def order_of(case: Case, tip: Sha, done: Rewrite, *, ask: bool = False) -> Judged:
    """Judge an edit that was computed on a commit; with `ask` the registry and the forge are asked.

    PermanentError `source-rewritten` if the order cannot be determined and the configuration refuses that.
    """
    words = []
    if case.claim.run.rollback is not None:
        return Judged(Order.NEWER, "the order is not checked: it goes back deliberately")
    for judgement in _judgements(case, tip, done, ask=ask):
        match judgement.answer:
            case Answer.GO_ON:
                words.append(judgement.words)
            case Answer.SUPERSEDED:
                again = "; trying it again does not go back: revert the manifest commit for that"
                return Judged(Order.OLDER, judgement.words + (again if case.claim.run.generation else ""))
            case Answer.REFUSE:
                raise PermanentError(
                    judgement.words,
                    code="source-rewritten",
                    hint="force-pushed? `order: {rewritten: allow}` lets it through; "
                    "`order: commit-time` is for release/*",
                )
            case Answer.ASK_RELATION | Answer.ASK_TIMES:
                return Judged(Order.UNKNOWN, "what is deployed has to be looked up first")
    return Judged(Order.NEWER, "; ".join(filter(None, words)))


# --- around the writing of a commit ---------------------------------------------------------------


def warm(case: Case, place: Place) -> None:
    """Look up what will be needed under the lease, as far as it can be foreseen and no push has told it.

    That is most likely what was promoted last. If nothing was, as after the loss of the database, the branch is read as
    this machine last saw it.
    """
    run, policy = case.claim.run, case.claim.target.order
    if policy.by is OrderBy.OFF or run.rollback is not None:
        return
    with case.claim.context.store.read() as tx:
        if not case.claim.new and edits.of_run(tx, run.id) is not None:
            return
        last = run_order.last_promoted(tx, run)
    if last is None:
        _find_out(case, case.manifests.last_tip(place.branch) or case.manifests.fetch(place.branch))
    elif last.repository == run.repository:
        judge_commit(case.claim.context, run, policy, last.commit, ask=True)


def in_order(case: Case, place: Place, write: Callable[[], Edit]) -> Edit:
    """Write the edit; what was not known under the lease is looked up without it, and the write is repeated.

    Raises Superseded if something newer is deployed, and whatever `write` raises.
    """
    for _ in range(MOST_LOOKS):
        edit = write()
        if edit.state is EditState.OVERTAKEN:
            raise superseded(case, edit.message)
        if edit.state is not EditState.UNORDERED:
            return edit
        _find_out(case, case.manifests.fetch(place.branch))
        with case.claim.context.store.begin() as tx:
            edits.update(tx, case.claim.run.id, state=EditState.PENDING, message="")
    raise RetryableError("what is deployed changes as fast as it is looked up", code="order-moving", retry_after=1.0)


def _find_out(case: Case, tip: Sha | None) -> None:
    """Find out and store how the run stands to the images that its edit would replace on a commit.

    Errors of the edit itself are ignored here: writing it will raise them.
    """
    if tip is None:
        return
    try:
        done = rewrite_at(case.manifests, tip, wanted_edits(case.claim.run, case.claim.target))
    except RetryableError:
        raise
    except MergeportError:
        return
    _judgements(case, tip, done, ask=True)


# --- pull requests --------------------------------------------------------------------------------


def order_of_proposal(
    case: Case, *, base: Sha, tip: Sha | None, done: Rewrite, number: Callable[[], int | None]
) -> Rewrite:
    """Let an edit of the base through, with a warning if the order could not be determined.

    What the promotion branch's `tip` has counts while its pull request is open; `number` looks up that pull request.
    Raises Superseded if something newer is there, and what `order_of` raises.
    """
    judged = order_of(case, base, done, ask=True)
    if judged.order is Order.OLDER:
        raise superseded(case, judged.words)
    done = judged.told(done)
    run = case.claim.run
    if tip is None or run.rollback is not None:
        return done
    proposed = rewrite_at(case.manifests, tip, wanted_edits(run, case.claim.target))
    if not proposed.files:
        return done
    for judgement in _judgements(case, tip, proposed, ask=True):
        if judgement.answer is Answer.SUPERSEDED and (there := number()) is not None and judgement.deployed:
            deployed = judgement.deployed
            words = f"pull request #{there} brings {deployed[:12]}, which is newer than {run.commit[:12]}"
            raise Superseded(words, by=_run_of(case.claim.context, run, deployed))
    return done


# --- runs among each other ------------------------------------------------------------------------


def yield_to_later(claim: Claim) -> None:
    """End the run if a later one of the same application and environment was accepted meanwhile.

    A run that was accepted later but has an older commit (its delivery came late, or was sent again) does not count.
    One that goes back yields only to another one that does.
    """
    run = claim.run
    with claim.context.store.read() as tx:
        later = [one for one in run_order.all_later(tx, run) if run.rollback is None or one.rollback is not None]
        unready = {one.id for one in later if _waits_unready(tx, claim, one)}
    for one in later:
        if one.id in unready:
            continue
        if (
            run.rollback is None
            and one.repository == run.repository
            and _is_older(claim.context, one, run, claim.target.order)
        ):
            continue
        raise Superseded(f"superseded by {one.commit[:12]} before it was promoted", by=one.id)


def _waits_unready(tx: Transaction, claim: Claim, later: Run) -> bool:
    """Tell whether the gates keep a later release back that is not ready by itself, so that this one may go first."""
    if not claim.target.gates or later.state.ended or later.manifest_commit is not None:
        return False
    kept = judgements.of_run(tx, later.id)
    return kept is None or not kept.ready


def _is_older(context: Context, one: Run, than: Run, policy: OrderPolicy) -> bool:
    judgement = judge_commit(context, one, policy, than.commit, ask=True)
    return judgement.answer is Answer.SUPERSEDED


# --- the judgement --------------------------------------------------------------------------------


def _judgements(case: Case, tip: Sha, done: Rewrite, *, ask: bool) -> list[Judgement]:
    """Judge the run against each image that its edit would replace."""
    run, target = case.claim.run, case.claim.target
    if target.order.by is OrderBy.OFF:
        return []
    standing = standing_images(target, done.changes, images_of(run))
    if not standing:
        return []
    known = case.told
    if known is None:
        with case.claim.context.store.read() as tx:
            known = ancestry.judgements(tx, run.id)
    return [known.get(image.text) or _judge_image(case, tip, image, ask=ask) for image in standing]


def _judge_image(case: Case, tip: Sha, image: Standing, *, ask: bool) -> Judgement:
    context, run = case.claim.context, case.claim.run
    origin = known_origin(context, case.claim.target, image)
    if origin is None and not ask:
        return Judgement(Answer.ASK_RELATION)
    if origin is None:
        origin = asked_origin(context, case.manifests, tip, case.claim.target, image)
    judgement = _judge_origin(case, origin, image, ask=ask)
    if judgement.answer is Answer.SUPERSEDED or ask:
        with context.store.begin() as tx:
            ancestry.keep_judgement(tx, run.id, image.text, judgement)
    return judgement


def _judge_origin(case: Case, origin: Origin, image: Standing, *, ask: bool) -> Judgement:
    """Judge against the image's source commit, which counts as unknown if it is of another repository."""
    context, run, policy = case.claim.context, case.claim.run, case.claim.target.order
    commit = origin.commit if origin.repository in {None, run.repository} else None
    if commit is None:
        judgement = judge(policy, run.commit, None)
        return replace(judgement, words=f"{judgement.words} ({origin.words or image.text})")
    judgement = judge_commit(context, run, policy, commit, ask=ask)
    if judgement.answer is Answer.REFUSE and origin.repository is None:
        with context.store.read() as tx:
            told = ancestry.relation(tx, run.repository, commit, run.commit)
        if told is None:
            return _judge_origin(case, UNKNOWN, image, ask=ask)
    return judgement


def superseded(case: Case, words: str) -> Superseded:
    """Make the exception that ends the run because something newer was found."""
    with case.claim.context.store.read() as tx:
        told = ancestry.judgements(tx, case.claim.run.id).values()
    newer = next((one.deployed for one in told if one.answer is Answer.SUPERSEDED), None)
    return Superseded(words, by=_run_of(case.claim.context, case.claim.run, newer) if newer else None)


def _run_of(context: Context, run: Run, commit: Sha) -> RunId | None:
    with context.store.read() as tx:
        found = runs.of_commit(tx, run.repository, commit, run.environment)
    return next((one.id for one in found if one.application == run.application and one.id != run.id), None)
