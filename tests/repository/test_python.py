"""The oldest Python that the README names: what it lacks is not used, and the code that reads texts runs on it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.fixtures.tools import ROOT, missing_part

PACKAGES = ["service", "devstack"]
QUANTIFIED = re.compile(rb"(?:[*+?}]\+)|\(\?>")
"""Possessive quantifiers and atomic groups: new in Python 3.11, and wrong there until 3.11.5, of which Debian 12
has 3.11.2 (https://github.com/python/cpython/issues/106052)."""
READERS = ["tests/core/values/test_golden.py", "tests/adapters/git/test_trees.py"]


def patterns(source: str) -> Iterator[tuple[int, str | bytes]]:
    """Give every text that is passed to a function of `re`, with its line."""
    for call in ast.walk(ast.parse(source)):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
            continue
        if isinstance(call.func.value, ast.Name) and call.func.value.id == "re":
            for part in ast.walk(call.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, (str, bytes)):
                    yield part.lineno, part.value


def too_new(source: str) -> list[int]:
    """Name the lines of patterns that an old 3.11 matches wrongly; a `+` that is escaped or in brackets is harmless."""
    found = []
    for line, pattern in patterns(source):
        raw = pattern if isinstance(pattern, bytes) else pattern.encode(errors="surrogatepass")
        unescaped = re.sub(rb"\[\^?\]?(?:\\.|[^\]\\])*\]", b"x", re.sub(rb"\\.", b"x", raw, flags=re.DOTALL))
        if QUANTIFIED.search(unescaped):
            found.append(line)
    return found


@pytest.mark.parametrize("quantified", ["a*+", "a++b", "(?:ab)?+", "a{2}+", "(?>a|b)c", "[+]++"])
def test_new_kind_of_pattern_is_found(quantified: str) -> None:
    assert too_new(f"import re\nA = re.compile({quantified!r})\nB = re.match({quantified.encode()!r}, b'')") == [2, 3]


@pytest.mark.parametrize("plain", [r"a\++", "[*+]x", r"[\]*+]b", "a+?b", r"\*\+"])
def test_plain_pattern_passes(plain: str) -> None:
    assert too_new(f"import re\nA = re.compile({plain!r})") == []


def test_no_pattern_needs_a_newer_python() -> None:
    files = [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]
    assert len(files) > 100
    assert [f"{file.relative_to(ROOT)}:{line}" for file in files for line in too_new(file.read_text())] == []


@pytest.mark.prove
def test_what_reads_texts_runs_on_the_systems_python_too() -> None:
    """With the packages of this environment: only a Python of the same minor version can load their compiled parts."""
    python = shutil.which("python3", path=os.pathsep.join(["/usr/bin", "/bin"]))
    same_minor = "import sys; sys.exit(sys.version_info[:2] != tuple(map(int, sys.argv[1:])))"
    minor = [str(part) for part in sys.version_info[:2]]
    if python is None or subprocess.run([python, "-c", same_minor, *minor], check=False).returncode:
        missing_part("the system's Python", f"{python or 'none'} is not a Python {'.'.join(minor)}")
    packages = [path for path in sys.path if path.endswith("site-packages")]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    run = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *READERS],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": os.pathsep.join([*packages, str(ROOT)])},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert re.search(r"^\d+ passed", run.stdout, flags=re.MULTILINE), run.stdout[-300:]
