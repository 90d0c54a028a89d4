"""Paths of yq as values paths of Mergeport: `.images[0].newTag`, `(.a[] | select(.name == "x") | .b)`. Pure.

Called by `yq`. What can mean several values, as `..` and `[]` without `select`, is no path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from service.core.values_paths import Condition, Index, Key, Selector, Step, format_path

_SELECT = re.compile(r"select\(\s*\.(?P<keys>[\w.-]+)\s*==\s*(?P<value>\"[^\"]*\"|'[^']*'|(?:str)?env\(\w+\)|\d+)\s*\)")
_STEP = re.compile(
    r"\.?\[\s*(?P<index>\d+)\s*\]|\.?\[\s*(?P<quote>[\"'])(?P<key>.*?)(?P=quote)\s*\]|\.\"(?P<quoted>[^\"]*)\""
    r"|\.(?P<plain>[\w$-]+)|(?P<all>\.?\[\s*\])"
)
Fill = Callable[[str], str | None]
"""Gives the text of `"x"`, `strenv(X)` or `env(X)`; None if it is not known."""


def values_path(text: str, fill: Fill) -> str | None:
    """Give the values path, or None if the text is none, or not one value."""
    steps: list[Step] = []
    every = False
    for part in _split(_piped(text.strip())):
        if selected := _SELECT.fullmatch(part):
            value = fill(selected["value"])
            if value is None or (steps and not every):
                return None
            steps.append(Selector((Condition(tuple(selected["keys"].split(".")), value),)))
            every = False
            continue
        if every:
            return None
        found = _steps(part)
        if found is None:
            return None
        more, every = found
        steps += more
    return format_path(tuple(steps)) if steps and not every else None


def _split(parts: list[str]) -> Iterator[str]:
    """Take apart `select(.a == "b").c`, which is `select(.a == "b") | .c`."""
    for part in parts:
        selected = _SELECT.match(part)
        if selected and selected.end() < len(part):
            yield part[: selected.end()]
            yield part[selected.end() :]
        else:
            yield part


def _piped(text: str) -> list[str]:
    """Split at pipes, without the parentheses around all of it."""
    while text.startswith("(") and text.endswith(")") and _closes_at_end(text):
        text = text[1:-1].strip()
    inner = re.fullmatch(r"\((?P<head>.*)\)(?P<tail>[.\[].*)", text)
    if inner and _closes_at_end(f"({inner['head']})"):
        return [*_piped(inner["head"]), inner["tail"].strip()]
    joined = re.sub(r"\[\s*\]\s*(?=select)", "[] | ", text)
    return [part.strip() for part in re.split(r"\|(?![^\[(]*[\])])", joined) if part.strip()]


def _closes_at_end(text: str) -> bool:
    depth = 0
    for number, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return number == len(text) - 1
    return False


def _steps(text: str) -> tuple[list[Step], bool] | None:
    """Read `.a[0]."b"`; the second tells whether it ends with `[]`, of which a `select` has to follow."""
    steps: list[Step] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or "$" in (found["plain"] or ""):
            return None
        at = found.end()
        if found["all"] is not None:
            return (steps, True) if at == len(text) else None
        if found["index"] is not None:
            steps.append(Index(int(found["index"])))
        else:
            steps.append(
                Key(next(name for name in (found["key"], found["quoted"], found["plain"]) if name is not None))
            )
    return steps, False
