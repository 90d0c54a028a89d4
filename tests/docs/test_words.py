"""The words, tables, layers and settings that the documentation names are those of the code."""

from __future__ import annotations

import ast
import configparser
import re

import pytest

from service.adapters.codebuild_repeats import CORRELATION
from service.bootstrap_values import names as names_of_values_commit
from service.core.train import Reason
from service.core.words import BuildState, DeliveryState, EditState, RunState, Stage, WaitKind, WaitOutcome
from service.settings import names
from service.store.tables import metadata
from tests.docs.pages import Page, all_pages, page
from tests.fixtures.tools import ROOT

NOT_SETTINGS = {
    "MERGEPORT_REQUIRE_ALL",  # of the tests
    "MERGEPORT_IMAGE",  # a variable of the manifest repository's workflow
}


@pytest.mark.parametrize("states", [RunState, DeliveryState, BuildState, EditState, Stage, WaitKind, WaitOutcome])
def test_every_state_is_explained(
    states: type[RunState | DeliveryState | BuildState | EditState | Stage | WaitKind | WaitOutcome],
) -> None:
    assert {state.value for state in states} - set(page("docs/words.md").inline) == set()


def test_every_reason_why_something_stays_is_explained_in_its_order_and_no_other() -> None:
    section = page("docs/promotion.md").text.partition("| reason |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE) == [reason.value for reason in Reason]


def test_every_table_is_explained_and_no_other() -> None:
    section = page("docs/architecture.md").text.partition("\n## Tables\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(metadata.tables)


def test_every_import_contract_is_told_by_its_name() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    told = page("docs/architecture.md").text
    wanted = {section["name"] for name, section in contracts.items() if name.startswith("importlinter:contract:")}
    assert {name for name in wanted if name not in told} == set()


def variables_of_builds(one: Page) -> set[str]:
    """Give the variables of a build elsewhere, which the page beside its buildspec explains."""
    if one.name != "docs/codebuild/README.md":
        return set()
    return set(re.findall(r"MERGEPORT_[A-Z_]+[A-Z]", (ROOT / "docs/codebuild/buildspec.yml").read_text())) | {
        CORRELATION,
        "MERGEPORT_ARG_NAME",
    }


@pytest.mark.parametrize("one", all_pages(), ids=lambda one: one.name)
def test_every_setting_that_is_named_exists(one: Page) -> None:
    named = set(re.findall(r"\bMERGEPORT_[A-Z_]+[A-Z]\b", one.text))
    known = names() | names_of_values_commit() | NOT_SETTINGS | variables_of_builds(one)
    assert named - known == set()


def test_every_setting_is_used() -> None:
    """A setting that is read but has no effect would be a broken promise."""
    fields = {
        node.target.id
        for node in ast.walk(ast.parse((ROOT / "service/settings.py").read_text()))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    used = {
        node.attr
        for path in (ROOT / "service").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    assert fields - used == set()
