"""Coverage-guided fuzzing of the values editor: `make fuzz`, bounded by `-max_total_time`.

The input's first line is `flags`, its second `path=value`, the rest is the file. Whatever it is, the editor must
answer or raise ValuesEditError, and an answer must satisfy a second parser: PyYAML sees one scalar changed (or one
entry added), and no character outside it differs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # in an environment of its own, by `make fuzz`

with atheris.instrument_imports(include=["service.core.values"]):
    from service.cli.values_assignments import parse_assignment
    from service.core.values import (
        EditedText,
        ValueEdit,
        decode_values,
        edit_values,
        encode_values,
        parse_path,
        read_value,
    )
    from service.core.values.image_paths import list_images
    from service.core.values.listing import list_paths
    from service.core.values_paths import Selector

import click
import yaml

from service.errors import ValuesEditError

ROOT = Path(__file__).resolve().parents[1]


def test_one_input(data: bytes) -> None:
    """Edit once, or be refused in words."""
    flags, _, rest = data.partition(b"\n")
    assignment, _, content = rest.partition(b"\n")
    try:
        text = decode_values(content)
        edit = parse_assignment(assignment.decode("utf-8", "surrogateescape"))
        paths = list_paths(text)
        list_images(text)
        if b"p" in flags and paths:  # choose a scalar that exists
            edit = ValueEdit(paths[len(assignment) % len(paths)].path, edit.value)
        edited = edit_values(text, [edit], create=b"c" in flags)
    except (ValuesEditError, click.UsageError):
        return
    check(text, edit, edited)


def check(text: str, edit: ValueEdit, edited: EditedText) -> None:
    """Judge an edit that was made."""
    assert encode_values(edited.text) is not None
    if not any(isinstance(step, Selector) for step in parse_path(edit.path).steps):  # it may select by what it sets
        again = edit_values(edited.text, [edit], create=True)
        assert not again.changes
        assert again.text == edited.text
        value = read_value(edited.text, edit.path)
        assert value == edit.value or value != value  # noqa: PLR0124 - not a number
    if not edited.changes:
        assert edited.text == text
        return
    before, after = events(text), events(edited.text)
    if before is None:  # PyYAML refuses some texts that YAML 1.2 allows
        return
    assert after is not None, "PyYAML read the file before"
    (change,) = edited.changes
    if change.before is None and len(after) != len(before):  # otherwise it was added within a block scalar
        assert len(after) > len(before)
        head = common(before, after)
        tail = common(before[::-1], after[::-1])
        assert len(before) - head - tail <= 2, "one entry is added"  # noqa: PLR2004 - `{}` has two events
        return
    assert len(before) == len(after)
    differing = [place for place, pair in enumerate(zip(before, after, strict=True)) if pair[0] != pair[1]]
    assert len(differing) == 1
    start, end = spans(text)[differing[0]]
    assert edited.text.startswith(text[:start])
    assert edited.text.endswith(text[end:])


def events(text: str) -> list[tuple[object, ...]] | None:
    """Give what PyYAML's events mean, or None when it refuses the text."""
    try:
        return [
            (
                type(event).__name__,
                getattr(event, "anchor", None),
                getattr(event, "tag", None),
                getattr(event, "implicit", None),
                getattr(event, "value", None),
            )
            for event in yaml.parse(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader)
        ]
    except (yaml.YAMLError, RecursionError):
        return None


def spans(text: str) -> list[tuple[int, int]]:
    """Give where PyYAML sees each event, with the white space around it."""
    bom = len(text) - len(text.removeprefix("\ufeff"))
    found = []
    for event in yaml.parse(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader):
        assert event.start_mark is not None
        assert event.end_mark is not None
        start, end = event.start_mark.index + bom, event.end_mark.index + bom
        if start == end:  # the value is empty: any place between its neighbours is right
            start = len(text[:start].rstrip(" \t\r\n"))
        found.append((start, end))
    return found


def common(one: list[tuple[object, ...]], other: list[tuple[object, ...]]) -> int:
    """Count how many events at the beginning of two lists are equal."""
    pairs = zip(one, other, strict=False)
    return next((place for place, pair in enumerate(pairs) if pair[0] != pair[1]), min(len(one), len(other)))


def seeds(directory: Path) -> None:
    """Write the golden cases as the first inputs."""
    for case in sorted((ROOT / "tests" / "data" / "values").glob("*.case")):
        head, _, rest = case.read_text(encoding="utf-8").partition("=== input\n")
        content = rest.partition("\n=== ")[0]
        edit = next(line.removeprefix("edit: ") for line in head.split("\n") if line.startswith("edit: "))
        flags = "c" if "create" in head else "n"
        (directory / case.stem).write_text(f"{flags}\n{edit}\n{content}\n", encoding="utf-8", newline="")


def main() -> None:
    """Fuzz from the golden cases; further arguments are libFuzzer's."""
    with tempfile.TemporaryDirectory() as corpus:
        seeds(Path(corpus))
        bounds = ["-max_total_time=60", "-timeout=10", "-rss_limit_mb=2048", "-max_len=2048"]
        options = [f"-dict={ROOT / 'fuzz' / 'yaml.dict'}", f"-artifact_prefix={ROOT / 'fuzz'}/", *bounds]
        atheris.Setup([sys.argv[0], *options, *sys.argv[1:], corpus], test_one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
