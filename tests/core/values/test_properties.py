"""Drawn files and values, judged by PyYAML: a second parser that shares no code with the editor."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from service.core.values import Scalar, ValueEdit, edit_values, parse_path
from service.core.values.listing import list_paths
from service.core.values_paths import Condition, Index, Key, Selector, Step, format_path
from service.errors import ValuesEditError
from tests.core.values.yaml_documents import Leaf, YamlFile, helm_text, new_values, texts, yaml_files

EXAMPLES = int(os.environ.get("MERGEPORT_EXAMPLES", "30"))  # `make fuzz` asks for more
bounded = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def nodes(text: str) -> yaml.Node:
    """Compose with PyYAML's own Python parser, past a byte order mark."""
    root = yaml.compose(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader)
    assert root is not None
    return root


def at(root: yaml.Node, path: str) -> yaml.Node:
    """Walk a path in PyYAML's nodes."""
    node = root
    for step in parse_path(path).steps:
        match step:
            case Key(name):
                assert isinstance(node, yaml.MappingNode)
                (node,) = [value for key, value in node.value if key.value == name]
            case Index(number):
                assert isinstance(node, yaml.SequenceNode)
                node = node.value[number]
            case _:
                raise AssertionError(step)
    return node


def meanings(text: str) -> list[tuple[object, ...]]:
    """Give all that PyYAML's events mean, without their places."""
    return [
        (
            type(event).__name__,
            getattr(event, "anchor", None),
            getattr(event, "tag", None),
            getattr(event, "implicit", None),
            getattr(event, "value", None),
            getattr(event, "style", None),
        )
        for event in yaml.parse(text.removeprefix("\ufeff"), Loader=yaml.SafeLoader)
    ]


def span(text: str, path: str) -> tuple[int, int]:
    """Give the place of the scalar, including its anchor, as PyYAML sees it in the text with its byte order mark."""
    node = at(nodes(text), path)
    bom = len(text) - len(text.removeprefix("\ufeff"))
    return node.start_mark.index + bom, node.end_mark.index + bom


def assert_value(node: yaml.Node, value: Scalar) -> None:
    """Check a node's value and type as PyYAML (YAML 1.1) reads it."""
    loaded = yaml.SafeLoader("").construct_object(node)
    assert type(loaded) is type(value)
    assert loaded == value or (isinstance(loaded, float) and loaded != loaded and value != value)  # noqa: PLR0124 - nan


def pick(data: st.DataObject, leaves: list[Leaf]) -> Leaf:
    assume(leaves)
    return data.draw(st.sampled_from(leaves))


@bounded
@given(file=yaml_files(), value=new_values, data=st.data())
def test_one_edit_changes_one_scalar_and_no_other_character(file: YamlFile, value: Scalar, data: st.DataObject) -> None:
    leaf = pick(data, [leaf for leaf in file.leaves if leaf.refusal is None])
    edited = edit_values(file.text, [ValueEdit(leaf.path, value)])
    start, end = span(file.text, leaf.path)
    assert edited.text.startswith(file.text[:start].rstrip(" \t\r\n"))
    assert edited.text.endswith(file.text[end:])
    assert_value(at(nodes(edited.text), leaf.path), value)
    assert_same_but(file.text, edited.text, [leaf.path])
    assert [change.path for change in edited.changes] in ([leaf.path], [])
    assert bool(edited.changes) == (edited.text != file.text)
    again = edit_values(edited.text, [ValueEdit(leaf.path, value)])
    assert (again.text, again.changes) == (edited.text, ())


