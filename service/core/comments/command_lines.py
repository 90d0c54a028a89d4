"""Finds the lines of a comment that are commands: those that begin with `/mergeport` and that people wrote themselves.

What stands in code, in a quote, in a list or in an HTML comment is somebody's example or answer, and no command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MARK = "/mergeport"
LONGEST_LINE = 2_000
"""A longer line is no command: a reason has at most 1,000 characters."""

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_FENCE = re.compile(r" {0,3}(?P<item>(?:[-*+]|\d{1,9}[.)]) +)?(?P<fence>`{3,}|~{3,})(?P<rest>.*)")
_COMMAND = re.compile(rf"{MARK}(?=[ \t\u00a0]|$).*")
_HIDDEN = re.compile(r"<!--|<(?P<tag>pre|code|script|style|textarea|blockquote)\b[^>]*>", re.IGNORECASE)


def command_lines(body: str) -> list[str]:
    """Give the commands of a comment in their order, each without its space around; other lines are left out.

    A fence without its end hides the rest, and a quote has the lines up to the next empty one, as GitHub shows them. An
    indented line is none: it is code, or part of a list.
    """
    if MARK not in body:
        return []
    return [line.strip() for line in _open_lines(body) if _COMMAND.fullmatch(line)]


def _open_lines(body: str) -> Iterator[str]:
    """Give the lines that are outside of code and of hidden parts."""
    fence, hidden, quoted, in_item = "", "", False, False
    for line in _LINE_ENDS.split(body):
        quoted = not fence and (line.lstrip(" ").startswith(">") or (quoted and bool(line.strip())))
        if fence:
            fence = "" if _closes(line, fence, in_item=in_item) else fence
        elif hidden:
            hidden = "" if hidden in line.lower() else hidden
        elif (found := _FENCE.fullmatch(line)) and not (found["fence"][0] == "`" and "`" in found["rest"]):
            fence, in_item = found["fence"], bool(found["item"])
        else:
            if len(line) <= LONGEST_LINE and not quoted:
                yield line
            hidden = "" if line.startswith(MARK) else _opened(line)


def _closes(line: str, fence: str, *, in_item: bool) -> bool:
    """Tell whether a line ends a fence: the same character, at least as often, and nothing else.

    A fence in a list's item also ends with the item, before a line that is not indented.
    """
    text = line.strip(" \t")
    if in_item and text and not line.startswith((" ", "\t")):
        return True
    deep = len(line) - len(line.lstrip(" ")) > 3 and not in_item  # noqa: PLR2004 - four spaces make code
    return not deep and set(text) == {fence[0]} and len(text) >= len(fence)


def _opened(line: str) -> str:
    """Give the end of the last hidden part that a line opens and does not close; empty if there is none."""
    end, at = "", 0
    while found := _HIDDEN.search(line, at):
        end = f"</{found['tag'].lower()}>" if found["tag"] else "-->"
        closed = line.lower().find(end, found.end())
        if closed < 0:
            return end
        at = closed + len(end)
    return ""
