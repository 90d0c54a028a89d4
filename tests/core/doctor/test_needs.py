"""Which permissions and events a configuration needs, and that docs/install.md names the same permissions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.adapters.kinds import kinds
from service.core.config import load
from service.core.doctor.finding import Finding, Verdict, good, worst
from service.core.doctor.needs import Needs, allows, lacking, needs_of
from service.core.words import Repository

HOME = Repository("acme/manifests")
SOURCE = Repository("acme/checkout")
BASE = """\
defaults:
  registry: 123456789012.dkr.ecr.us-east-1.amazonaws.com
  source: acme/checkout
  build: {kind: docker}
  values: [{file: "values-{environment}.yaml", set: {image.tag: "{tag}"}}]
environments:
  dev: {branch: develop}
  prod: {branch: main}
applications:
  checkout: {}
"""


def needs(*changes: tuple[str, str]) -> dict[Repository, Needs]:
    text = BASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return needs_of(load(text, kinds=kinds()), HOME)


def test_commits_need_contents_and_statuses_alone() -> None:
    found = needs()
    assert found[HOME].permissions == {"metadata": "read", "contents": "write", "statuses": "write"}
    assert found[SOURCE].permissions == {
        "metadata": "read", "contents": "read", "statuses": "write", "pull_requests": "read",
    }  # fmt: skip
    assert found[SOURCE].events == {"push"}


@pytest.mark.parametrize(
    ("old", "new", "where", "permission"),
    [
        ("{kind: docker}", "{kind: github-actions, workflow: image.yml}", SOURCE, ("actions", "write")),
        ("{kind: docker}", "{kind: external, workflow: image.yml}", SOURCE, ("actions", "read")),
        ("{branch: main}", '{branch: main, gates: {checks: {contexts: ["ci/*"]}}}', SOURCE, ("checks", "read")),
        ("{branch: main}", "{branch: main, publish: pull-request}", HOME, ("pull_requests", "write")),
        ("{branch: main}", "{branch: main, manifest: {protected: pull-request}}", HOME, ("pull_requests", "write")),
        ("{branch: main}", '{branch: main, gates: {approval: {from: "team:rm"}}}', HOME, ("members", "read")),
        ("applications:", 'roles: {operator: ["@acme/crew"]}\napplications:', HOME, ("members", "read")),
    ],
)
def test_what_is_configured_is_needed(old: str, new: str, where: Repository, permission: tuple[str, str]) -> None:
    assert permission[0] not in needs()[where].permissions
    assert permission in needs((old, new))[where].permissions.items()


def test_environment_that_another_feeds_needs_no_push_of_its_own() -> None:
    fed = ("{branch: develop}\n  prod: {branch: main}", "{branch: develop}\n  prod: {from: dev}")
    assert needs(fed)[SOURCE].events == {"push"}


def test_page_on_installing_names_every_permission_that_can_be_needed() -> None:
    page = (Path(__file__).parents[3] / "docs" / "install.md").read_text()
    table = page.split("## A GitHub App", 1)[1].split("\n## ", 1)[0]
    told = re.findall(r"^\| [^|]+\| ([A-Za-z ]+): (read|write)", table, re.MULTILINE)
    names = {"commit statuses": "statuses", "pull requests": "pull_requests"}
    assert {(names.get(name.lower(), name.lower()), level) for name, level in told} == {
        ("metadata", "read"), ("contents", "read"), ("contents", "write"), ("statuses", "write"), ("actions", "write"),
        ("checks", "read"), ("pull_requests", "read"), ("pull_requests", "write"), ("members", "read"),
    }  # fmt: skip


def test_a_level_includes_those_below_it_and_an_unknown_one_none() -> None:
    assert [allows(has, "write") for has in ("", "read", "write", "admin", "maintain")] == [
        False, False, True, True, False,
    ]  # fmt: skip
    assert list(lacking({"contents": "write", "checks": "read"}, {"contents": "read", "checks": "write"})) == [
        "contents: write"
    ]


def test_one_fault_is_worse_than_any_number_of_warnings() -> None:
    found = [good("a", "b", "c"), Finding("a", "b", Verdict.WARNING, "c"), Finding("a", "b", Verdict.UNKNOWN, "c")]
    assert worst([]) is Verdict.GOOD
    assert worst(found) is Verdict.UNKNOWN
    assert worst([*found, Finding("a", "b", Verdict.FAULT, "c")]) is Verdict.FAULT