def assert_same_but(before: str, after: str, paths: list[str]) -> None:
    """Check that every event except those of the paths is the same."""
    old, new = meanings(before), meanings(after)
    assert len(old) == len(new)
    differing = [place for place, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
    scalars = list(yaml.parse(before.removeprefix("\ufeff"), Loader=yaml.SafeLoader))
    targets = {at(nodes(before), path).start_mark.index for path in paths}
    for place in differing:
        event = scalars[place]
        assert isinstance(event, yaml.ScalarEvent)
        assert event.start_mark is not None
        assert event.start_mark.index in targets
        assert old[place][1:3] == new[place][1:3], "anchor and tag stay"


@bounded
@given(file=yaml_files(), value=new_values, data=st.data())
def test_what_cannot_be_edited_is_refused_with_its_place(file: YamlFile, value: Scalar, data: st.DataObject) -> None:
    leaf = pick(data, [leaf for leaf in file.leaves if leaf.refusal is not None])
    with pytest.raises(ValuesEditError) as refused:
        edit_values(file.text, [ValueEdit(leaf.path, value)], file="f.yaml", create=True)
    node = at(nodes(file.text), leaf.path)
    assert refused.value.code == leaf.refusal
    if leaf.refusal != "values-alias":  # PyYAML gives the anchor's place for an alias
        assert refused.value.fields["line"] == node.start_mark.line + 1
        assert refused.value.fields["column"] == node.start_mark.column + 1
    assert refused.value.hint


@bounded
@given(file=yaml_files(), data=st.data())
def test_several_edits_in_one_pass_change_just_these(file: YamlFile, data: st.DataObject) -> None:
    editable = [leaf for leaf in file.leaves if leaf.refusal is None]
    assume(editable)
    chosen = data.draw(st.lists(st.sampled_from(editable), min_size=1, unique_by=lambda leaf: leaf.path))
    wanted = [(leaf.path, data.draw(new_values)) for leaf in chosen]
    edited = edit_values(file.text, [ValueEdit(path, value) for path, value in wanted])
    root = nodes(edited.text)
    for path, value in wanted:
        assert_value(at(root, path), value)
    assert_same_but(file.text, edited.text, [path for path, _ in wanted])


@bounded
@given(file=yaml_files(), data=st.data(), names=st.lists(texts, min_size=1, max_size=3), value=new_values)
def test_created_values_are_added_and_every_old_line_stays(
    file: YamlFile, data: st.DataObject, names: list[str], value: Scalar
) -> None:
    mapping = data.draw(st.sampled_from(file.mappings))
    parent = at(nodes(file.text), format_path(mapping)) if mapping else nodes(file.text)
    assert isinstance(parent, yaml.MappingNode)
    assume(names[0] not in {name for key, _ in parent.value for name in (key.value, helm_text(key.value))})
    assume(all(ord(character) < 0xD800 or ord(character) > 0xDFFF for name in names for character in name))
    assume(all(len(name) < 200 for name in names))
    path = format_path((*mapping, *(Key(name) for name in names)))
    try:
        edited = edit_values(file.text, [ValueEdit(path, value)], create=True)
    except ValuesEditError as error:  # one more line would change the block scalar that the file ends in
        assert (error.code, file.text.endswith("\n")) == ("values-no-final-newline", False)  # noqa: PT017
        return
    assert_value(at(nodes(edited.text), path), value)
    assert edited.changes[0].before is None
    assert without_added(meanings(edited.text), meanings(file.text)), "nothing but additions"
    assert comments(edited.text) == comments(file.text)
    assert edited.text[-1] in "\r\n" or file.text[-1] not in "\r\n"
    assert_lines_stay(file.text, edited.text)


def assert_lines_stay(before: str, after: str) -> None:
    """Check that all lines are still there, with their own ends, except one with opened braces or without an end."""
    old, new = (re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text) for text in (before, after))
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    assert len(old) - sum(block.size for block in blocks) <= 1
    assert {re.sub(r"[^\r\n]", "", line) for line in new} <= {re.sub(r"[^\r\n]", "", line) for line in old} | {"\n"}


def without_added(new: list[tuple[object, ...]], old: list[tuple[object, ...]]) -> bool:
    """Tell whether one run of events was added, or replaces one empty value or pair of braces."""
    head = next((place for place, pair in enumerate(zip(new, old, strict=False)) if pair[0] != pair[1]), len(old))
    tail = next(
        (place for place, pair in enumerate(zip(new[::-1], old[::-1], strict=False)) if pair[0] != pair[1]), len(old)
    )
    return len(old) - head - tail <= 1


