"""Hypothesis strategies that write YAML values files with everything the editor must live with.

A drawn file knows each scalar's path and whether the editor must accept or refuse it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from service.core.values_paths import Index, Key, Step, format_path

PLAIN = [
    "nginx", "v1.2.3", "1", "1.10", "0x1f", "true", "~", "null", "2024-01-01", "a b  c", "it's", 'say "x"',
    "a#b", "http://x.test:80/y", "host/repo:1.2@sha256:0a", "-x", "?x", ":x", "é", "😀 x", "a\\b", "yes",
    "<<x", "12e4567", "x-y_z",
]  # fmt: skip
FLOW_PLAIN = ["nginx", "v1.2.3", "1", "1.10", "true", "~", "a b", "it's", "é😀", "x-y_z", "a#b", "2024-01-01", "-x"]
SINGLE = ["''", "'x'", "'it''s'", "'a # b'", "'{}'", "'é😀'", "'1'", "'a: b'", "'\\n'", "' x '", "'*a'"]
DOUBLE = [
    '""',
    '"x"',
    '"\\n\\t\\""',
    '"\\u263a\\x41"',
    '"a # b"',
    '"\\\\"',
    '"é😀"',
    '"1"',
    '" x "',
    '"\\\n  x"',
    '"&a"',
]
KEYS = [
    "image",
    "tag",
    "a",
    "b",
    "name",
    "8080",
    "true",
    "null",
    "on",
    "1.5",
    "a b",
    "é",
    "😀",
    "x-y_z",
    "a/b",
    "k.e.y",
]
QUOTED_KEYS = ["'it''s'", '"q\\"q"', '"key.with.dots"', "'a: b'", '"t\\tx"', "'#x'", '"é"', "'[0]'", '"a=b"', "' x'"]
KEY_TEXTS = ["it's", 'q"q', "key.with.dots", "a: b", "t\tx", "#x", "é", "[0]", "a=b", " x"]
COMMENTS = [
    "# -- the tag",
    "## @param a.b It's",
    "#",
    "#\ttab\tx",
    "# é 😀 'q\" {[",
    "# - x: y",
    "#: *a &b !c",
    "# a: b # c",
]
KNOWN = dict(zip(QUOTED_KEYS, KEY_TEXTS, strict=True))


@dataclass(frozen=True)
class Leaf:
    """One scalar or alias of a file: its path, and the code of the refusal where it cannot be edited."""

    path: str
    refusal: str | None = None


@dataclass
class YamlFile:
    """A drawn file: its text, its leaves, and the paths of its mappings."""

    text: str
    leaves: list[Leaf]
    mappings: list[tuple[Step, ...]]
    inner: list[str]
    """Paths of the scalars in YAML that block scalars hold."""


@dataclass
class _Writer:
    draw: st.DrawFn
    lines: list[str] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    mappings: list[tuple[Step, ...]] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    mapping_anchors: list[str] = field(default_factory=list)

    def one(self, options: list[str]) -> str:
        return self.draw(st.sampled_from(options))

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) >= 100 - percent  # the simplest draw is False

    def comment(self) -> str:
        return self.one(["  ", " ", "   "]) + self.one(COMMENTS) if self.chance(25) else self.one(["", "", " "])

    def between(self, indent: int) -> None:
        while self.chance(25):
            deep = self.draw(st.integers(0, indent + 2))
            self.lines.append(self.one(["", " " * indent, " " * deep + self.one(COMMENTS)]))

    def leaf(self, steps: tuple[Step, ...], refusal: str | None = None) -> None:
        self.leaves.append(Leaf(format_path(steps), refusal))

    def keys(self) -> list[tuple[str, str]]:
        names = self.draw(st.lists(st.sampled_from(KEYS + QUOTED_KEYS), min_size=1, max_size=4, unique_by=helm_text))
        return [(name, key_text(name)) for name in names]

    def anchor(self, percent: int = 10) -> str:
        if not self.chance(percent):
            return ""
        name = f"x{len(self.anchors) + len(self.mapping_anchors)}"
        self.anchors.append(name)
        return f"&{name}"

    # --- block style

    def mapping(self, indent: int, steps: tuple[Step, ...], depth: int, *, first: str | None = None) -> None:
        """Write a block mapping; `first` is the text before its first key on that line, such as `- `."""
        self.mappings.append(steps)
        before = " " * indent if first is None else first
        if self.mapping_anchors and self.chance(20):
            self.lines.append(f"{before}<<: *{self.one(self.mapping_anchors)}{self.comment()}")
            before = " " * indent
        for written, text in self.keys():
            self.value(before + written + ":", indent, (*steps, Key(text)), depth, under_key=True)
            before = " " * indent
            self.between(indent)

    def sequence(self, indent: int, steps: tuple[Step, ...], depth: int) -> None:
        for number in range(self.draw(st.integers(1, 3))):
            here = (*steps, Index(number))
            dash = " " * indent + "-" + " " * self.draw(st.integers(1, 3))
            if depth > 0 and self.chance(40):
                self.mapping(len(dash), here, depth - 1, first=dash)
            else:
                self.value(dash.rstrip(), indent, here, 0, under_key=False)
            self.between(indent)

    def value(self, start: str, indent: int, steps: tuple[Step, ...], depth: int, *, under_key: bool) -> None:
        """Write what follows `key:` or a dash, in one of the possible ways."""
        kinds = ["inline", "inline", "inline", "empty", "flow", "lines", "block", "tagged", "next-line"]
        kinds += ["alias"] if self.anchors else []
        kinds += ["mapping", "mapping", "sequence"] if depth > 0 and under_key else []
        inner = " " * (indent + self.draw(st.integers(1, 4)))
        match self.one(kinds):
            case "inline":
                self.inline(start, steps)
            case "empty":
                anchor = self.anchor()
                self.lines.append(f"{start}{' ' if anchor else ''}{anchor}{self.comment()}")
                self.leaf(steps)
            case "next-line":
                self.lines.append(start + self.comment())
                self.between(indent)
                self.lines.append(inner + self.one(PLAIN + SINGLE) + self.comment())
                self.leaf(steps)
            case "lines":
                self.several_lines(start, inner, steps)
            case "flow":
                self.lines.append(f"{start} {self.flow(steps, 2, indent + 1)}{self.comment()}")
            case "mapping":
                self.nested(start, inner, steps, depth)
            case "sequence":
                self.lines.append(start + self.comment())
                self.sequence(indent if self.chance(50) else len(inner), steps, depth - 1)
            case kind:
                self.refused(kind, start, inner, steps)

    def inline(self, start: str, steps: tuple[Step, ...]) -> None:
        anchor = self.anchor()
        text = self.one(PLAIN + SINGLE + [one for one in DOUBLE if "\n" not in one])
        space = self.one([" ", "  "])
        self.lines.append(f"{start}{space}{anchor}{' ' if anchor else ''}{text}{self.comment()}")
        self.leaf(steps)

    def several_lines(self, start: str, inner: str, steps: tuple[Step, ...]) -> None:
        quote = self.one(["", "'", '"'])
        blank = [""] if self.chance(30) else []
        self.lines += [f"{start} {quote}one", *blank, f"{inner}two{quote}{self.comment()}"]
        self.leaf(steps)

    def nested(self, start: str, inner: str, steps: tuple[Step, ...], depth: int) -> None:
        anchor = self.anchor(20)
        self.lines.append(f"{start}{' ' if anchor else ''}{anchor}{self.comment()}")
        self.between(len(inner))
        self.mapping(len(inner), steps, depth - 1)
        if anchor:  # it can be merged only when it is complete, and no scalar may be its alias
            self.anchors.remove(anchor[1:])
            self.mapping_anchors.append(anchor[1:])

    def refused(self, kind: str, start: str, inner: str, steps: tuple[Step, ...]) -> None:
        """Write a value that cannot be the target of an edit."""
        if kind == "block":
            header = self.one(["|", ">", "|-", ">+", "|+"])
            self.lines += [f"{start} {header}{self.comment()}", f"{inner}# text: x", "", f"{inner} - more"]
            self.leaf(steps, "values-block-scalar")
            self.inner += [format_path((*steps, Index(0)))] if header[0] == "|" else []
        elif kind == "tagged":
            self.lines.append(
                f"{start} {self.one(['!!str', '!x', '!'])} {self.one(['1', 'x', SINGLE[1]])}{self.comment()}"
            )
            self.leaf(steps, "values-tagged")
        else:
            self.lines.append(f"{start} *{self.one(self.anchors)}{self.comment()}")
            self.leaf(steps, "values-alias")

    # --- flow style

    def gap(self, indent: int) -> str:
        if self.chance(15):
            return self.one(["", " # x: {", " #"]) + "\n" + " " * indent
        return self.one(["", " ", "  "])

    def flow(self, steps: tuple[Step, ...], depth: int, indent: int) -> str:
        if self.chance(50):
            self.mappings.append(steps)
            entries = []
            for written, text in self.keys() if self.chance(90) else []:
                inner = self.flow_value((*steps, Key(text)), depth, indent)
                entries.append(f"{written}:{self.one([' ', '  '])}{inner}")
            opening, closing = "{", "}"
        else:
            count = self.draw(st.integers(0, 3))
            entries = [self.flow_value((*steps, Index(number)), depth, indent, item=True) for number in range(count)]
            opening, closing = "[", "]"
        trailing = "," if entries and self.chance(10) else ""
        joined = ("," + self.one([" ", "\n" + " " * indent])).join(entries)
        return opening + self.gap(indent) + joined + trailing + self.gap(indent) + closing

    def flow_value(self, steps: tuple[Step, ...], depth: int, indent: int, *, item: bool = False) -> str:
        if depth > 0 and self.chance(20):
            return self.flow(steps, depth - 1, indent)
        if not item and self.chance(15):
            self.leaf(steps)
            return ""
        anchor = self.anchor(5)
        self.leaf(steps)
        text = self.one(FLOW_PLAIN + SINGLE + [one for one in DOUBLE if "\n" not in one])
        return f"{anchor}{' ' if anchor else ''}{text}"


def key_text(written: str) -> str:
    """Give the text of a key as it is written."""
    return KNOWN.get(written, written)


def helm_text(written: str) -> str:
    """Give the text that Helm makes of a key: one key of a mapping may stand for another."""
    return {"on": "true"}.get(written, key_text(written))


@st.composite
def yaml_files(draw: st.DrawFn) -> YamlFile:
    """Draw a values file."""
    writer = _Writer(draw)
    start = draw(st.sampled_from(["", "", "", "---\n", "--- # c\n", "%YAML 1.1\n---\n"]))
    writer.between(0)
    writer.mapping(0, (), draw(st.integers(0, 3)))
    text = start + "\n".join(writer.lines) + draw(st.sampled_from(["\n", "\n", "\n\n", ""]))
    ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"], ["\n", "\r\n", "\r"]]))
    first, *lines = text.split("\n")
    text = first + "".join(draw(st.sampled_from(ends)) + line for line in lines)
    return YamlFile(draw(st.sampled_from(["", "\ufeff"])) + text, writer.leaves, writer.mappings, writer.inner)


AWKWARD = [
    "", " ", "x", "1234567", "12e4567", "0123456", "1.10", "0x1f", "2024-01-01", "null", "~", "on", "y",
    "NO", "1_0", ".5e3", "1:30", "=", "<<", "-", "- x", "? x", "a: b", "a #b", "#x", "*a", "&a", "!a", "%a",
    "@a", "`a", "|", ">", "'", '"', "\\", "{", "}", "[x]", ",", "a,b", "---", "...", "--- x", "a\nb",
    "a\tb", "\x00", "\x85", "\u2028", "\ufeff", "\xa0", "é", "😀", "👩\u200d💻", "\U0010ffff", "\ufffe", "a:",
    ":a", "host:5000/x/y:1.2@sha256:0a", "x" * 300, "a  b", "\r\n", "0o17", "+.inf",
]  # fmt: skip

texts = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(max_size=30),
    st.from_regex(r"[0-9a-f]{7,12}", fullmatch=True),
    st.from_regex(r"[-+.0-9_eExob:TZ ]{1,12}", fullmatch=True),
    st.text(alphabet="\n\t #:-?*&!|>'\"%@`{}[],\\.~=<ynoUE01\r\x85é😀", max_size=12),
)
numbers = st.one_of(st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
new_values = st.one_of(texts, texts, numbers)
