"""Answers the commands of comments that change nothing: status and why-not. Reads the store alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from service.core.comments.command_answers import Answer
from service.core.config import Target
from service.core.gates.moments import moment
from service.errors import MergeportError
from service.pipeline.asked.status_matrix import Cell, status
from service.pipeline.asked.why import Question, Told, why
from service.pipeline.comments.commented_on import Subject
from service.pipeline.context import Context

HEADS = ("application", "environment", "live", "since", "health", "behind", "closed", "coming")
MOST_ROWS = 40
_SHORT = 12


def tell_status(context: Context, subject: Subject, fits: Sequence[Target]) -> Answer:
    """Tell what is live in each place, as `mergeport status` does."""
    places = {(one.application, one.environment) for one in fits}
    names = sorted({application for application, _ in places})
    with context.store.read() as tx:
        cells = [
            cell
            for name in names
            for cell in status(tx, subject.configuration, context.configuration_repository, context.now(), name)
            if (cell.application, cell.environment) in places
        ]
    rows = tuple(_row(cell) for cell in cells[:MOST_ROWS])
    return Answer(rows=(HEADS, *rows), lines=("and more places",) if len(cells) > MOST_ROWS else ())


def _row(cell: Cell) -> tuple[str, ...]:
    behind = f"{cell.behind} change{'' if cell.behind == 1 else 's'}" if cell.behind else ""
    coming = f"{cell.coming.commit[:_SHORT]}, {cell.coming.doing}" if cell.coming else ""
    live = cell.commit[:_SHORT] if cell.since else "nothing"
    closed = "; ".join(one.words for one in cell.closed)
    return cell.application, cell.environment, live, _since(cell.since), cell.health, behind, closed, coming


def _since(at: datetime | None) -> str:
    return moment(at) if at is not None else ""


def tell_why_not(context: Context, subject: Subject, fits: Sequence[Target]) -> Answer:
    """Tell of each place what keeps the pull request from being live there, as `mergeport why-not` does."""
    lines: list[str] = []
    for one in fits[:MOST_ROWS]:
        question = Question(
            subject.name, one.environment, one.application, subject.configuration, context.configuration_repository,
            context.now(),
        )  # fmt: skip
        try:
            with context.store.read() as tx:
                told = why(tx, question)
        except MergeportError as error:
            lines.append(f"{one.application} in {one.environment}: {error}")
            continue
        lines += [_why(each) for each in told]
    return Answer(tuple(lines))


def _why(one: Told) -> str:
    answer = one.answer
    name = f"{one.application or 'it'} {one.commit[:_SHORT]}".strip()
    verb = {"live": "is live", "health": "is not healthy"}.get(answer.cause, "is not live")
    following = "" if answer.cause == "live" else f". Next: {answer.action}"
    return f"{name} {verb} in {one.environment} ({answer.cause}): {answer.words}{following}"
