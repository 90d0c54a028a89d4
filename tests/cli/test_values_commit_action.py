"""The composite action `values-commit`: its own script, run as a runner runs it, against the GitHub double."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.git_http import GitServer
from devstack.github.server import GitHub
from tests.cli.committing import TOKEN, VALUES, A, B
from tests.fixtures.github_openapi import GitHubDescription
from tests.fixtures.tools import ROOT

FILE = ROOT / ".github" / "actions" / "values-commit" / "action.yml"
ACTION: dict[str, Any] = yaml.safe_load(FILE.read_text())
STEP: dict[str, Any] = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "commit")
NAME = "acme/manifests"


@pytest.fixture
def github(tmp_path: Path, github_description: GitHubDescription) -> Iterator[GitHub]:
    git = GitServer(tmp_path / "git")
    double = GitHub(git, validator=github_description)
    double.add_token(TOKEN)
    double.create_repository(NAME, {A: VALUES, B: VALUES})
    yield double
    double.stop()
    git.stop()
    assert double.violations == []


class Ran:
    """How the step ended: its exit status, what it printed, and its outputs."""

    def __init__(self, done: subprocess.CompletedProcess[str], outputs: Path) -> None:
        self.status = done.returncode
        self.out, self.err = done.stdout, done.stderr
        lines = outputs.read_text().splitlines() if outputs.exists() else []
        self.outputs = dict(line.split("=", 1) for line in lines)


def run(github: GitHub, directory: Path, **given: str) -> Ran:
    """Run the step with inputs, as a runner does: expressions become variables, bash stops at the first failure."""
    place = directory / "runner" / "mergeport-values-commit" / "bin"
    place.mkdir(parents=True, exist_ok=True)
    for name in ("mergeport", "python"):
        (place / name).unlink(missing_ok=True)
    (place / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (place / "mergeport").write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m service.cli.main "$@"\n')
    for name in ("mergeport", "python"):
        (place / name).chmod(0o755)
    inputs = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()}
    inputs |= {"repository": NAME, "server": github.url, "branch": "main", "file": A, "token": TOKEN}
    inputs |= {name.replace("_", "-"): value for name, value in given.items()}
    environment = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], str(value))
        for name, value in STEP["env"].items()
    }
    outputs = directory / "outputs"
    outputs.write_text("")
    own = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(directory / "runner"), "GITHUB_OUTPUT": str(outputs)}
    script = directory / "step.sh"
    script.write_text(STEP["run"])
    argv = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
    done = subprocess.run(
        argv, env=own | environment, capture_output=True, text=True, check=False, timeout=60, cwd=directory
    )
    return Ran(done, outputs)


def test_it_sets_values_in_one_commit_and_tells_which(github: GitHub, tmp_path: Path) -> None:
    ran = run(github, tmp_path, set="image.tag=v2\n  replicas:=3\n\n", message="Ship it")
    assert ran.status == 0, ran.err
    bare = github.repository(NAME).bare
    assert bare.text("main", A) == VALUES.replace("v1", "v2").replace("replicas: 2", "replicas: 3")
    assert ran.outputs == {
        "changed": "true",
        "commit": bare.tip("main"),
        "pull-request-number": "",
        "pull-request-url": "",
    }
    said = bare.git("log", "-1", "--format=%an|%cn|%B", "main").rstrip()
    assert said == "github-actions[bot]|github-actions[bot]|Ship it"


def test_a_line_without_an_equals_sign_names_the_next_file(github: GitHub, tmp_path: Path) -> None:
    assert run(github, tmp_path, set=f"image.tag=v2\n{B}\nimage.tag=v3").status == 0
    bare = github.repository(NAME).bare
    assert ("tag: v2" in bare.text("main", A), "tag: v3" in bare.text("main", B)) == (True, True)


def test_what_is_there_already_is_no_change(github: GitHub, tmp_path: Path) -> None:
    ran = run(github, tmp_path, set="image.tag=v1")
    assert (ran.status, ran.outputs["changed"], ran.outputs["commit"]) == (0, "false", "")


def test_it_opens_a_pull_request(github: GitHub, tmp_path: Path) -> None:
    ran = run(github, tmp_path, set="image.tag=v2", pull_request="true", head="bump/a")
    assert ran.status == 0, ran.err
    (pull,) = github.pulls(NAME)
    assert pull.head == "bump/a"
    assert ran.outputs["pull-request-number"] == str(pull.number)
    assert ran.outputs["pull-request-url"].endswith(f"/pull/{pull.number}")


def test_a_refused_edit_fails_the_step_with_its_reason(github: GitHub, tmp_path: Path) -> None:
    ran = run(github, tmp_path, set="image.tga=v2")
    assert (ran.status, ran.outputs) == (1, {})
    assert "image.tag" in ran.err


@pytest.mark.parametrize(
    "given",
    [
        {"set": "image.tag=$(touch pwned)`touch pwned`; touch pwned"},
        {"set": "image.tag=v2", "message": "--pull-request $(touch pwned)"},
        {"set": "--repo=https://example.invalid/a/b\nimage.tag=v2"},
    ],
)
def test_inputs_are_data_and_never_code_or_options(github: GitHub, tmp_path: Path, given: dict[str, str]) -> None:
    run(github, tmp_path, **given)
    assert not list(tmp_path.rglob("pwned"))
    assert not (ROOT / "pwned").exists()
    assert github.pulls(NAME) == []


def test_the_token_is_not_printed(github: GitHub, tmp_path: Path) -> None:
    ran = run(github, tmp_path, set="image.tag=v2", branch="none")
    assert ran.status == 1
    assert TOKEN not in ran.out + ran.err


def test_inputs_reach_scripts_by_the_environment_alone() -> None:
    scripts = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    assert len(scripts) == 2
    assert not any("${{" in script for script in scripts)


def test_other_actions_are_pinned_by_commit() -> None:
    uses = [line.strip() for line in FILE.read_text().splitlines() if "uses:" in line]
    assert uses
    assert all(re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in uses)


@pytest.mark.parametrize(
    "argv",
    [
        ["zizmor", "--offline", "--quiet", "--persona=pedantic"],
        ["check-jsonschema", "--builtin-schema", "vendor.github-actions"],
    ],
    ids=["zizmor", "schema"],
)
def test_linters_find_nothing(argv: list[str]) -> None:
    command = str(Path(sys.executable).parent / argv[0])
    done = subprocess.run([command, *argv[1:], str(FILE)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
