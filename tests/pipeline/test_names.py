"""GitHub ignores the case of owners and repositories, so each writing of a name is the same repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.core.words import DeliveryState, Repository, RunId, RunState, Sha
from service.store import edits
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

MOST_MERGES = 8
TOGETHER = CONFIGURATION.replace("dev: {branch: develop}", "dev: {branch: main}").replace(
    "    branch: main\n    publish", "    branch: x\n    publish"
)


@pytest.fixture
def written(pipeline: Pipeline, tmp_path: Path) -> Iterator[Callable[[str], Pipeline]]:
    """Give a function that opens a pipeline whose settings spell the configuration repository so."""
    opened: list[Pipeline] = []

    def open_it(name: str) -> Pipeline:
        one = Pipeline(pipeline.stack, tmp_path / "written", MERGEPORT_CONFIGURATION_REPOSITORY=name)
        opened.append(one)
        return one

    yield open_it
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("in_settings", "in_file"),
    [("Acme/Manifests", "acme/manifests"), ("acme/manifests", "ACME/Manifests"), ("ACME/MANIFESTS", "Acme/manifests")],
)
def test_our_commit_starts_nothing_however_the_repository_is_written(
    written: Callable[[str], Pipeline], in_settings: str, in_file: str
) -> None:
    pipeline = written(in_settings)
    pipeline.stack.git.open(MANIFESTS).commit_files(
        "main", {"Dockerfile": "FROM scratch\nCOPY app.py /\n", "app.py": "1\n"}, "Bring the code here"
    )
    text = TOGETHER.replace(f"source: {SOURCE}", f"source: {in_file}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Feed dev by main")
    for _ in range(3):
        pipeline.settle_live("checkout-dev")
    assert [(run.state, run.environment) for run in pipeline.runs()] == [(RunState.SUCCEEDED, "dev")]
    assert pipeline.delivery("push").reason == "a commit of Mergeport's own"


def test_pushed_configuration_is_read_again_however_the_repository_is_written(
    written: Callable[[str], Pipeline],
) -> None:
    pipeline = written("Acme/MANIFESTS")
    pipeline.context.configurations.reload()  # a worker does so at its start
    text = CONFIGURATION.replace("branch: develop", "branch: next")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Feed dev by next")
    pipeline.settle()
    assert "is in force" in pipeline.delivery("push").reason
    target = pipeline.context.configurations.current().target("checkout", "dev")
    assert target is not None
    assert target.branch == "next"


@pytest.mark.parametrize("source", ["Acme/Checkout", "acme/CHECKOUT"])
def test_merge_is_taken_however_its_source_is_written(pipeline: Pipeline, source: str) -> None:
    text = CONFIGURATION.replace(f"source: {SOURCE}", f"source: {source}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Write the source otherwise")
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "2\n"})
    pipeline.settle_live("checkout-dev")
    assert [run.state for run in pipeline.runs()] == [RunState.SUCCEEDED]


def test_rows_of_a_repository_are_found_by_every_writing(pipeline: Pipeline) -> None:
    commit = Sha(pipeline.stack.git.open(SOURCE).tip("develop"))
    with pipeline.store.begin() as tx:
        edits.own(tx, Repository("Acme/Manifests"), commit, RunId("one"))
        edits.own(tx, Repository("acme/manifests"), commit, RunId("two"))
        assert edits.is_own(tx, Repository("ACME/MANIFESTS"), commit)
        assert not edits.is_own(tx, Repository("acme/manifest"), commit)
        found = edits.commits_of(tx, Repository("acme/Manifests"), [RunId("one"), RunId("two")])
        assert found == {RunId("one"): {commit}, RunId("two"): frozenset()}


@pytest.mark.prove
@pytest.mark.parametrize("minutes", [0, 6])
def test_pushes_that_answer_each_of_our_commits_are_stopped(pipeline: Pipeline, minutes: int) -> None:
    """Somebody's robot formats the values file after each commit of ours, which would go on for ever."""
    pipeline.stack.git.open(MANIFESTS).commit_files(
        "main", {"Dockerfile": "FROM scratch\nCOPY app.py /\n", "app.py": "1\n"}, "Bring the code here"
    )
    text = TOGETHER.replace(f"source: {SOURCE}", f"source: {MANIFESTS}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Feed dev by main")
    repository = pipeline.stack.git.open(MANIFESTS)
    path = "apps/checkout/values-dev.yaml"
    for number in range(MOST_MERGES):
        pipeline.settle_live("checkout-dev")
        pipeline.clock.move(minutes=minutes)
        robot = repository.text("main", path) + f"# formatted {number}\n"
        pipeline.stack.github.push(MANIFESTS, "main", {path: robot}, f"Format {number}", author="robot")
    pipeline.settle_live("checkout-dev")
    last = pipeline.delivery("push")
    assert len(pipeline.runs()) <= MOST_MERGES - 2
    assert (last.state, "cause each other" in last.reason) == (DeliveryState.FAILED, True)
