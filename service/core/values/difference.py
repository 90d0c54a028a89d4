"""The difference of two texts as a unified diff, for people, pages, `patch` and `git apply`.

Called by the editing of several files and by `mergeport values`. It compares only the lines between the first and
the last that differ, so that a small change costs little in a large file.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

CONTEXT_LINES = 3
_NO_LINE_END = "\\ No newline at end of file\n"


def unified_diff(before: str | None, after: str, name: str) -> str:
    """Give the diff of a file, whose old text is None if it is new; empty if there is no change."""
    old, new = _lines(before or ""), _lines(after)
    head = _common(old, new)
    if head == len(old) == len(new):
        return ""
    tail = min(_common(old[::-1], new[::-1]), len(old) - head, len(new) - head)
    start = max(head - CONTEXT_LINES, 0)
    kept = max(tail - CONTEXT_LINES, 0)
    old, new = old[start : len(old) - kept], new[start : len(new) - kept]
    path = name.lstrip("/")
    hunks = "".join(_hunks(old, new, start, head=head - start, tail=tail - kept))
    return f"--- {'/dev/null' if before is None else f'a/{path}'}\n+++ b/{path}\n{hunks}"


def _hunks(old: list[str], new: list[str], offset: int, *, head: int, tail: int) -> Iterator[str]:
    """Write the hunks; the first `head` and the last `tail` lines are equal and serve only as context."""
    matcher = difflib.SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail])
    middle = [(tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in matcher.get_opcodes()]
    before = [("equal", 0, head, 0, head)] if head else []
    after = [("equal", len(old) - tail, len(old), len(new) - tail, len(new))] if tail else []
    matcher.opcodes = [*before, *middle, *after]  # type: ignore[attr-defined] # what the grouping reads
    for group in matcher.get_grouped_opcodes(CONTEXT_LINES):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2], offset)} +{_range(first[3], last[4], offset)} @@\n"
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                yield from _marked(" ", old[old_from:old_to])
            else:
                yield from _marked("-", old[old_from:old_to])
                yield from _marked("+", new[new_from:new_to])


def _marked(mark: str, lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield f"{mark}{line}" if line.endswith("\n") else f"{mark}{line}\n{_NO_LINE_END}"


def _range(start: int, end: int, offset: int) -> str:
    """Write a hunk's range: for one line only its number, for no lines the number of the line before."""
    length = end - start
    number = start + offset + (1 if length else 0)
    return str(number) if length == 1 else f"{number},{length}"


def _common(one: list[str], other: list[str]) -> int:
    """Count the lines at the beginning that are the same."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _lines(text: str) -> list[str]:
    """Split at line feeds only, as git does; a carriage return stays a part of its line."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)
