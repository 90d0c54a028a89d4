"""What is written and what is left alone when a set-up is made again."""

from __future__ import annotations

from service.core.starting.planned_files import Fate, PlannedFile, plan, written


def fates(planned: list[PlannedFile]) -> dict[str, Fate]:
    return {one.path: one.fate for one in planned}


def test_what_a_person_has_changed_is_never_written() -> None:
    first = plan({"a": "1\n", "b": "1\n", "c": "1\n"}, {"c": "mine\n"}, "")
    assert fates(first) == {"a": Fate.NEW, "b": Fate.NEW, "c": Fate.KEPT}
    record = written(first, "")
    again = plan({"a": "2\n", "b": "2\n", "c": "2\n", "d": "2\n"}, {"a": "1\n", "b": "edited\n", "c": "mine\n"}, record)
    assert fates(again) == {"a": Fate.UPDATED, "b": Fate.KEPT, "c": Fate.KEPT, "d": Fate.NEW}
    assert again[1].diff == "--- b\n+++ b\n@@ -1 +1 @@\n-edited\n+2\n"


def test_what_was_written_is_unchanged_the_next_time() -> None:
    first = plan({"a": "1\n"}, {}, "")
    assert fates(plan({"a": "1\n"}, {"a": "1\n"}, written(first, ""))) == {"a": Fate.SAME}


def test_file_that_somebody_else_made_with_the_same_text_becomes_ours() -> None:
    record = written(plan({"a": "1\n"}, {"a": "1\n"}, ""), "")
    assert fates(plan({"a": "2\n"}, {"a": "1\n"}, record)) == {"a": Fate.UPDATED}


def test_record_that_cannot_be_read_makes_nothing_ours() -> None:
    for record in ("{", "[]", "7", '{"x": 3}', '{"x": {}, "y": {}}'):
        assert fates(plan({"a": "2\n"}, {"a": "1\n"}, record)) == {"a": Fate.KEPT}
