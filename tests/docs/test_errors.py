"""Every error code of the source is in docs/errors.md, and nothing else is; each says whether it is repeated."""

from __future__ import annotations

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from service.web.advice import advice, from_documentation
from tests.docs.pages import page
from tests.fixtures.tools import ROOT

KEBAB = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")
ROWS = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", page("docs/errors.md").text, re.MULTILINE))
"""What the page says about each code."""


class Module:
    """One file of the source, searched for codes."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(ROOT).as_posix()
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.inside = {
            child: function
            for function in ast.walk(self.tree)
            if isinstance(function, ast.FunctionDef)
            for child in ast.walk(function)
            if isinstance(child, ast.Call)
        }

    def given(self) -> Iterator[tuple[ast.Call, ast.expr]]:
        """Give each call with its `code`, by keyword or by position, to a function of this file that takes one."""
        places = {
            function.name: [argument.arg for argument in function.args.args].index("code")
            for function in ast.walk(self.tree)
            if isinstance(function, ast.FunctionDef) and "code" in [argument.arg for argument in function.args.args]
        }
        for call in ast.walk(self.tree):
            if not isinstance(call, ast.Call):
                continue
            yield from ((call, keyword.value) for keyword in call.keywords if keyword.arg == "code")
            place = places.get(call.func.id, 99) if isinstance(call.func, ast.Name) else 99
            if place < len(call.args):
                yield call, call.args[place]

    def codes(self, call: ast.Call, value: ast.expr) -> set[str]:
        """Give the texts that an expression may be; fail if that cannot be told."""
        match value:
            case ast.Constant(value=str(text)):
                return {text} if text else set()
            case ast.Attribute() | ast.Call():
                return set()  # passed on from an error or a row, which has it from one of the others
            case ast.IfExp() | ast.BoolOp() | ast.JoinedStr():
                return _texts(value) if not isinstance(value, ast.JoinedStr) else self._filled(call, value)
            case ast.Name(id=name):
                return self._named(call, name)
        raise AssertionError(f"{self.name}:{value.lineno}: which code is this? {ast.unparse(value)}")

    def _named(self, call: ast.Call, name: str) -> set[str]:
        function = self.inside[call]
        arguments = [*function.args.args, *function.args.kwonlyargs]
        if name in [argument.arg for argument in arguments]:
            return set()  # passed on: its callers are searched
        found = {
            text
            for assigned in ast.walk(function)
            if isinstance(assigned, ast.Assign) and any(name in _names(target) for target in assigned.targets)
            for text in _texts(assigned.value)
        }
        assert found, f"{self.name}:{call.lineno}: {name} is never given a code"
        return found

    def _filled(self, call: ast.Call, value: ast.JoinedStr) -> set[str]:
        """Fill `{word}-unknown` with the values of the word in this file: texts of a tuple or arguments of a call."""
        ending = "".join(str(part.value) for part in value.values if isinstance(part, ast.Constant))
        function = self.inside[call]
        words = {
            one.value
            for node in ast.walk(self.tree)
            for one in _first_words(node, function.name)
            if isinstance(one, ast.Constant) and isinstance(one.value, str)
        }
        assert words, f"{self.name}:{call.lineno}: nothing fills {ast.unparse(value)}"
        return {f"{word}{ending}" for word in words}


def _first_words(node: ast.AST, function: str) -> list[ast.expr]:
    """Give the first texts of the tuples of a loop, or of the calls of the function (after a transaction)."""
    match node:
        case ast.For(iter=ast.Tuple(elts=rows)):
            return [row.elts[0] for row in rows if isinstance(row, ast.Tuple)]
        case ast.Call(func=ast.Name(id=name), args=[_, word, *_]) if name == function:
            return [word]
    return []


def _texts(node: ast.AST) -> set[str]:
    return {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and KEBAB.fullmatch(one.value)
    }


def _names(target: ast.expr) -> list[str]:
    return [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]


@functools.cache
def source() -> dict[str, set[str]]:
    """Give every code with the names of what is called with it, including error classes.

    Reading takes seconds, so it waits for the first test: every process of a run imports this module.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / "service").rglob("*.py")):
        module = Module(path)
        for call, value in module.given():
            for code in module.codes(call, value):
                called = call.func
                status = next((ast.unparse(one.value) for one in call.keywords if one.arg == "status"), "")
                name = called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)
                found[code].add(f"{name} {status}".strip())
    return found


def test_the_source_is_read() -> None:
    """It finds codes that are given by keyword, by position, from a table, and put together."""
    told = {"signature-wrong", "values-too-deep", "git-unauthorized", "registry-throttled", "run-ambiguous"}
    assert told <= set(source())
    assert len(source()) > 100


def test_every_code_is_in_the_documentation() -> None:
    assert set(source()) - set(ROWS) == set()


def test_no_code_is_documented_that_is_not_there() -> None:
    assert set(ROWS) - set(source()) == set()


def test_pages_give_the_advice_of_this_documentation() -> None:
    """Mend it with: .venv/bin/python -m service.web.advice docs/errors.md."""
    told = from_documentation(page("docs/errors.md").text)
    assert set(told) == set(ROWS)
    assert {code: advice(code) for code in told} == told


def test_every_code_is_documented_once_with_what_to_do() -> None:
    text = page("docs/errors.md").text
    assert [code for code in ROWS if text.count(f"\n| `{code}` |") != 1] == []
    assert [code for code, row in ROWS.items() if len(row.split(" | ")) != 2] == []


def test_what_is_believed_only_when_it_lasts_is_said_to_be() -> None:
    doubtful = {"DoubtfulError", "UnauthorizedError", "NotFoundAnswerError"}
    found = {code for code, calls in source().items() if calls & doubtful}
    assert {code for code, row in ROWS.items() if "Believed when it lasts" in row} == found


def test_what_is_repeated_by_itself_is_said_to_be() -> None:
    several = {"RetryableError", "LimitedError", "NotStartedError", "BusyError"}
    repeated = {code for code, calls in source().items() if calls & several}
    assert {code for code, row in ROWS.items() if "Repeated by itself" in row} == repeated


def test_status_of_a_refused_delivery_is_told() -> None:
    answered = {code: call.split()[1] for code, calls in source().items() for call in calls if "DeliveryError " in call}
    assert {code: row[:3] for code, row in ROWS.items() if code in answered} == answered