def comments(text: str) -> list[str]:
    """Give the comments as PyYAML sees them: what stands after a `#` between its tokens."""
    body = text.removeprefix("\ufeff")
    found: list[str] = []
    last = 0
    for token in tokens(body):
        between = body[last : token.start_mark.index]
        found += [line[line.index("#") :] for line in re.split(r"\r\n|\r|\n", between) if "#" in line]
        last = max(last, token.end_mark.index)
    return found


def tokens(text: str) -> Iterator[yaml.Token]:
    yield from yaml.scan(text, Loader=yaml.SafeLoader)


@bounded
@given(file=yaml_files())
def test_what_is_listed_is_what_can_be_set(file: YamlFile) -> None:
    listed = list_paths(file.text)
    assert len(listed) == len([leaf for leaf in file.leaves if leaf.refusal is None]) + len(file.inner)
    edited = edit_values(file.text, [ValueEdit(one.path, f"new {number}") for number, one in enumerate(listed)])
    assert [one.value for one in list_paths(edited.text) if one.value is not None] == [
        f"new {number}" for number in range(len(listed))
    ]


def lists_in(file: YamlFile, mapping: tuple[Step, ...]) -> list[tuple[str, yaml.SequenceNode]]:
    """Give the lists that are in a mapping itself, and not behind an alias."""
    parent = at(nodes(file.text), format_path(mapping)) if mapping else nodes(file.text)
    assert isinstance(parent, yaml.MappingNode)
    lists = [(key.value, node) for key, node in parent.value if isinstance(node, yaml.SequenceNode)]
    return [(key, node) for key, node in lists if node.start_mark.index > parent.start_mark.index]


@bounded
@given(file=yaml_files(), data=st.data(), value=new_values, selected=texts)
def test_a_created_item_ends_its_list_and_every_old_line_stays(
    file: YamlFile, data: st.DataObject, value: Scalar, selected: str
) -> None:
    lists = [(mapping, key, node) for mapping in file.mappings for key, node in lists_in(file, mapping)]
    assume(lists)
    mapping, key, node = data.draw(st.sampled_from(lists))
    assume(not any(0xD800 <= ord(character) <= 0xDFFF for character in selected))
    new: list[Step] = [Index(len(node.value)), Selector((Condition(("new key",), selected),))]
    item = data.draw(st.sampled_from(new))
    below: tuple[Step, ...] = (Key("value"),) if isinstance(item, Selector) else ()
    steps = (*mapping, Key(key), item, *below)
    try:
        edited = edit_values(file.text, [ValueEdit(format_path(steps), value)], create=True)
    except ValuesEditError as error:
        assert (error.code, file.text.endswith("\n")) == ("values-no-final-newline", False)  # noqa: PT017
        return
    after = at(nodes(edited.text), format_path((*mapping, Key(key))))
    assert isinstance(after, yaml.SequenceNode)
    assert len(after.value) == len(node.value) + 1
    last = after.value[-1]
    if isinstance(item, Selector):
        assert isinstance(last, yaml.MappingNode)
        assert [(name.value, type(name)) for name, _ in last.value] == [
            ("new key", yaml.ScalarNode),
            ("value", yaml.ScalarNode),
        ]
        assert_value(last.value[0][1], selected)
        last = last.value[1][1]
    assert_value(last, value)
    assert without_added(meanings(edited.text), meanings(file.text)), "nothing but additions"
    assert comments(edited.text) == comments(file.text)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[YamlFile], str, int]:
    """Draw the documents of a file, its text, and the one that is meant."""
    files = draw(st.lists(yaml_files().map(as_document), min_size=2, max_size=3))
    return files, "---\n".join(file.text for file in files), draw(st.integers(0, len(files) - 1))


def as_document(file: YamlFile) -> YamlFile:
    """Give a drawn file without what may only be at the start of a file, and with a final line end."""
    text = re.sub(r"\A\ufeff?(%YAML 1.1\r?\n?)?(---( # c)?(\r\n|\r|\n))?", "", file.text)
    return YamlFile(text.rstrip("\r\n") + "\n", file.leaves, file.mappings, file.inner)


