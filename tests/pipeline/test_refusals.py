"""A merge that starts nothing says why on its commit, and what was switched off goes on once it is back."""

from __future__ import annotations

import pytest

from service.core.words import DeliveryState, RunState
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

EXTERNAL = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: external}")
FILTERED = EXTERNAL.replace(f"source: {SOURCE}\n", f'source: {SOURCE}\n    paths: ["src/**"]\n')
OFF = EXTERNAL.replace(f"source: {SOURCE}\n", f"source: {SOURCE}\n    environments: {{dev: false}}\n")


def configure(pipeline: Pipeline, text: str) -> None:
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Configure")
    pipeline.settle(looks=0)


def merge(pipeline: Pipeline, path: str = "app.py") -> str:
    pull = pipeline.stack.github.merge(SOURCE, "develop", {path: "two\n"})
    pipeline.settle(looks=0)
    return pull.merge_commit_sha or ""


def statuses(pipeline: Pipeline, commit: str) -> list[tuple[str, str, str | None]]:
    found = pipeline.stack.github.statuses(SOURCE, commit, "mergeport/dev")
    return [(one.context, one.state, one.description) for one in found]


def test_merge_that_matches_no_path_shows_that_on_its_commit(pipeline: Pipeline) -> None:
    configure(pipeline, FILTERED)
    commit = merge(pipeline)
    words = "nothing to deploy: checkout: none of 1 changed path (app.py) matches src/**"
    assert statuses(pipeline, commit) == [("mergeport/dev", "success", words)]


def test_merge_that_finds_its_environment_switched_off_says_so(pipeline: Pipeline) -> None:
    configure(pipeline, OFF)
    commit = merge(pipeline)
    assert statuses(pipeline, commit) == [
        ("mergeport/dev", "success", "nothing to deploy: checkout is switched off here")
    ]
    found = pipeline.delivery("push")
    assert (found.state, found.reason) == (DeliveryState.IGNORED, "checkout is switched off in dev (`false`).")


def test_newest_merge_is_deployed_once_its_environment_is_back(pipeline: Pipeline) -> None:
    configure(pipeline, OFF)
    merge(pipeline, "one")
    commit = merge(pipeline, "two")
    configure(pipeline, EXTERNAL)
    assert [(run.commit, run.environment, run.state) for run in pipeline.runs()] == [(commit, "dev", RunState.QUEUED)]
    assert pipeline.run().configuration_commit == pipeline.stack.git.open(MANIFESTS).tip("main")


def test_merge_that_has_had_its_run_gets_none_when_the_environment_is_back(pipeline: Pipeline) -> None:
    configure(pipeline, EXTERNAL)
    commit = merge(pipeline)
    configure(pipeline, OFF)
    configure(pipeline, EXTERNAL)
    assert [(run.commit, run.generation) for run in pipeline.runs()] == [(commit, 0)]


@pytest.mark.parametrize("back", [FILTERED, EXTERNAL.replace("branch: develop", "branch: next")])
def test_merge_that_does_not_reach_what_is_back_starts_nothing(pipeline: Pipeline, back: str) -> None:
    configure(pipeline, FILTERED.replace('"src/**"]\n', '"src/**"]\n    environments: {dev: false}\n'))
    merge(pipeline)
    configure(pipeline, back)
    assert pipeline.runs() == []


def test_runs_words_stay_where_another_application_shares_the_status(pipeline: Pipeline) -> None:
    second = EXTERNAL.split("applications:\n", 1)[1].replace("checkout:", "other:", 1)
    other = second.replace(f"source: {SOURCE}\n", f'source: {SOURCE}\n    paths: ["src/**"]\n')
    configure(pipeline, EXTERNAL + other.replace("apps/checkout", "apps/other"))
    commit = merge(pipeline)
    assert [state for _, state, _ in statuses(pipeline, commit)] == ["pending"]
