"""Writes `state.yaml`: in place where that is possible, so that people's comments stay, else as a whole.

Called by the actions. Every text that is given was read back first, and says exactly the state that was wanted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime

from service.core.config.report import Report
from service.core.config.scalars import plain_value
from service.core.config.tree import Table
from service.core.config.yaml_text import read
from service.core.state.entries import Block, Cause, Entry, Hold, Lock, State
from service.core.state.state_reader import FILE, LARGEST_FILE, SECTIONS, is_nothing, parse, section_items
from service.errors import ConfigError, PermanentError

HEAD = (
    "# What Mergeport does not promote. `mergeport lock`, `mergeport hold` and `mergeport block` write this file.\n"
    "# People may edit it by a commit on this branch: docs/state.md of Mergeport says how.\n"
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*(?: [A-Za-z0-9_.-]+)*")
_UNSOUND = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


def sound(text: str) -> str:
    """Make a text of a person one that the file can have: control characters become spaces."""
    return _UNSOUND.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def write(state: State, before: str = "") -> str:
    """Give the file's text. With the text `before`, only entries that changed are touched, if that is possible.

    PermanentError `state-too-large` if the file would be larger than what is read.
    """
    text = _spliced(state, before)
    if text is None:
        text = _whole(state)
    if len(text.encode()) > LARGEST_FILE:
        raise PermanentError(
            f"{FILE} would have more than {LARGEST_FILE} bytes",
            code="state-too-large",
            hint="take old entries away first; `mergeport locks` lists them",
        )
    if parse(text) != state:
        raise AssertionError("the written state is not the wanted one")
    return text


def _whole(state: State) -> str:
    parts = [HEAD]
    for section in SECTIONS:
        entries = [entry for entry in state.entries if entry.subject[0] == SECTIONS[section]]
        if entries:
            parts += [f"{section}:\n", *map(_item, entries)]
    return "".join(parts)


def _item(entry: Entry) -> str:
    lines = [f"{key}: {value}" for key, value in _pairs(entry)]
    return "".join(f"  {'-' if number == 0 else ' '} {line}\n" for number, line in enumerate(lines))


def _pairs(entry: Entry) -> Iterable[tuple[str, str]]:
    match entry:
        case Lock(environment="", application=""):
            yield "all", "true"
        case Lock():
            yield from _texts(environment=entry.environment, application=entry.application)
        case Hold():
            yield from _texts(application=entry.application, environment=entry.environment, refused=entry.refused)
            if entry.cause is not Cause.PERSON:
                yield "cause", entry.cause.value
        case Block():
            yield entry.kind.value, _scalar(entry.value)
    placed = entry.placed
    until = "" if placed.until is None else _time(placed.until)
    yield from _texts(who=placed.who, why=placed.why, since=_time(placed.since), until=until, id=placed.id)


def _texts(**texts: str) -> Iterable[tuple[str, str]]:
    return ((key, _scalar(text)) for key, text in texts.items() if text)


def _scalar(text: str) -> str:
    """Write a text that every reader takes for the same text."""
    if _NAME.fullmatch(text) and plain_value(text) == text:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("\x7f", "\\x7f")


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- in place -------------------------------------------------------------------------------------


def _spliced(state: State, before: str) -> str | None:
    """Change only the lines of entries that are new or gone; None if the text's form does not allow that."""
    if not before or is_nothing(before) or "\r" in before:
        return None
    try:
        old = parse(before)
    except ConfigError:
        return None
    tree = read(before, Report(FILE), one_meaning=re.compile("$^"))
    if tree is None:
        return None
    lines = before.splitlines(keepends=True)
    if not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    spans = _spans(tree, lines)
    if spans is None:
        return None
    text = _replaced(lines, spans, old, state)
    try:
        return text if parse(text) == state else None
    except ConfigError:
        return None


Spans = dict[str, list[tuple[int, int]]]
"""Of each section the first line and the line after the last of every entry, in the order of the file."""


def _spans(tree: Table, lines: list[str]) -> Spans | None:
    spans: Spans = {}
    for section in SECTIONS:
        for item in section_items(tree, section):
            start = min(place.line for place in item.keys.values()) - 1
            indent = _indent(lines[start])
            if not lines[start].lstrip().startswith("- "):
                return None
            end = start + 1
            while end < len(lines) and (_is_aside(lines[end]) or _indent(lines[end]) > indent):
                end += 1
            while end > start + 1 and _is_aside(lines[end - 1]):
                end -= 1
            spans.setdefault(section, []).append((start, end))
    return spans


def _replaced(lines: list[str], spans: Spans, old: State, new: State) -> str:
    """Take away the lines of what is gone, and add what is new after the last entry of its section."""
    gone = set(old.entries) - set(new.entries)
    added = [entry for entry in new.entries if entry not in old.entries]
    out: dict[int, list[str]] = {}
    cut: set[int] = set()
    for section in SECTIONS:
        fresh = [_item(entry) for entry in added if entry.subject[0] == SECTIONS[section]]
        there = spans.get(section, [])
        for start, end in there:
            only = parse(f"{section}:\n{''.join(lines[start:end])}").entries
            if only and only[0] in gone:
                cut.update(range(start, end))
        if not fresh:
            continue
        if there:
            indent = " " * _indent(lines[there[0][0]])
            out[there[-1][1]] = [_shifted(item, indent) for item in fresh]
        elif (at := _head_of(lines, section)) is not None:
            out[at + 1] = fresh
        else:
            out.setdefault(len(lines), []).extend([f"{section}:\n", *fresh])
    kept = [[*out.get(number, ()), "" if number in cut else line] for number, line in enumerate([*lines, ""])]
    return "".join(part for parts in kept for part in parts)


def _head_of(lines: list[str], section: str) -> int | None:
    """Find the line of a section that has no entry."""
    found = [number for number, line in enumerate(lines) if re.fullmatch(rf"{section}:\s*(#.*)?\n", line)]
    return found[0] if found else None


def _shifted(item: str, indent: str) -> str:
    return "".join(f"{indent}{line[2:]}" for line in item.splitlines(keepends=True))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_aside(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")
