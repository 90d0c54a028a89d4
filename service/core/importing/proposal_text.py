"""Writes a proposal as YAML: plain scalars where every reader agrees on them, and a comment at each question. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from service.core.config.report import shortened
from service.core.config.scalars import plain_value
from service.core.secret_looking import masked

_LONGEST = 160
_BARE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./@-]*")


class Asked(NamedTuple):
    """A value that a person has to fill in, and what is asked."""

    value: str
    what: str


class Question(NamedTuple):
    """A line of the proposal with a question."""

    line: int
    key: str
    what: str


Tree = Mapping[str, "Branch"]
Branch = str | bool | Asked | Sequence[str] | Sequence["Tree"] | Tree


def write(tree: Tree, head: str) -> tuple[str, tuple[Question, ...]]:
    """Give the text with its questions by line."""
    lines = [f"# {line}" if line else "#" for line in head.splitlines()]
    questions: list[Question] = []
    for text, key, asked in _mapping(tree, ""):
        what = shortened(masked(asked.what), _LONGEST) if asked else ""
        lines.append(f"{text}  # ? {what}" if asked else text)
        if asked:
            questions.append(Question(len(lines), key, what))
    return "\n".join(lines) + "\n", tuple(questions)


_Line = tuple[str, str, Asked | None]


def _mapping(tree: Tree, indent: str) -> Iterator[_Line]:
    for key, value in tree.items():
        name = f"{indent}{scalar(key)}:"
        match value:
            case Asked():
                yield f"{name} {scalar(value.value)}", key, value
            case bool():
                yield f"{name} {'true' if value else 'false'}", key, None
            case str():
                yield f"{name} {scalar(value)}", key, None
            case Mapping():
                yield (name, key, None) if value else (f"{name} {{}}", key, None)
                yield from _mapping(value, f"{indent}  ")
            case _:
                yield from _list(value, name, indent)


def _list(items: Sequence[str] | Sequence[Tree], name: str, indent: str) -> Iterator[_Line]:
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) == len(items):
        yield f"{name} [{', '.join(scalar(text) for text in texts)}]", "", None
        return
    yield name, "", None
    for item in items:
        if isinstance(item, Mapping):
            for number, (text, key, asked) in enumerate(_mapping(item, f"{indent}    ")):
                yield (f"{indent}  - {text.lstrip()}" if number == 0 else text), key, asked


def scalar(text: str) -> str:
    """Write a text so that it is one for every reader of YAML."""
    if _BARE.fullmatch(text) and plain_value(text) == text:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
