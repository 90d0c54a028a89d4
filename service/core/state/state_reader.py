"""Reads `state.yaml`, strictly: whatever is not understood is a fault with its line, and then nothing counts.

Called by who reads the state's branch. Never guesses: a lock with a key that is misspelt would lock something else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from service.core.config.report import Report, nearest
from service.core.config.texts import NAME_WORDS, is_name, is_part
from service.core.config.tree import Broken, Node, Place, Scalar, Series, Table
from service.core.config.yaml_text import decode, read
from service.core.foreign_text import cut, line
from service.core.state.entries import (
    LONGEST_NAME,
    LONGEST_REASON,
    Block,
    Blocked,
    Cause,
    Entry,
    Hold,
    Lock,
    Placed,
    State,
    Subject,
)
from service.errors import ConfigError

FILE: Final = "state.yaml"
LARGEST_FILE = 1_000_000
"""Bytes of the file."""
SECTIONS: Final = {"locks": "lock", "holds": "hold", "blocks": "block"}

_COMMON = ("id", "who", "why", "since", "until")
_KEYS: Mapping[str, tuple[str, ...]] = {
    "locks": ("all", "environment", "application", *_COMMON),
    "holds": ("application", "environment", "cause", "refused", *_COMMON),
    "blocks": ("digest", "commit", "model", *_COMMON),
}
_NO_KEY = re.compile("$^")
_TIME_HINT = 'write it as "2026-11-29T17:00:00Z", in quotes'
SHAPES: Mapping[Blocked, tuple[re.Pattern[str], str]] = {
    Blocked.DIGEST: (re.compile(r"sha256:[0-9a-f]{64}"), "sha256: and 64 hexadecimal characters"),
    Blocked.COMMIT: (re.compile(r"[0-9a-f]{40}"), "all 40 hexadecimal characters of the commit"),
    Blocked.MODEL: (re.compile(r"[^\s@]+@[^\s@]+"), "NAME@VERSION"),
}
"""What a block's value must look like, and how that is said."""


def is_nothing(text: str) -> bool:
    """Tell whether a text has only comments and empty lines."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    return all(not one or one.isspace() or one.lstrip().startswith("#") for one in lines)


def parse(content: bytes | str, *, file: str = FILE) -> State:
    """Give the state that a file says; ConfigError `state-broken` with all its faults."""
    report = Report(file)
    size = len(content) if isinstance(content, bytes) else len(content.encode("utf-8", "replace"))
    if size > LARGEST_FILE:
        report.add(None, f"it has {size} bytes, and at most {LARGEST_FILE} are read", "take old entries away")
        raise _error(file, report)
    text = decode(content, report) if isinstance(content, bytes) else content
    if text is not None and is_nothing(text):
        return State()
    tree = read(text, report, one_meaning=_NO_KEY) if text is not None else None
    state = State() if tree is None else _Reading(report).state(tree)
    if tree is None or report.faults:
        raise _error(file, report)
    return state


def recall(text: str) -> State:
    """Give the state of a file that was good when it was read first: a fault that is found since takes nothing away.

    ConfigError `state-broken` if it cannot be read at all.
    """
    if is_nothing(text):
        return State()
    report = Report(FILE)
    tree = read(text, report, one_meaning=_NO_KEY)
    if tree is None:
        raise _error(FILE, report)
    return _Reading(report).state(tree)


def section_items(tree: Table, section: str) -> tuple[Table, ...]:
    """Give the mappings of a section."""
    node = tree.entries.get(section)
    return tuple(item for item in node.items if isinstance(item, Table)) if isinstance(node, Series) else ()


def _error(file: str, report: Report) -> ConfigError:
    count = len(report.faults)
    return ConfigError(
        f"{file} has {count} fault{'' if count == 1 else 's'}",
        report.faults,
        code="state-broken",
        hint="mend the file by a commit on its branch, or revert the one that broke it; see docs/state.md",
    )


class _Reading:
    """One reading of one file."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._ids: dict[str, Place] = {}
        self._subjects: dict[Subject, Place] = {}
        self._entries: dict[Subject, Entry] = {}

    def state(self, tree: Table) -> State:
        for name, place in tree.keys.items():
            if name not in SECTIONS:
                self._report.add(place, f'"{name}" is not a key here', nearest(name, SECTIONS))
        for section, make in _MAKERS.items():
            for item in self._items(tree, section):
                self._take(item, section, make)
        return State.of(self._entries)

    def _items(self, tree: Table, section: str) -> Iterator[Table]:
        node = tree.entries.get(section)
        if node is None or isinstance(node, Broken) or (isinstance(node, Scalar) and node.value is None):
            return
        if not isinstance(node, Series):
            self._report.add(node.place, "expected a list", "begin each entry with -")
            return
        for item in node.items:
            if isinstance(item, Table):
                yield item
            elif not isinstance(item, Broken):
                self._report.add(item.place, "expected a mapping", f"it has the keys {', '.join(_KEYS[section])}")

    def _take(self, item: Table, section: str, make: Callable[[_Item, Placed], Entry | None]) -> None:
        for name, place in item.keys.items():
            if name not in _KEYS[section]:
                self._report.add(place, f'"{name}" is not a key here', nearest(name, _KEYS[section]))
        one = _Item(item, self._report, _place_of(item))
        who, since = one.text("who", wanted=True), one.time("since", wanted=True)
        until, why = one.time("until"), one.text("why", most=LONGEST_REASON)
        entry_id = one.text("id")
        placed = Placed(entry_id, who, since or datetime.fromtimestamp(0, UTC), why, until)
        entry = make(one, placed)
        if entry is not None:
            self._keep(entry, one.place)

    def _keep(self, entry: Entry, place: Place) -> None:
        subject, entry_id = entry.subject, entry.placed.id
        if subject in self._subjects:
            first = self._subjects[subject].line
            self._report.add(place, f"a second {subject[0]} of {entry.name}", f"it is on line {first} already")
        if entry_id and entry_id in self._ids:
            first = self._ids[entry_id].line
            self._report.add(place, f"the id {entry_id} is here twice", f"line {first} has it: leave `id` out here")
        self._subjects.setdefault(subject, place)
        self._ids.setdefault(entry_id, place)
        self._entries[subject] = entry


