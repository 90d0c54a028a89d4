"""The tree shows the way: no circles, no module that is two ideas, no name twice in a layer, one place for a state."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "service").rglob("*.py"))
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 300, 50


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


KNOWN = {name_of(path): path for path in MODULES}


def imported(path: Path) -> Iterator[str]:
    """Give the modules of ours that a module imports anywhere, for whatever reason."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module in KNOWN:
            named = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in KNOWN else node.module for name in named)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in KNOWN)


def circle_in(arrows: dict[str, set[str]]) -> list[str]:
    """Give the modules of one import cycle, the first one twice; empty if there is none."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for following in sorted(arrows[name]):
                if circle := walk(following, [*way, name]):
                    return circle
            done.add(name)
        return []

    return next(filter(None, (walk(name, []) for name in sorted(arrows))), [])


def test_no_modules_import_each_other_in_a_circle() -> None:
    arrows = {name: set(imported(path)) - {name} for name, path in KNOWN.items()}
    # A package's `__init__` re-exports its modules; that these belong to the package is no cycle.
    fronts = {name for name, path in KNOWN.items() if path.name == "__init__.py"}
    inside = {
        name: {to for to in tos if not (to in fronts and name.startswith(f"{to}."))} for name, tos in arrows.items()
    }
    circle = circle_in(inside)
    assert [f"{a} -> {b}" for a, b in pairwise(circle)] == []


@pytest.mark.parametrize("path", [path for path in MODULES if "versions" not in path.parts], ids=name_of)
def test_module_is_one_idea(path: Path) -> None:
    text = path.read_text()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    long = {
        node.name: size
        for node in functions
        if (size := (node.end_lineno or 0) - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    }
    assert len(text.splitlines()) <= MOST_LINES
    assert long == {}


def test_no_two_modules_of_a_layer_have_one_name() -> None:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, path in KNOWN.items():
        layer = name.split(".")[1] if name.count(".") > 1 else ""
        if layer and path.name != "__init__.py" and "versions" not in path.parts:
            found[layer, path.stem].append(name)
    assert {key for key, names in found.items() if len(names) > 1} == set()


def named_at_the_top(path: Path) -> Iterator[str]:
    """Give the names that a module defines; decorated ones are left out, because their decorator calls them."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.decorator_list:
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_what_is_named_is_used_by_the_service_itself() -> None:
    """What only tests call is no part of the product. Migrations, kinds and packages are found by name."""
    modules = {name: path for name, path in KNOWN.items() if "migrations" not in path.parts}
    words = Counter(word for path in modules.values() for word in re.findall(r"\w+", code_of(path)))
    unused = [
        f"{name}.{one}"
        for name, path in modules.items()
        for one in named_at_the_top(path)
        if words[one] < 2 and not one.startswith("__")
    ]
    assert unused == []


def code_of(path: Path) -> str:
    return ast.unparse(ast.parse(re.sub(r'"""[\s\S]*?"""', "''", path.read_text())))


def test_states_of_runs_change_in_one_place() -> None:
    """Code elsewhere would forget to set the commit status that the change requires."""
    writes = re.compile(r"\bruns\.(end|accept)\(|runs\.update\([^)]*\bstate=")
    found = [name for name, path in KNOWN.items() if writes.search(path.read_text())]
    assert found == ["service.pipeline.runs.transitions"]
