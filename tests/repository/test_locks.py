"""Locks: hashes on every package, no address of an index, and one version of each package everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fixtures.tools import ROOT

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
NAMES = [path.name for path in LOCKS]


def pins(path: Path) -> dict[str, str]:
    """Return each package's version, with its marker if it has one."""
    found = re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;]+)", path.read_text(), flags=re.MULTILINE)
    return dict(found)


def test_the_locks_are_all_here() -> None:
    assert NAMES == [
        "build.txt",
        "dev.txt",
        "fuzz.txt",
        "helm.txt",
        "helm4.txt",
        "main.txt",
        "ministack.txt",
        "mlflow.txt",
    ]


@pytest.mark.parametrize("path", LOCKS, ids=NAMES)
def test_every_package_has_hashes(path: Path) -> None:
    entries = re.split(r"^(?=[a-z0-9])", path.read_text(), flags=re.MULTILINE)[1:]
    assert entries
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("path", LOCKS, ids=NAMES)
def test_no_lock_names_an_address(path: Path) -> None:
    assert "://" not in path.read_text()


@pytest.mark.parametrize("name", ["main.txt", "build.txt"])
def test_what_ships_is_what_was_tested(name: str) -> None:
    assert pins(ROOT / "requirements" / name).items() <= pins(ROOT / "requirements" / "dev.txt").items()


def test_the_emulator_is_apart_from_the_service() -> None:
    assert "ministack" in pins(ROOT / "requirements" / "ministack.txt")
    assert "ministack" not in pins(ROOT / "requirements" / "dev.txt")