@bounded
@given(drawn=streams(), value=new_values, data=st.data())
def test_an_edit_in_one_document_is_the_same_edit_in_it_alone(
    drawn: tuple[list[YamlFile], str, int], value: Scalar, data: st.DataObject
) -> None:
    files, text, number = drawn
    leaf = pick(data, [leaf for leaf in files[number].leaves if leaf.refusal is None])
    alone = edit_values(files[number].text, [ValueEdit(leaf.path, value)])
    edited = edit_values(text, [ValueEdit(f"[{number}]{dotted(leaf.path)}", value)])
    wanted = [file.text for file in files]
    wanted[number] = alone.text
    assert edited.text == "---\n".join(wanted)
    assert len(list(yaml.compose_all(edited.text, Loader=yaml.SafeLoader))) == len(files)
    with pytest.raises(ValuesEditError) as refused:
        edit_values(text, [ValueEdit(leaf.path, value)], create=True)
    assert refused.value.code == "values-several-documents"


def dotted(path: str) -> str:
    """Write a path so that it continues another one."""
    return path if path.startswith("[") else f".{path}"


@bounded
@given(file=yaml_files(), data=st.data(), value=new_values, new=st.booleans())
def test_an_edit_within_a_block_is_the_same_edit_in_its_text_alone(
    file: YamlFile, data: st.DataObject, value: Scalar, new: bool
) -> None:
    file = as_document(file)
    assume(not re.search("[\x85\u2028\u2029]", file.text))
    indent = " " * data.draw(st.integers(1, 5))
    header = data.draw(st.sampled_from(["|", "|-", "|+", f"|{len(indent)}"]))
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    lines = re.split(r"\r\n|\r|\n", file.text.rstrip("\r\n"))
    assume(lines[0].strip() and (header[-1] in "12345" or not lines[0].startswith(" ")))
    before = ["# before", "other: &x 'a'", f"on: {header} # c"]
    inner = [indent + line if line else data.draw(st.sampled_from(["", " " * len(indent)])) for line in lines]
    text = end.join([*before, *inner, "after: *x", ""])
    held = at(nodes(text), "on")
    assert isinstance(held, yaml.ScalarNode)
    editable = [leaf for leaf in file.leaves if leaf.refusal is None]
    path = "brand new" if new else pick(data, editable).path
    try:
        alone = edit_values(held.value, [ValueEdit(path, value)], create=new)
    except ValuesEditError as error:  # one more line would change a block scalar within
        assert (error.code, new) == ("values-no-final-newline", True)  # noqa: PT017
        return
    edited = edit_values(text, [ValueEdit(f"on{dotted(path)}", value)], create=new)
    read = at(nodes(edited.text), "on")
    assert isinstance(read, yaml.ScalarNode)
    assert read.value == alone.text
    assert len(edited.changes) == len(alone.changes)
    assert_lines_stay_but_one(text, edited.text)
    assert edited.text.startswith(end.join(before))
    assert edited.text.endswith(end.join(["", "after: *x", ""]))


def assert_lines_stay_but_one(before: str, after: str) -> None:
    """Check that only one piece of text differs, and that the file around it is the same, character for character."""
    old, new = (re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text) for text in (before, after))
    head = next((place for place, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old))
    pairs = zip(old[::-1], new[::-1], strict=False)
    tail = next((place for place, pair in enumerate(pairs) if pair[0] != pair[1]), len(old))
    assert len(old) - head - tail <= MOST_LINES_OF_A_SCALAR


MOST_LINES_OF_A_SCALAR = 4


@bounded
@given(file=yaml_files(), text=st.text(max_size=20), value=new_values)
def test_any_path_ends_in_an_answer_or_a_known_error(file: YamlFile, text: str, value: Scalar) -> None:
    try:
        edited = edit_values(file.text, [ValueEdit(text, value)], create=True)
    except ValuesEditError:
        return
    assert edited.text


@bounded
@given(
    steps=st.lists(st.one_of(st.builds(Key, st.text(max_size=12)), st.builds(Index, st.integers(0, 999))), min_size=1)
)
def test_a_path_reads_back_as_it_was_written(steps: list[Key | Index]) -> None:
    assert parse_path(format_path(tuple(steps))).steps == tuple(steps)
