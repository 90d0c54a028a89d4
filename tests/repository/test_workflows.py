"""Workflows: actions pinned by commit, no permission that is not asked for, and the README's own commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fixtures.tools import ROOT

WORKFLOWS = sorted([*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob("manifests-template/.github/workflows/*.yml")])
MORE = {
    ".github/workflows/build-image.yml": {"image": {"contents": "read", "id-token": "write"}},
    "manifests-template/.github/workflows/manifests.yml": {"comment": {"pull-requests": "write"}},
}
"""The jobs that may more than read: one takes a role of AWS, one writes a comment and checks nothing out."""
NAMES = [str(path.relative_to(ROOT)) for path in WORKFLOWS]


def load(path: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(path.read_text())
    return loaded


def test_all_workflows_are_looked_at() -> None:
    ours = [".github/workflows/build-image.yml", ".github/workflows/ci.yml"]
    assert [*ours, "manifests-template/.github/workflows/manifests.yml"] == NAMES


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_every_action_is_pinned_by_commit_with_its_version_in_a_comment(path: Path) -> None:
    uses = [line.strip() for line in path.read_text().splitlines() if "uses:" in line]
    loose = [line for line in uses if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)]
    assert uses
    assert loose == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_no_permission_is_given_to_all_jobs_and_each_only_reads(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    more = MORE.get(str(path.relative_to(ROOT)), {})
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        name: more.get(name, {"contents": "read"}) for name in workflow["jobs"]
    }


@pytest.mark.parametrize("path", WORKFLOWS, ids=NAMES)
def test_every_job_ends_by_itself(path: Path) -> None:
    assert all(job["timeout-minutes"] <= 60 for job in load(path)["jobs"].values())


def test_ci_runs_words_of_the_makefile() -> None:
    jobs = load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"].values()
    commands = {step["run"] for job in jobs for step in job["steps"] if "run" in step}
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert commands == {"make checks", "make demo", "make docs", "make prove", "make test"}
    assert {command.removeprefix("make ") for command in commands} <= set(targets)
