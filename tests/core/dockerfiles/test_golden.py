"""What each template writes, whole; and that hadolint has nothing to say about it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.dockerfiles.cases import Case, all_cases

CASES = all_cases()
NAMES = [case.path.stem for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_project_gets_its_dockerfile(case: Case) -> None:
    assert case.rendered() == case.expected


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    files = []
    for case in CASES:
        files.append(tmp_path / case.path.stem)
        files[-1].write_text(case.expected)
    argv = [str(Path(sys.executable).parent / "hadolint"), "--failure-threshold=style", *map(str, files)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_image_is_not_root_and_says_how_its_health_is_asked_for(case: Case) -> None:
    last = case.expected.rpartition("\nFROM ")[2]
    assert "\nUSER 10001:10001\n" in last
    assert "\nHEALTHCHECK " in last


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_last_stage_knows_neither_mirror_nor_credentials(case: Case) -> None:
    last = case.expected.rpartition("\nFROM ")[2]
    assert [word for word in ("packages.example.com", "netrc", "PIP_INDEX_URL", "CRAN") if word in last] == []