def _place_of(item: Table) -> Place:
    """Give where an entry begins: at its first key."""
    first = min(item.keys.values(), key=lambda place: (place.line, place.column), default=item.place)
    return Place(first.line, first.column, item.place.key)


@dataclass(frozen=True, slots=True)
class _Item:
    """One mapping of a list; what is wrong in it is reported at its place."""

    table: Table
    report: Report
    place: Place

    def text(self, key: str, *, wanted: bool = False, most: int = LONGEST_NAME) -> str:
        """Give the text under a key, empty if it is missing or wrong."""
        node: Node | None = self.table.entries.get(key)
        if node is None or isinstance(node, Broken):
            if wanted and node is None:
                self.report.add(self.place, f"`{key}` is missing", f"add `{key}` to this entry")
            return ""
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            self.report.add(node.place, "expected text", "put quotes around it" if isinstance(node, Scalar) else "")
            return ""
        if len(node.value) > most:
            self.report.add(node.place, f"it has {len(node.value)} characters, and may have {most}", "shorten it")
        if wanted and not node.value.strip():
            self.report.add(node.place, "it is empty", f"say `{key}`")
        return node.value

    def name(self, key: str, *, wanted: bool = False) -> str:
        """Give the name under a key. A text that no configuration can have as a name would close nothing."""
        text = self.text(key, wanted=wanted)
        if text.strip() and not (is_part(text) if key == "application" else is_name(text)):
            shown = cut(line(text), LONGEST_NAME)
            self.report.add(self.table.entries[key].place, f'"{shown}" cannot be a name', f"a name has {NAME_WORDS}")
        return text

    def time(self, key: str, *, wanted: bool = False) -> datetime | None:
        """Give the time under a key."""
        text = self.text(key, wanted=wanted)
        if not text:
            return None
        at = time_of(text)
        if at is None:
            self.report.add(self.table.entries[key].place, f"{text[:40]} is no time with a zone", _TIME_HINT)
        return at


def time_of(text: str) -> datetime | None:
    """Read a time with its zone, to the second; None if it is none."""
    try:
        at = datetime.fromisoformat(text.strip())
        return None if at.tzinfo is None else at.astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


def _lock(one: _Item, placed: Placed) -> Lock | None:
    environment, application = one.name("environment"), one.name("application")
    everything = one.table.entries.get("all")
    if everything is not None and not (isinstance(everything, Scalar) and everything.value is True):
        one.report.add(everything.place, "expected true", "leave `all` out where only some is locked")
        return None
    if (everything is not None) == bool(environment) or (everything is not None and application):
        hint = "say `environment`, with `application` for one in it, or `all: true` alone"
        one.report.add(one.place, "it does not say what is locked", hint)
        return None
    return Lock(placed, environment, application)


def _hold(one: _Item, placed: Placed) -> Hold | None:
    application, environment = one.name("application", wanted=True), one.name("environment", wanted=True)
    cause = one.text("cause")
    if cause and cause not in list(Cause):
        place = one.table.entries["cause"].place
        one.report.add(place, f'"{cause[:40]}" is no cause of a hold', f"known: {', '.join(Cause)}")
        return None
    return Hold(placed, application, environment, Cause(cause) if cause else Cause.PERSON, one.text("refused"))


def _block(one: _Item, placed: Placed) -> Block | None:
    said = [kind for kind in Blocked if kind.value in one.table.entries]
    if len(said) != 1:
        one.report.add(one.place, "a block names one thing", "say one of digest, commit, model")
        return None
    shape, words = SHAPES[said[0]]
    value = one.text(said[0].value, wanted=True)
    if value.strip() and not shape.fullmatch(value):
        one.report.add(one.table.entries[said[0].value].place, f"{value[:80]} is no {said[0]}", f"write {words}")
        return None
    return Block(placed, said[0], value)


_MAKERS: Mapping[str, Callable[[_Item, Placed], Entry | None]] = {"locks": _lock, "holds": _hold, "blocks": _block}
