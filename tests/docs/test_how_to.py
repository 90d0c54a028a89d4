"""The how-to guides: examples are the files themselves, configurations load, pipelines push what Mergeport awaits."""

from __future__ import annotations

import json
import os
import re
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from scripts.fill_pages import files, filled
from scripts.render_examples import releases
from service.adapters.kinds import kinds
from service.core.config import load
from tests.docs.pages import Page, all_pages, page
from tests.docs.test_foreign_commands import unknown_options
from tests.fixtures.tools import ROOT

SERVING = ROOT / "examples" / "serving"
COMMIT = "4f2c1e9ab0127b83697ec32076f4ea74cb801afb"
GUIDES = [one for one in all_pages() if one.name.startswith("docs/how-to/")]


@pytest.mark.parametrize("folder", sorted(SERVING.iterdir()), ids=lambda folder: folder.name)
def test_every_serving_pattern_has_a_page_that_shows_its_values(folder: Path) -> None:
    found = page(f"docs/how-to/serving/{folder.name}.md")
    assert sorted(files(found.text)) == [path.relative_to(ROOT).as_posix() for path in releases(folder)]
    assert re.findall(r"^## (.+)$", found.prose, re.MULTILINE) == ["Values", "What Mergeport edits", "What to watch"]


@pytest.mark.parametrize("one", all_pages(), ids=lambda one: one.name)
def test_what_a_page_shows_of_a_file_is_what_the_file_has(one: Page) -> None:
    assert filled(one.text) == one.text, "run  python scripts/fill_pages.py"


def test_old_block_is_filled_anew_and_others_stay() -> None:
    text = "<!-- LICENSE -->\n\n```text\nold\n```\n\n```text\nmine\n```\n"
    assert "Apache License" in filled(text)
    assert filled(text).endswith("\n```\n\n```text\nmine\n```\n")


@pytest.mark.parametrize("one", GUIDES, ids=lambda one: one.path.stem)
def test_configurations_of_the_guides_load(one: Page) -> None:
    for text in one.blocks("yaml"):
        if "applications:" in text:
            assert load(text, kinds=kinds()).applications


# --- pipelines --------------------------------------------------------------------------------------


def shell_of(name: str) -> tuple[dict[str, str], str]:
    """Give the variables that a pipeline sets, and the lines that its build runs."""
    found = page(f"docs/how-to/pipelines/{name}.md")
    if name == "jenkins":
        (text,) = found.blocks("groovy")
        set_ = dict(re.findall(r"^    (\w+) = '(.*)'$", text, re.MULTILINE))
        return {**set_, "GIT_COMMIT": COMMIT}, re.findall(r"'''\n(.*?)'''", text, re.DOTALL)[0]
    return _steps(name, yaml.safe_load(found.blocks("yml")[0]))


def _steps(name: str, pipeline: dict[str, Any]) -> tuple[dict[str, str], str]:
    match name:
        case "gitlab-ci":
            job = pipeline["build-image"]
            return {**job["variables"], "CI_COMMIT_SHA": COMMIT, "AWS_TOKEN": "token"}, "\n".join(job["script"])
        case "cloud-build":
            return {**pipeline["substitutions"], "COMMIT_SHA": COMMIT}, pipeline["steps"][0]["script"]
        case _:
            set_ = dict(one.split("=", 1) for one in pipeline["env"]["global"])
            return {**set_, "TRAVIS_COMMIT": COMMIT}, "\n".join(pipeline["script"])


def called(folder: Path, name: str, *, there: bool) -> list[str]:
    """Run a pipeline's lines with programs that only write down how they are called; give the calls."""
    variables, lines = shell_of(name)
    log = folder / "log"
    missing = 0 if there else 1
    for program in ("docker", "aws"):
        file = folder / program
        file.write_text(
            f'#!/bin/sh\necho "{program} $*" >> {log}\n'
            f'case "$1 $2" in "manifest inspect") exit {missing};; "login "*) cat > /dev/null;; esac\n'
        )
        file.chmod(0o755)
    if "AWS_WEB_IDENTITY_TOKEN_FILE" in variables:
        variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(folder / "token")
    path = f"{folder}:{os.environ['PATH']}"
    told = subprocess.run(
        ["sh", "-c", lines], check=False, capture_output=True, text=True, env={**variables, "PATH": path}
    )
    assert told.returncode == 0, told.stderr
    return log.read_text().splitlines()


PIPELINES = sorted(path.stem for path in (ROOT / "docs/how-to/pipelines").glob("*.md"))


@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline_pushes_exactly_the_image_that_its_configuration_awaits(name: str, tmp_path: Path) -> None:
    (text,) = page(f"docs/how-to/pipelines/{name}.md").blocks("yaml")
    application = yaml.safe_load(text)["applications"]["checkout"]
    image = f"{yaml.safe_load(text)['defaults']['registry']}/{application.get('image', 'checkout')}:{COMMIT[:12]}"
    calls = called(tmp_path, name, there=False)
    assert calls[-1] == f"docker push {image}"
    label = f"--label org.opencontainers.image.revision={COMMIT}"
    assert calls[-2] == f"docker build {label} --tag {image} ."
    assert [fault for call in calls if "manifest inspect" not in call for fault in unknown_options(call)] == []
    assert {one.branch for one in load(text, kinds=kinds()).targets()} == {"develop", "staging", "main"}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline_builds_nothing_that_is_there(name: str, tmp_path: Path) -> None:
    assert [call for call in called(tmp_path, name, there=True) if re.match("docker (build|push)", call)] == []


@pytest.mark.parametrize(
    ("name", "schema"), [("gitlab-ci", "gitlab-ci"), ("travis", "travis"), ("cloud-build", "cloudbuild")]
)
def test_pipeline_fits_the_schema_of_its_kind(name: str, schema: str) -> None:
    """By the schemas that check-jsonschema brings, read directly, which is faster by a second each."""
    brought = resources.files("check_jsonschema") / f"builtin_schemas/vendor/{schema}.json"
    pipeline = yaml.safe_load(page(f"docs/how-to/pipelines/{name}.md").blocks("yml")[0])
    validator = jsonschema_rs.validator_for(json.loads(brought.read_text()))
    assert [str(fault) for fault in validator.iter_errors(pipeline)] == []
