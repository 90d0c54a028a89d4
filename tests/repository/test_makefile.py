"""The Makefile: a word for each habit, and a missing prerequisite named with the line that installs it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.tools import ROOT

SCRIPT = ROOT / "scripts" / "prerequisites.sh"
WORDS = ["install", "demo", "test", "checks", "docs", "format", "bench", "fuzz", "soak", "lock"]


def ask(path: Path, python: str = "python3") -> subprocess.CompletedProcess[str]:
    """Run the check for prerequisites as if the machine had only the programs in a folder."""
    shell = shutil.which("sh") or "/bin/sh"
    return subprocess.run([shell, SCRIPT, python], check=False, capture_output=True, text=True, env={"PATH": str(path)})


def program(folder: Path, name: str, body: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_explained_at_the_top(word: str) -> None:
    text = (ROOT / "Makefile").read_text()
    assert re.search(rf"^#   make {word} ", text, flags=re.MULTILINE)
    assert re.search(rf"^{word}:", text, flags=re.MULTILINE)


def test_a_machine_with_everything_is_told_nothing(tmp_path: Path) -> None:
    program(tmp_path, "python3", "exit 0")
    program(tmp_path, "git", "exit 0")
    told = ask(tmp_path)
    assert (told.returncode, told.stderr) == (0, "")


def test_everything_missing_is_named_at_once(tmp_path: Path) -> None:
    told = ask(tmp_path)
    assert told.returncode == 1
    assert "Python 3.11 or newer (python3). Install it with:  apt-get install python3 python3-venv" in told.stderr
    assert "git. Install it with:  apt-get install git" in told.stderr


def test_missing_venv_module_is_named(tmp_path: Path) -> None:
    program(tmp_path, "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    program(tmp_path, "git", "exit 0")
    told = ask(tmp_path)
    assert (told.returncode, told.stderr) == (
        1,
        "Missing: Python's venv module. Install it with:  apt-get install python3-venv\n",
    )


def test_old_python_is_named_with_its_version(tmp_path: Path) -> None:
    program(tmp_path, "python3", 'test "$1" = -V && echo Python 3.9.2; test "$1" = -V')
    program(tmp_path, "git", "exit 0")
    told = ask(tmp_path)
    assert told.returncode == 1
    assert "python3 is Python 3.9.2" in told.stderr


@pytest.mark.parametrize("word", ["demo", "test"])
def test_second_run_sets_nothing_up(tmp_path: Path, word: str) -> None:
    """The result of a set-up is newer than the locks, so that make finds nothing to do."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("requirements", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    make = ["make", "--dry-run", "--no-print-directory", word]
    first = subprocess.run(make, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    for stamp in (".venv/.installed", ".tools/bin/helm", ".tools/bin/helm4"):
        (tmp_path / stamp).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / stamp).touch()
    second = subprocess.run(make, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert "pip" in first
    assert "pip" not in second
    assert "fetch_helm" not in second
