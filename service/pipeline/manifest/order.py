"""Never backwards: holds each promotion against what is deployed, where its edit is computed.

Called by the promote stage before it writes, by who makes the commits, and for pull requests. Under a branch's lease
nobody outside is asked: what is not known there is looked up by the run itself, without the lease, and judged again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from service.core.config import OrderPolicy, Target
from service.core.order import (
    Answer,
    CommitTimes,
    Judgement,
    Relation,
    judge,
    standing_images,
)
from service.core.values import Rewrite
from service.core.words import EditState, OrderBy, Repository, RunId, Sha
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.build.build_stage import images_of
from service.pipeline.context import Context
from service.pipeline.manifest.origins import UNKNOWN, Origin, asked_origin, known_origin
from service.pipeline.manifest.place import Place, rewrite_at, wanted_edits
from service.pipeline.runs.steps import Superseded
from service.ports import Manifests
from service.store import ancestry, edits, runs
from service.store.edits import Edit
from service.store.runs import Run

SUPERSEDED = "order-superseded"
UNASKED = "order-not-looked-up"
MOST_LOOKS = 5


@dataclass(frozen=True, slots=True)
class _Case:
    """A run's edit on one commit; with `ask` the registry and the forge are asked."""

    context: Context
    manifests: Manifests
    tip: Sha
    run: Run
    target: Target
    ask: bool


def keep_order(
    context: Context, manifests: Manifests, tip: Sha, run: Run, target: Target, done: Rewrite, *, ask: bool = False
) -> Rewrite:
    """Let an edit that was computed on a commit through, with words where order could not be told.

    PermanentError `order-superseded` where what stands there is newer, `source-rewritten` where that cannot be told
    and is refused, and, without `ask`, `order-not-looked-up` where it is not known yet.
    """
    words = [
        _settled(judgement, run) for judgement in _judgements(_Case(context, manifests, tip, run, target, ask), done)
    ]
    return replace(done, warnings=(*done.warnings, *filter(None, words)))


def _settled(judgement: Judgement, run: Run) -> str:
    match judgement.answer:
        case Answer.GO_ON:
            return judgement.words
        case Answer.SUPERSEDED:
            again = "; trying it again does not go back: revert the manifest commit for that" if run.generation else ""
            raise PermanentError(judgement.words + again, code="order-superseded")
        case Answer.REFUSE:
            raise PermanentError(
                judgement.words,
                code="source-rewritten",
                hint="force-pushed? `order: {rewritten: allow}` lets it through; `order: commit-time` is for release/*",
            )
        case Answer.ASK_RELATION | Answer.ASK_TIMES:
            raise PermanentError("what is deployed has to be looked up first", code="order-not-looked-up")


# --- around the writing of a commit ---------------------------------------------------------------


def warm(context: Context, run: Run, target: Target, place: Place) -> None:
    """Look up what will be asked under the lease, as far as it can be foreseen; nothing where pushes told it.

    What was promoted last is what most likely stands there. Where nothing was, as after the loss of the database, the
    branch is read as this machine last saw it.
    """
    if target.order.by is OrderBy.OFF:
        return
    with context.store.read() as tx:
        if edits.of_run(tx, run.id) is not None:
            return
        last = runs.last_promoted(tx, run)
    if last is None:
        manifests = context.outside.manifests.open(place.repository)
        _look(context, run, target, manifests, manifests.last_tip(place.branch) or manifests.fetch(place.branch))
    elif last.repository == run.repository:
        _judge_commit(context, run, target.order, last.commit, ask=True)


def in_order(context: Context, run: Run, target: Target, place: Place, write: Callable[[], Edit]) -> Edit:
    """Write, and look up in between what was not known under the lease.

    Raises Superseded where something newer stands there, and whatever `write` raises otherwise.
    """
    for _ in range(MOST_LOOKS):
        try:
            edit = write()
        except PermanentError as error:
            if error.code != UNASKED:
                raise _superseded(context, run, error) from None
            manifests = context.outside.manifests.open(place.repository)
            _look(context, run, target, manifests, manifests.fetch(place.branch))
            with context.store.begin() as tx:
                edits.update(tx, run.id, state=EditState.PENDING, message="", code="")
        else:
            return edit
    raise RetryableError("what is deployed changes as fast as it is looked up", code="order-moving", retry_after=1.0)


def _look(context: Context, run: Run, target: Target, manifests: Manifests, tip: Sha | None) -> None:
    """Find out, and keep, how the run stands to the images that its edit would replace on a commit.

    What the edit itself has against it, its writing will tell.
    """
    if tip is None:
        return
    try:
        done = rewrite_at(manifests, tip, wanted_edits(run, target))
    except RetryableError:
        raise
    except MergeportError:
        return
    _judgements(_Case(context, manifests, tip, run, target, ask=True), done)


# --- pull requests --------------------------------------------------------------------------------


def keep_order_of_proposal(
    context: Context,
    manifests: Manifests,
    base: Sha,
    tip: Sha | None,
    run: Run,
    target: Target,
    done: Rewrite,
    *,
    number: Callable[[], int | None],
) -> Rewrite:
    """Let an edit of the base through, as `keep_order` does, unless the promotion branch brings something newer.

    What stands at the branch's `tip` counts while its pull request is open; `number` tells that one where it is asked.
    Raises Superseded where something newer is there.
    """
    try:
        done = keep_order(context, manifests, base, run, target, done, ask=True)
    except PermanentError as error:
        raise _superseded(context, run, error) from None
    proposed = rewrite_at(manifests, tip, wanted_edits(run, target)) if tip is not None else done
    if tip is None or not proposed.files:
        return done
    for judgement in _judgements(_Case(context, manifests, tip, run, target, ask=True), proposed):
        if judgement.answer is Answer.SUPERSEDED and (there := number()) is not None and judgement.deployed:
            words = f"pull request #{there} brings {judgement.deployed[:12]}, which is newer than {run.commit[:12]}"
            raise Superseded(words, by=_run_of(context, run, judgement.deployed))
    return done


