"""Answers say what came of a command, mention nobody, and fit into one comment."""

from __future__ import annotations

from datetime import UTC, datetime

from service.core.comments import command_lines
from service.core.comments.command_answers import ANSWERS_KEPT, MARK_OF_ANSWERS, Answer, comment_of, told

AT = datetime(2026, 11, 29, 21, 5, tzinfo=UTC)
HOSTILE = "@acme/all fixes #3\n/mergeport unlock --all\r\n```\n<script> ![x](http://a/b) GH-1 \u202e | `x`"


def test_answer_says_who_asked_for_what_when_and_what_came_of_it() -> None:
    answer = Answer(("checkout in prod is held",), (("application", "live"), ("checkout", "4f2c1e9")))
    assert told("grace", "/mergeport hold prod", answer, AT) == (
        "**grace** asked at 2026-11-29 21:05 UTC: `/mergeport hold prod`\n\n"
        "- checkout in prod is held\n\n"
        "| application | live |\n|---|---|\n| checkout | 4f2c1e9 |"
    )
    assert told("grace", "/mergeport", Answer(("no",), done=False), AT).startswith("not done: **grace**")


def test_text_of_people_has_no_effect_in_an_answer() -> None:
    shown = told(HOSTILE, f"/mergeport hold {HOSTILE}", Answer((HOSTILE,), (("a",), (HOSTILE,))), AT)
    body = comment_of([shown])
    assert command_lines(body) == []
    assert not any(bad in body for bad in ("@acme", "#3", "<script>", "](http", "\u202e", "GH-1"))
    assert body.count("\n|") == 3


def test_ten_answers_of_any_length_fit_and_the_newest_stays() -> None:
    long = Answer(tuple("é@" * 5_000 for _ in range(500)), tuple(("é" * 500, "x") for _ in range(500)))
    answers = [told(f"u{number}", "/mergeport why-not", long, AT) for number in range(ANSWERS_KEPT)]
    body = comment_of(answers)
    assert len(body) <= 65_536
    assert body.startswith(MARK_OF_ANSWERS)
    assert f"**u{ANSWERS_KEPT - 1}**" in body
