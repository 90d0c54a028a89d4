"""What each template writes, whole; and that hadolint has nothing to say about it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.core.dockerfiles.render_python import VERSIONS
from tests.core.dockerfiles.cases import Case, all_cases
from tests.fixtures.tools import ROOT

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


def test_the_tools_that_read_a_lock_are_those_of_this_repository() -> None:
    """What is pinned is what we lock for ourselves, so it exists and is not forgotten."""
    locked = dict(re.findall(r"^([a-z-]+)==([\d.]+)", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE))
    ours = {name: version for name, version in VERSIONS.items() if name in locked}
    assert ours == {"gunicorn": locked["gunicorn"], "uv": locked["uv"]}


def test_uv_writes_a_lock_as_requirements_by_the_command_that_is_rendered(tmp_path: Path) -> None:
    (case,) = [case for case in CASES if case.path.stem == "fastapi-uv-mirror"]
    (command,) = re.findall(r"/opt/tools/bin/(uv export .*) --output-file", case.expected)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["iniconfig"]\n'
    )
    digest = "9" * 64
    (tmp_path / "uv.lock").write_text(
        'version = 1\nrequires-python = ">=3.11"\n\n[[package]]\nname = "iniconfig"\nversion = "2.3.1"\n'
        'source = { registry = "https://packages.example.com/simple" }\n'
        f'wheels = [{{ url = "https://packages.example.com/x-2.3.1-py3-none-any.whl", hash = "sha256:{digest}" }}]\n\n'
        '[[package]]\nname = "x"\nversion = "1"\nsource = { virtual = "." }\ndependencies = [{ name = "iniconfig" }]\n'
        '\n[package.metadata]\nrequires-dist = [{ name = "iniconfig" }]\n'
    )
    argv = [str(Path(sys.executable).parent / "uv"), *command.split()[1:], "--offline"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert f"iniconfig==2.3.1 \\\n    --hash=sha256:{digest}" in done.stdout
    assert "packages.example.com" not in done.stdout