# --- runs among each other ------------------------------------------------------------------------


def yield_to_later(context: Context, run: Run, target: Target) -> None:
    """Let the run end where a later one of the same application and environment was accepted meanwhile.

    One that was accepted later and is older all the same (its delivery came late, or was sent again) does not count.
    """
    with context.store.read() as tx:
        later = runs.all_later(tx, run)
    for one in later:
        if one.repository == run.repository and _is_older(context, one, run, target.order):
            continue
        raise Superseded(f"superseded by {one.commit[:12]} before it was promoted", by=one.id)


def _is_older(context: Context, one: Run, than: Run, policy: OrderPolicy) -> bool:
    judgement = _judge_commit(context, one, policy, than.commit, ask=True)
    return judgement.answer is Answer.SUPERSEDED


# --- the judgement --------------------------------------------------------------------------------


def _judgements(case: _Case, done: Rewrite) -> list[Judgement]:
    """Judge the run against each image that its edit would replace."""
    context, run, target = case.context, case.run, case.target
    if target.order.by is OrderBy.OFF:
        return []
    images = images_of(run).values()
    replaced = [(change.before, str(change.after)) for _, change in done.changes]
    wanted = [str(edit.value) for file in wanted_edits(run, target) for edit in file.edits]
    standing = standing_images(replaced, wanted, run.commit, list(images))
    if not standing:
        return []
    with context.store.read() as tx:
        known = ancestry.judgements(tx, run.id)
    return [known.get(image) or _judge_image(case, image) for image in standing]


def _judge_image(case: _Case, image: str) -> Judgement:
    context, run = case.context, case.run
    origin = known_origin(context, case.target, image)
    if origin is None and not case.ask:
        return Judgement(Answer.ASK_RELATION)
    if origin is None:
        origin = asked_origin(context, case.manifests, case.tip, case.target, image)
    judgement = _judge_origin(case, origin, image)
    if judgement.answer is Answer.SUPERSEDED or case.ask:
        with context.store.begin() as tx:
            ancestry.keep_judgement(tx, run.id, image, judgement)
    return judgement


def _judge_origin(case: _Case, origin: Origin, image: str) -> Judgement:
    """Judge against what the image was made of; nobody knows it where that is of another repository."""
    context, run, policy = case.context, case.run, case.target.order
    commit = origin.commit if origin.repository in {None, run.repository} else None
    if commit is None:
        judgement = judge(policy, run.commit, None)
        return replace(judgement, words=f"{judgement.words} ({origin.words or image})")
    judgement = _judge_commit(context, run, policy, commit, ask=case.ask)
    if judgement.answer is Answer.REFUSE and origin.repository is None:
        with context.store.read() as tx:
            told = ancestry.relation(tx, run.repository, commit, run.commit)
        if told is None:
            return _judge_origin(case, UNKNOWN, image)
    return judgement


def _judge_commit(context: Context, run: Run, policy: OrderPolicy, deployed: Sha, *, ask: bool) -> Judgement:
    """Judge a run against a deployed commit by what is known, and with `ask` by what the forge says."""
    judgement = judge(policy, run.commit, deployed)
    if judgement.answer is not Answer.ASK_RELATION:
        return judgement
    relation = _relation(context, run.repository, deployed, run.commit, ask=ask)
    judgement = judge(policy, run.commit, deployed, relation=relation)
    if judgement.answer is not Answer.ASK_TIMES:
        return judgement
    times = _times(context, run.repository, deployed, run.commit, ask=ask)
    return judge(policy, run.commit, deployed, relation=relation, times=times)


def _relation(context: Context, repository: Repository, base: Sha, head: Sha, *, ask: bool) -> Relation | None:
    with context.store.read() as tx:
        known = ancestry.relation(tx, repository, base, head)
    if known is not None or not ask:
        return known
    told = context.outside.forge.relation(repository, base, head)
    if told is not Relation.GONE:
        with context.store.begin() as tx:
            ancestry.remember(tx, repository, base, head, told)
    return told


def _times(context: Context, repository: Repository, deployed: Sha, new: Sha, *, ask: bool) -> CommitTimes | None:
    with context.store.read() as tx:
        known = {commit: ancestry.time(tx, repository, commit) for commit in (new, deployed)}
    for commit in [commit for commit, at in known.items() if at is None]:
        if not ask:
            return None
        at = known[commit] = context.outside.forge.commit_time(repository, commit)
        if at is not None:
            with context.store.begin() as tx:
                ancestry.remember_time(tx, repository, commit, at)
    return CommitTimes(known[new], known[deployed])


def _superseded(context: Context, run: Run, error: PermanentError) -> Exception:
    """Give the error as it is, or, where something newer stands there, what ends the run in favour of that."""
    if error.code != SUPERSEDED:
        return error
    with context.store.read() as tx:
        told = ancestry.judgements(tx, run.id).values()
    newer = next((one.deployed for one in told if one.answer is Answer.SUPERSEDED), None)
    return Superseded(error.message, by=_run_of(context, run, newer) if newer else None)


def _run_of(context: Context, run: Run, commit: Sha) -> RunId | None:
    with context.store.read() as tx:
        found = runs.of_commit(tx, run.repository, commit, run.environment)
    return next((one.id for one in found if one.application == run.application and one.id != run.id), None)
