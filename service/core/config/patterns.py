"""Patterns for branches and paths, with the meaning that GitHub Actions gives them.

`*` does not cross a slash, `**` does, `?` and `+` repeat the character before them, `[a-z]` is one
letter or digit, a backslash takes the next character as it is, and `!` in front takes out again what
earlier patterns let in. A pattern matches the whole name.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from service.core.config.texts import TextError, check_branch, check_branch_words

_CLASS = re.compile(r"\[((?:[A-Za-z0-9]-[A-Za-z0-9]|[A-Za-z0-9])+)\]")
_RANGE = re.compile(r"([A-Za-z0-9])-([A-Za-z0-9])")
_SPECIAL = re.compile(r"[*?+\[\]\\]")
_MOST_EXAMPLES = 256
_RANGES = (("a", "z"), ("A", "Z"), ("0", "9"))


def check_pattern(pattern: str) -> None:
    """Raise TextError for a pattern that GitHub Actions would refuse too."""
    if not pattern.removeprefix("!"):
        raise TextError("the pattern is empty")
    _compiled(pattern.removeprefix("!"))


def matches(pattern: str, name: str) -> bool:
    """Tell whether a pattern without `!` matches the whole name."""
    return _compiled(pattern).fullmatch(name) is not None


def selects(patterns: Sequence[str], path: str) -> bool:
    """Tell whether a path is let in: the patterns are tried in order and the last that matches decides."""
    selected = False
    for pattern in patterns:
        negative = pattern.startswith("!")
        if selected == negative and matches(pattern[1:] if negative else pattern, path):
            selected = not negative
    return selected


def selects_any(patterns: Sequence[str], paths: Iterable[str]) -> bool:
    """Tell whether at least one of the paths is let in; no patterns let everything in."""
    return not patterns or any(selects(patterns, path) for path in paths)


def fixed_part(pattern: str) -> str:
    """Give the file or folder in which everything lies that a pattern matches; empty for the root."""
    special = _SPECIAL.search(pattern)
    return pattern if special is None else pattern[: special.start()].rpartition("/")[0]


def check_branch_pattern(pattern: str) -> None:
    """Raise TextError for a pattern that no branch can match."""
    check_pattern(pattern)
    check_branch_words(pattern, pattern=True)
    choices = _choices(pattern)
    if math.prod(len(choice) for choice in choices) > _MOST_EXAMPLES:
        return
    refused: TextError | None = None
    for example in itertools.product(*choices):
        try:
            check_branch("".join(example), pattern)
        except TextError as error:
            refused = refused or error
        else:
            return
    if refused is not None:
        raise refused


def _choices(pattern: str) -> list[tuple[str, ...]]:
    """Give what each part of a pattern may match, as far as that decides whether it can be a branch."""
    made: list[tuple[str, ...]] = []
    at = 0
    while at < len(pattern):
        piece, length, _ = _piece(pattern, at)
        match pattern[at]:
            case "?":
                made[-1] = (*made[-1], "")
            case "+":
                made[-1] = (*made[-1], made[-1][0] * 2)
            case "*":
                made.append(("x/", "") if piece == "(?:.*/)?" else ("x",))
            case "[":
                made.append(tuple(dict.fromkeys((piece[1], piece[-2]))))
            case "\\":
                made.append((pattern[at + 1],))
            case character:
                made.append((character,))
        at += length
    return made


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Translate a pattern into an expression for the whole name."""
    pieces: list[str] = []
    repeatable = False
    at = 0
    while at < len(pattern):
        piece, length, can_repeat = _piece(pattern, at)
        if piece in {"?", "+"} and pattern[at] in "?+":
            if not repeatable:
                raise TextError(
                    f"{pattern[at]} has nothing before it to repeat", f"write \\{pattern[at]} for the character itself"
                )
            can_repeat = False
        pieces.append(piece)
        repeatable = can_repeat
        at += length
    return re.compile("".join(pieces), re.DOTALL)


def _piece(pattern: str, at: int) -> tuple[str, int, bool]:
    """Give the expression of the piece that begins here, its length, and whether it can be repeated."""
    rest = pattern[at:]
    if rest.startswith("**"):
        stars = len(rest) - len(rest.lstrip("*"))
        if rest[stars : stars + 1] == "/" and (at == 0 or pattern[at - 1] == "/"):
            return "(?:.*/)?", stars + 1, False
        return ".*", stars, False
    match rest[0]:
        case "*":
            return "[^/]*", 1, False
        case "?" | "+":
            return rest[0], 1, False
        case "[":
            return _class(rest)
        case "]":
            raise TextError("] closes nothing", "write \\] for the character itself")
        case "\\":
            if len(rest) == 1:
                raise TextError("the backslash at the end escapes nothing")
            return re.escape(rest[1]), 2, True
        case character:
            return re.escape(character), 1, True


def _class(rest: str) -> tuple[str, int, bool]:
    found = _CLASS.match(rest)
    if not found:
        raise TextError("brackets hold letters, digits and ranges of them", "write \\[ for the character itself")
    for low, high in _RANGE.findall(found[1]):
        if low > high or not any(first <= low and high <= last for first, last in _RANGES):
            raise TextError(f"{low}-{high} is not a range within a-z, A-Z or 0-9")
    return found[0], len(found[0]), True
