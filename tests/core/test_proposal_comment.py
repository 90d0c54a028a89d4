"""What our one comment on a pull request says."""

from __future__ import annotations

from dataclasses import replace

from service.core.proposal_comment import LONGEST, MARK, Facts, comment_of
from service.core.words import RunState

OPEN = Facts("checkout", "prod", "http://mergeport.test/runs/1", RunState.WAITING)


def test_nothing_to_say_is_no_comment() -> None:
    assert comment_of(OPEN) == ""
    assert comment_of(replace(OPEN, state=RunState.CANCELLED)) == ""


def test_open_pull_request_tells_what_is_missing_with_the_run_and_the_mark() -> None:
    told = comment_of(
        replace(OPEN, approvals="grace approved another head.", merging="GitHub merges it.", lacking=["no x"])
    )
    assert told.split("\n\n") == ["grace approved another head.", "GitHub merges it.", "- no x", OPEN.run_url, MARK]


def test_result_takes_the_place_of_what_was_missing() -> None:
    live = replace(OPEN, state=RunState.SUCCEEDED, message="live and healthy since 12:00", lacking=["no x"])
    assert comment_of(live).split("\n\n") == [
        "✅ **checkout in prod**: live and healthy since 12:00",
        OPEN.run_url,
        MARK,
    ]


def test_failure_has_the_words_without_pings_or_markup_and_the_next_action() -> None:
    failed = replace(OPEN, state=RunState.FAILED, message="@ann <b>crashed</b> #3" + "x" * 9_000, hint="Next: look.")
    told = comment_of(failed)
    assert told.startswith("❌ **checkout in prod failed**: ")
    assert "@ann" not in told
    assert "#3" not in told
    assert "<b>" not in told.replace("\\<b", "")
    assert "Next: look." in told
    assert len(told) < LONGEST + 1_000


def test_closed_pull_request_says_how_it_ended() -> None:
    told = comment_of(replace(OPEN, state=RunState.SUPERSEDED, ending="Overtaken by #7.", merging="GitHub merges it."))
    assert told.startswith("Overtaken by #7.")
    assert "GitHub merges" not in told
