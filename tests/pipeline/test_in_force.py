"""A run writes by the configuration in force, even if it has waited since an older one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from service.core.words import RunState
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE, VALUES
from tests.pipeline.harness import Pipeline

VALUES_DEV = "apps/checkout/values-dev.yaml"


def external() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(CONFIGURATION)
    parsed["defaults"]["build"] = {"kind": "external"}
    return parsed


def configure(pipeline: Pipeline, configuration: dict[str, Any], **files: str) -> str:
    text = yaml.safe_dump(configuration, sort_keys=False)
    return str(pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text, **files}, "Configure"))


@pytest.fixture
def commit(pipeline: Pipeline) -> str:
    """Make a run of dev that waits for its image; give its commit."""
    configure(pipeline, external())
    pipeline.settle(looks=0)
    merged = pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"}).merge_commit_sha
    assert merged is not None
    pipeline.settle()
    return merged


def image_comes(pipeline: Pipeline, commit: str) -> None:
    pipeline.settle(looks=0)
    pipeline.push_image(commit[:12], revision=commit)
    pipeline.settle()


def written(pipeline: Pipeline, file: str = VALUES_DEV) -> str:
    return pipeline.stack.git.open(MANIFESTS).text("main", file)


def environment_off(changed: dict[str, Any]) -> None:
    changed["applications"]["checkout"]["environments"] = {"dev": False}


def environment_gone(changed: dict[str, Any]) -> None:
    del changed["environments"]["dev"]


def application_gone(changed: dict[str, Any]) -> None:
    changed["applications"] = {"other": changed["applications"]["checkout"]}


def branch_moved(changed: dict[str, Any]) -> None:
    changed["environments"]["dev"] = {"branch": "trunk"}


@pytest.mark.parametrize("change", [environment_off, environment_gone, application_gone, branch_moved])
def test_run_that_has_nowhere_to_go_any_more_is_cancelled_and_writes_nothing(
    pipeline: Pipeline, commit: str, change: Any
) -> None:
    changed = external()
    change(changed)
    configured = configure(pipeline, changed)
    image_comes(pipeline, commit)
    run = pipeline.ended(pipeline.run(), RunState.CANCELLED)
    assert pipeline.stack.git.open(MANIFESTS).tip("main")[:12] in run.message, configured
    assert written(pipeline) == VALUES


def test_values_file_that_was_moved_meanwhile_is_written_where_it_is_now(pipeline: Pipeline, commit: str) -> None:
    changed = external()
    changed["defaults"]["values"][0]["file"] = "{environment}/{application}.yaml"
    configure(pipeline, changed, **{"dev/checkout.yaml": VALUES})
    image_comes(pipeline, commit)
    assert written(pipeline) == VALUES
    assert commit[:12] in written(pipeline, "dev/checkout.yaml")


def test_broken_configuration_changes_nothing_for_a_run_under_way(pipeline: Pipeline, commit: str) -> None:
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": "environments: 5\n"}, "Break")
    image_comes(pipeline, commit)
    assert commit[:12] in written(pipeline)


def test_run_keeps_the_image_that_it_has_where_tags_are_made_otherwise_now(pipeline: Pipeline, commit: str) -> None:
    changed = external()
    changed["defaults"]["tag"] = "{sha}"
    configure(pipeline, changed)
    image_comes(pipeline, commit)
    assert f'"{commit[:12]}"' in written(pipeline)
