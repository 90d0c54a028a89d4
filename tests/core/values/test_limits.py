"""Deep, huge and hostile input: an answer or a ValuesEditError, never a crash, and in bounded time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from service.core.values import ValueEdit, decode_values, edit_values, encode_values, parse_path, read_value
from service.core.values import events as parser
from service.core.values.document import MAX_CHARACTERS
from service.core.values.listing import list_paths
from service.errors import ValuesEditError


def refusal(text: str, path: str = "a", **options: bool) -> ValuesEditError:
    with pytest.raises(ValuesEditError) as refused:
        edit_values(text, [ValueEdit(path, "x")], file="f.yaml", **options)
    return refused.value


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 100_000,
        "a: " + "{b: " * 100_000,
        "- " * 100_000,
        "\n".join(" " * n + "a:" for n in range(2_000)),
        "? " * 50_000,
    ],
    ids=["brackets", "braces", "dashes", "indentation", "questions"],
)
def test_deep_nesting_is_refused_with_its_place(text: str) -> None:
    error = refusal(text)
    assert (error.code, error.fields["line"] is not None) == ("values-too-deep", True)


def test_nesting_within_the_limit_is_edited() -> None:
    text = "\n".join(" " * n + "a:" for n in range(240)) + " v\n"
    assert edit_values(text, [ValueEdit(".".join("a" * 240), "w")]).text == text.replace(" v", " w")


def test_a_deep_path_is_created_up_to_the_limit() -> None:
    path = ".".join("a" * 200)
    assert read_value(edit_values("", [ValueEdit(path, "x")], create=True).text, path) == "x"
    assert refusal("b: 1\n", ".".join("a" * 3000), create=True).code == "values-path-invalid"


def test_a_file_beyond_the_limit_is_refused() -> None:
    assert refusal("a: " + "x" * MAX_CHARACTERS).code == "values-too-large"


def test_a_line_of_a_megabyte_and_its_neighbours_stay() -> None:
    long = "x" * 1_000_000
    text = f"a: '{long}' # {long}\nb: v\n"
    assert edit_values(text, [ValueEdit("b", "w")]).text == text.replace("b: v", "b: w")
    assert edit_values(text, [ValueEdit("a", long + "y")]).text == text.replace("'", "y'", 2).replace("y'", "'", 1)


def test_a_value_of_a_megabyte_is_written() -> None:
    value = "host/name:tag, " * 70_000 + "end"
    assert read_value(edit_values("a: v\n", [ValueEdit("a", value)]).text, "a") == value


def test_fifty_thousand_lines_change_in_one() -> None:
    text = "".join(f"key{number}:\n  tag: v  # c\n" for number in range(25_000))
    assert edit_values(text, [ValueEdit("key24999.tag", "w")]).text == text[: text.rindex("v")] + "w  # c\n"


def test_aliases_that_multiply_cost_nothing() -> None:
    lines = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 300)]
    text = "\n".join([*lines, "b: v", ""])
    assert edit_values(text, [ValueEdit("b", "w")]).text == text.replace("b: v", "b: w")
    assert read_value(text, "a299.x") == 1
    assert refusal(text, "a299.y").code == "values-missing"


@pytest.mark.parametrize("text", ["a: &a\n  <<: *a\n  b: 1\n", "a: &a [*a]\n", "a: &a\n  b: *a\n"])
def test_an_anchor_that_holds_itself_ends(text: str) -> None:
    assert refusal(text, "a.nope.x").code
    assert isinstance(list_paths(text), list)


@pytest.mark.parametrize("character", ["\x00", "\x01", "\x1b", "\x7f", "\ud800", "\ufffe", "\x85", "\u2028", "\ufeff"])
def test_odd_characters_end_in_an_answer_or_a_known_error(character: str) -> None:
    for text in (f"a: {character}\n", f"a: x # {character}\n", f"{character}a: x\n", f"a: '{character}'\n"):
        try:
            edited = edit_values(text, [ValueEdit("a", "w")])
        except ValuesEditError as error:
            assert error.hint  # noqa: PT017 - both ends are right, a third is not
        else:
            assert "w" in edited.text


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb"])
def test_half_a_surrogate_pair_is_refused(value: str) -> None:
    with pytest.raises(ValuesEditError) as refused:
        edit_values("a: x\n", [ValueEdit("a", value)])
    assert refused.value.code == "values-value-invalid"


def test_what_cannot_be_created_in_an_empty_file_is_refused_in_words() -> None:
    assert refusal("", "a" * 2000, create=True).code == "values-unproven"


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(ValuesEditError) as refused:
        edit_values("a: 1\n", [ValueEdit("a", 10**5000)])
    assert refused.value.code == "values-value-invalid"
    assert read_value(f"a: {'1' * 5000}\n", "a") == "1" * 5000


def test_bytes_come_back_as_they_were() -> None:
    data = "\ufeffa: é😀\r\nb: \u2028'x'".encode()
    assert encode_values(decode_values(data)) == data


@pytest.mark.parametrize(
    ("data", "line", "column"), [(b"a: 1\nb: \xc3\xa9\xff", 2, 5), (b"\xff", 1, 1), (b"a\r\n\xed\xa0\x80", 2, 1)]
)
def test_bytes_that_are_not_utf8_name_their_place(data: bytes, line: int, column: int) -> None:
    with pytest.raises(ValuesEditError) as refused:
        decode_values(data, file="f.yaml")
    assert (refused.value.code, refused.value.fields["line"], refused.value.fields["column"]) == (
        "values-encoding",
        line,
        column,
    )


NOT_PATHS = ["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[0", "a[-1]", "a[0]b", "a]", '"a', "'a", 'a."b']
NOT_PATHS += [
    "a=b",
    " a",
    "a ",
    "[name=x",
    "a[9999999999]",
    '"\\x"',
    "\\",
    "[[0]]",
    "a." * 300 + "a",
    "a\udcff",
    '"\\ud800"',
]


@pytest.mark.parametrize("path", NOT_PATHS)
def test_a_path_that_is_not_one_is_refused_with_its_column(path: str) -> None:
    with pytest.raises(ValuesEditError) as refused:
        parse_path(path)
    assert (refused.value.code, refused.value.fields["path"]) == ("values-path-invalid", path)
    assert "column" in refused.value.message or not path


def test_the_python_parser_alone_gives_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\ufeffa: &x 'v'  # 😀\r\nb:\r\n  - c: {d: 1, e: }\r\n    f: one\r\n      two\r\n"
    edits = [
        ValueEdit("a", "it's"),
        ValueEdit("b[0].c.e", "é"),
        ValueEdit("b[0].f", "0x1"),
        ValueEdit("b[0].g.h", True),
    ]
    fast = edit_values(text, edits, create=True)
    monkeypatch.setattr(parser, "CParser", None)
    assert edit_values(text, edits, create=True) == fast


def test_the_editor_works_where_the_extension_is_not_installed() -> None:
    program = (
        "import sys; sys.modules['_ruamel_yaml'] = None\n"
        "from service.core.values import ValueEdit, edit_values, events\n"
        "assert events.CParser is None\n"
        "print(edit_values('a: v # c\\nb: 1\\n', [ValueEdit('a', '1.0')]).text, end='')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ('a: "1.0" # c\nb: 1\n', 0), done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nimage:\r\n  tag: v1\r\n", "a: 1\nimage:\r\n  tag: v1\r\n  x: w\r\n"),
        ("a: 1\r\nimage:\n  tag: v1\n", "a: 1\r\nimage:\n  tag: v1\n  x: w\n"),
        ("a: 1\nimage:\r\n  tag: v1", "a: 1\nimage:\r\n  tag: v1\r\n  x: w"),
        ("a: 1\rimage:\r  tag: v1\rb: 2\n", "a: 1\rimage:\r  tag: v1\r  x: w\rb: 2\n"),
        ("a: 1\nimage: {}\r\nb: 2\n", "a: 1\nimage:\r\n  x: w\r\nb: 2\n"),
        ("a: 1\nimage:\r\nb: 2\n", "a: 1\nimage:\r\n  x: w\r\nb: 2\n"),
        ("a: 1\nimage: {\r\n  tag: v1\r\n}\n", "a: 1\nimage: {\r\n  tag: v1,\r\n  x: w\r\n}\n"),
        ("a: 1\nimage:\r\n  tag: |\r\n    x\r\n", "a: 1\nimage:\r\n  tag: |\r\n    x\r\n  x: w\r\n"),
    ],
)
def test_a_new_line_ends_as_the_line_before_it_and_no_other_line_changes(text: str, expected: str) -> None:
    assert edit_values(text, [ValueEdit("image.x", "w")], create=True).text == expected
