"""What comes with the releases of a plan: the source commit that is there now, and the source changes after it.

Called by the planning, for what moves. It knows what the deliveries told. The forge is asked how the two commits stand
to each other only where they came on different branches: an environment's `branch` may have become `from`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from service.core.config import Target
from service.core.images import ImageReference
from service.core.order import Answer, Judgement
from service.core.standing import Made, Standing, standing_images
from service.core.train import Line, Lived, Move, Offer, SourceChange
from service.core.words import ChangeId, OrderBy, Sha
from service.errors import MergeportError
from service.pipeline.manifest.order_facts import judge_commit
from service.pipeline.manifest.origins import known_origin
from service.pipeline.promote.train.board import Board
from service.pipeline.runs.claim import images_of
from service.store import changes, releases
from service.store.changes import Change

UNKNOWN = "it may bring more changes: which ones came after what is there now is not known"
MOST_CHANGES = 500
"""How many source changes of an application are looked back."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """The source commit that the values files name now, its change and branch; nothing where nobody knows them."""

    commit: Sha | None = None
    change: ChangeId | None = None
    branch: str = ""


def deployed_now(board: Board, target: Target, offer: Offer, images: Mapping[str, ImageReference]) -> Deployed:
    """Tell which source commit is in the values files now: the oldest one of several images."""
    found = []
    for standing in standing_images(target, offer.changes, images):
        made = next(
            (
                run
                for _, run in board.lived.get(target.application, [])
                if Made(run.commit, tuple(images_of(run).values())).has(standing)
            ),
            None,
        )
        if made is not None:
            found.append(Deployed(made.commit, made.change_id, made.branch))
        else:
            found.append(_by_origin(board, target, offer, standing))
    if not found or any(one.commit is None for one in found):
        return Deployed()
    return min(found, key=lambda one: one.change or "")


def _by_origin(board: Board, target: Target, offer: Offer, standing: Standing) -> Deployed:
    """Look among all runs of the application which commit an image was made of."""
    origin = known_origin(board.context, target, standing)
    if origin is None or origin.commit is None or origin.repository not in {None, target.source}:
        return Deployed()
    branch = board.runs[offer.lived.run].branch
    with board.context.store.read() as tx:
        change = changes.find(tx, target.source, branch, origin.commit)
    return Deployed(origin.commit, change.id if change else None, branch if change else "")


def order_of(board: Board, target: Target, deployed: Deployed, lived: Lived) -> Judgement:
    """Judge the release against what is there as its run will do; `ASK_RELATION` where that is not known."""
    run, policy = board.runs[lived.run], target.order
    if deployed.commit is None or policy.by is OrderBy.OFF:
        return Judgement(Answer.GO_ON)
    told = judge_commit(board.context, run, policy, deployed.commit, ask=False)
    if told.answer in {Answer.ASK_RELATION, Answer.ASK_TIMES} and deployed.branch != run.branch:
        with suppress(MergeportError):  # it is asked again when the run goes there
            told = judge_commit(board.context, run, policy, deployed.commit, ask=True)
    if told.answer is Answer.ASK_RELATION and deployed.change is not None and lived.change < deployed.change:
        return Judgement(Answer.SUPERSEDED, deployed=deployed.commit)
    return told


def with_changes(board: Board, planned: Sequence[tuple[Line, Deployed | None]]) -> Iterator[Line]:
    """Give the lines, those that move with the source changes that come with them."""
    since = {
        line.application: deployed.change
        for line, deployed in planned
        if deployed is not None and deployed.change is not None
    }
    alone = {line.offer.lived.change for line, _ in planned if isinstance(line, Move)}
    with board.context.store.read() as tx:
        known = releases.brought(tx, since.keys(), after=min(since.values()), most=MOST_CHANGES) if since else {}
        own = changes.of_ids(tx, alone)
    for line, _ in planned:
        if not isinstance(line, Move):
            yield line
            continue
        lived, after = line.offer.lived, since.get(line.application)
        newest = own.get(lived.change)
        brought = [newest] if newest is not None else []
        if after is not None and newest is not None:
            brought += [one for one in known.get(line.application, []) if _is_between(one, after, newest)]
        told = dict.fromkeys(told for one in brought for told in _told(one))
        note = () if after is not None and len(brought) < MOST_CHANGES else (UNKNOWN,)
        yield replace(line, brings=tuple(told), notes=(*line.notes, *note))


def _is_between(one: Change, after: ChangeId, newest: Change) -> bool:
    return after < one.id < newest.id and (one.repository, one.branch) == (newest.repository, newest.branch)


def _told(change: Change) -> Iterator[SourceChange]:
    for one in change.pull_requests:
        yield SourceChange(change.commit, one["title"], one["author"] or "", one["number"], one["url"])
    if not change.pull_requests:
        yield SourceChange(change.commit, change.subject, change.author)
