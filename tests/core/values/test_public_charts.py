"""The values files of well-known public charts: each scalar that can be set, set once, judged by PyYAML."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from service.core.values import ValueEdit, edit_values, read_value
from service.core.values.document import read_stream
from service.core.values.image_paths import list_images
from service.core.values.listing import list_paths, settable_paths
from service.core.values.locate import locate
from service.core.values.lookup import Found, Within
from service.core.values_paths import Key, format_path, parse_path
from tests.core.values.yaml_documents import AWKWARD

STEP = int(os.environ.get("MERGEPORT_CHART_STEP", "48"))  # 1: each scalar alone, which takes minutes instead of seconds
FILES = sorted((Path(__file__).parents[2] / "data" / "public-values").glob("*.yaml"))
charts = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def flat(text: str) -> list[tuple[object, ...]]:
    """Give what each event means to PyYAML, without places and without quotes."""
    return [
        (
            type(event).__name__,
            getattr(event, "anchor", None),
            getattr(event, "tag", None),
            getattr(event, "value", None),
        )
        for event in yaml.parse(text, Loader=yaml.CSafeLoader)
    ]


def awkward(number: int) -> str:
    """Give each scalar another awkward text, different from what is there."""
    return AWKWARD[number % len(AWKWARD)] + str(number)


@charts
def test_all_scalars_set_in_one_pass_are_all_that_changes(path: Path) -> None:
    text = read(path)
    (doc,) = read_stream(text).documents
    paths = [one for one in list_paths(text) if isinstance(locate(doc, parse_path(one.path)), Found)]
    wanted = {one.path: awkward(number) for number, one in enumerate(paths)}
    edited = edit_values(text, [ValueEdit(name, value) for name, value in wanted.items()])
    before, after = flat(text), flat(edited.text)
    assert len(before) == len(after)
    differing = [pair[1][3] for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert differing == list(wanted.values())
    assert comment_lines(edited.text) == comment_lines(text)


def comment_lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.lstrip().startswith("#")]


@charts
def test_each_scalar_set_alone_changes_its_own_characters_only(path: Path) -> None:
    text = read(path)
    edits = 0
    for number, (_, scalar) in enumerate(settable_paths(text)):
        if number % STEP:
            continue
        value = awkward(number)
        edited = edit_values(text, [ValueEdit(scalar.path, value)])
        (change,) = edited.changes
        before, after = text.split("\n"), edited.text.split("\n")
        same = [pair[0] == pair[1] for pair in zip(before, after, strict=True)]
        assert [line + 1 for line, is_same in enumerate(same) if not is_same] == [change.line] == [scalar.line]
        old, new = before[change.line - 1], after[change.line - 1]
        assert read_value(edited.text, scalar.path) == value
        assert old.partition(":")[0] == new.partition(":")[0] or old.lstrip().startswith("- ")
        edits += 1
    assert edits > 0


@charts
def test_every_listed_path_leads_back_to_its_scalar(path: Path) -> None:
    text = read(path)
    (doc,) = read_stream(text).documents
    for _, scalar in settable_paths(text):
        found = locate(doc, parse_path(scalar.path))
        if isinstance(found, Within):
            assert read_value(text, scalar.path) == scalar.value
            continue
        assert isinstance(found, Found)
        assert doc.events[found.node].line + 1 == scalar.line


@charts
def test_every_chart_names_an_image(path: Path) -> None:
    images = list_images(read(path))
    assert images
    assert all(str(image.parts["repository"].value) in image.reference for image in images)


@charts
def test_a_new_key_in_every_mapping_leaves_every_line(path: Path) -> None:
    text = read(path)
    parents = {steps[:-1] for steps, _ in settable_paths(text) if isinstance(steps[-1], Key)}
    for number, parent in enumerate(sorted(format_path(steps) for steps in parents if steps)):
        if number % STEP:
            continue
        edited = edit_values(text, [ValueEdit(f"{parent}.mergeportTest", "x: y")], create=True)
        before, after = text.split("\n"), edited.text.split("\n")
        (added,) = [line for line in after if "mergeportTest" in line]
        after.remove(added)
        assert after == before
        assert added.strip() == 'mergeportTest: "x: y"'
