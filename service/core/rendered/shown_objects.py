"""Writes an object as lines that people compare, with what may be secret hidden.

Called by the comparison. Both sides are hidden alike; where a hidden text is another one than before, that is said and
nothing else of it: no length, no hash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import TypeAlias

from service.core.foreign_text import ZERO_WIDTH_SPACE, cut
from service.core.rendered.objects import Entries, Items, Leaf, Node
from service.core.rendered.secret_names import CHANGED, MASKED, is_secret, secret_spans

LONGEST_LINE = 400
CHANCE = "(random)"
Hidden: TypeAlias = Mapping[str, tuple[str, ...]]
"""The hidden texts of an object, by where they are in it."""

_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
_PLAIN_KEY = re.compile(r"[\w./\-]+")
_OF_SECRETS = frozenset({"apiVersion", "kind", "metadata", "type", "immutable"})
"""What is shown of a Secret. All the rest of it is hidden."""
_WHOLE = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})


def shown(
    read: Entries, before: Hidden | None = None, chance: Collection[str] = frozenset()
) -> tuple[list[str], Hidden]:
    """Give an object's lines and its hidden texts; `before` has those of the same object before.

    `chance` has the places of texts that are made by chance, and say nothing.
    """
    writer = _Writer(before or {}, chance)
    writer.entries(read, "", 0, hidden=False)
    return writer.lines, writer.found


def made_by_chance(one: Entries, again: Entries) -> frozenset[str]:
    """Give the places at which the same object has other texts when it is rendered again."""
    first, second = (_texts(read) for read in (one, again))
    return frozenset(path for path, text in first.items() if second.get(path) != text)


def _texts(read: Entries) -> Mapping[str, str]:
    writer = _Writer({}, frozenset())
    writer.entries(read, "", 0, hidden=False)
    return writer.texts


class _Writer:
    def __init__(self, before: Hidden, chance: Collection[str]) -> None:
        self.before = before
        self.chance = chance
        self.texts: dict[str, str] = {}
        self.found: dict[str, tuple[str, ...]] = {}
        self.lines: list[str] = []

    def entries(self, node: Entries, path: str, depth: int, *, hidden: bool) -> None:
        secret = node.text("kind") == "Secret"
        named = is_secret(node.text("name") or node.text("key"))
        for key, value in node.pairs:
            covered = hidden or (secret and key not in _OF_SECRETS) or key in _WHOLE or (named and key == "value")
            if not covered and is_secret(key):
                covered = isinstance(value, Leaf) or key.lower() not in {"secret", "secrets"}
            label = key if _PLAIN_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
            self.below(f"{label}:", value, f"{path}/{key}", depth, hidden=covered)

    def below(self, label: str, node: Node, path: str, depth: int, *, hidden: bool) -> None:
        """Write a node under its label."""
        match node:
            case Leaf():
                self.leaf(label, node, path, depth, hidden=hidden)
            case Items() if node.nodes:
                self.line(label, depth)
                self.items(node, path, depth + (label != "-"), hidden=hidden)
            case Entries() if node.pairs:
                self.line(label, depth)
                self.entries(node, path, depth + 1, hidden=hidden)
            case _:
                self.line(f"{label} {'[]' if isinstance(node, Items) else '{}'}", depth)

    def items(self, node: Items, path: str, depth: int, *, hidden: bool) -> None:
        flag = False
        for index, one in enumerate(node.nodes):
            name = one.text("name") if isinstance(one, Entries) else ""
            at = f"{path}[{name or index}]"
            text = one.text if isinstance(one, Leaf) else ""
            first = len(self.lines)
            self.below("-", one, at, depth, hidden=hidden or flag)
            flag = text.startswith("-") and "=" not in text and is_secret(text)
            if isinstance(one, Entries) and one.pairs:
                self.lines[first : first + 2] = [f"{'  ' * depth}- {self.lines[first + 1].lstrip(' ')}"]

    def leaf(self, label: str, node: Leaf, path: str, depth: int, *, hidden: bool) -> None:
        self.texts[path] = node.text
        if path in self.chance:
            self.line(f"{label} {CHANCE}", depth)
            return
        if hidden and node.text and not (not node.quoted and node.text in {"true", "false", "null", "~"}):
            spans = [(0, len(node.text))]
        else:
            spans = secret_spans(node.text)
        if spans:
            node = Leaf(self.cover(node.text, spans, path), node.quoted and len(spans) > 1)
        if "\n" in node.text:
            self.line(f"{label} |", depth)
            for line in node.text.rstrip("\n").split("\n"):
                self.line(line, depth + 1)
        else:
            text = json.dumps(node.text, ensure_ascii=False) if node.quoted else node.text
            self.line(f"{label} {text}".rstrip(), depth)

    def cover(self, text: str, spans: list[tuple[int, int]], path: str) -> str:
        """Hide parts of a text; say of each whether it is another one than before."""
        known = self.before.get(path)
        pieces = tuple(text[begin:end] for begin, end in spans)
        self.found[path] = pieces
        parts, place = [], 0
        for number, (begin, end) in enumerate(spans):
            same = known is None or known[number : number + 1] == pieces[number : number + 1]
            parts += [text[place:begin], MASKED if same else CHANGED]
            place = end
        return "".join([*parts, text[place:]])

    def line(self, text: str, depth: int) -> None:
        clean = _ODD.sub(lambda match: f"\\u{ord(match[0]):04x}", text).replace("<!--", f"<{ZERO_WIDTH_SPACE}!--")
        self.lines.append("  " * depth + cut(clean, LONGEST_LINE))
