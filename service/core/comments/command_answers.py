"""Writes what commands in comments are answered, and the one comment that has the newest answers. Pure.

All that is said comes as plain text and is made harmless here: nobody is mentioned, nothing is linked, and no line
could be taken for a command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.core.foreign_text import code, fitting, markdown

MARK_OF_ANSWERS = "<!-- mergeport commands -->"
"""What our comment begins with."""
ANSWERS_KEPT = 10
ANSWER_ROOM, ROOM = 6_000, 60_000
"""The most bytes of one answer and of the comment: GitHub takes 65,536 characters."""
LINE_LENGTH, CELL_LENGTH, LINES_SHOWN = 1_500, 120, 40


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command is answered: lines of plain text, and rows of a table whose first one is its head.

    `done` says that what was asked for was done. `extra` is Markdown of our own. Without lines nothing is answered.
    """

    lines: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    extra: str = ""
    done: bool = True


def told(login: str, text: str, answer: Answer, at: datetime) -> str:
    """Write one answer: who asked for what and when, and what came of it."""
    shown = [f"- {markdown(one, LINE_LENGTH)}" for one in answer.lines[:LINES_SHOWN]]
    left = len(answer.lines) - LINES_SHOWN
    shown += [f"- and {left} more"] if left > 0 else []
    table = [f"| {' | '.join(markdown(cell, CELL_LENGTH) or ' ' for cell in row)} |" for row in answer.rows]
    if table:
        table.insert(1, f"|{'---|' * len(answer.rows[0])}")
    mark = "" if answer.done else "not done: "
    head = f"{mark}**{markdown(login)}** asked at {at:%Y-%m-%d %H:%M} UTC: {code(text)}"
    parts = ["\n".join(fitting(shown, ANSWER_ROOM)), "\n".join(fitting(table, ANSWER_ROOM)), answer.extra]
    return "\n\n".join([head, *(part for part in parts if part)])


def comment_of(answers: Sequence[str]) -> str:
    """Write the comment of the newest answers, oldest first; the oldest are left out where there is no room."""
    kept: list[str] = []
    room = ROOM
    for one in reversed(answers):
        room -= len(one.encode()) + 10
        if room < 0:
            break
        kept.append(one)
    return "\n\n".join([MARK_OF_ANSWERS, "\n\n---\n\n".join(reversed(kept))]) + "\n"
