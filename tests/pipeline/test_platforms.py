"""An image is taken when it has every platform that is wanted, all of the run's commit, and not before."""

from __future__ import annotations

import pytest

from service.core.images import REVISION_LABEL
from service.core.words import RunState, WaitKind
from service.store import builds
from tests.contract.registries import HandMade, make_image
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE
from tests.pipeline.harness import Pipeline

BOTH = "build: {kind: external}\n  platforms: [linux/amd64, linux/arm64/v8]"
OTHER = "f" * 40


def configure(pipeline: Pipeline, build: str) -> str:
    text = CONFIGURATION.replace("build: {kind: docker}", build)
    assert text != CONFIGURATION
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Want both")
    pipeline.settle(looks=0)
    commit = pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"}).merge_commit_sha
    assert commit is not None
    return commit


def image(commit: str | None, architecture: str = "amd64") -> HandMade:
    return make_image({REVISION_LABEL: commit} if commit else None, architecture=architecture)


def both(commit: str, other: str | None = None) -> dict[str, HandMade]:
    return {"linux/amd64": image(commit), "linux/arm64": image(other or commit, "arm64")}


@pytest.fixture
def commit(pipeline: Pipeline) -> str:
    return configure(pipeline, BOTH)


def test_image_with_every_platform_is_taken_and_all_digests_are_kept(pipeline: Pipeline, commit: str) -> None:
    parts = both(commit)
    digest = pipeline.push_index(commit[:12], parts)
    pipeline.settle_live("checkout-dev")
    taken = pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]
    assert (taken["digest"], taken["platforms"]) == (digest, ["linux/amd64", "linux/arm64"])
    assert {one["platform"]: one["digest"] for one in taken["parts"]} == {
        name: part.digest for name, part in parts.items()
    }


def test_image_of_one_platform_under_the_tag_is_not_taken_and_the_index_is_awaited(
    pipeline: Pipeline, commit: str
) -> None:
    pipeline.allow_moving("checkout")
    pipeline.push_image(commit[:12], revision=commit)
    pipeline.settle()
    kind, words = pipeline.wait(pipeline.run())
    assert (kind, "linux/arm64 is missing; it has linux/amd64" in words) == (WaitKind.IMAGE, True)
    digest = pipeline.push_index(commit[:12], both(commit))
    pipeline.settle_live("checkout-dev")
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]["digest"] == digest


def test_image_that_comes_in_pieces_while_it_is_awaited_is_taken_when_it_is_whole(
    pipeline: Pipeline, commit: str
) -> None:
    pipeline.allow_moving("checkout")
    pipeline.settle()
    pipeline.push_index(commit[:12], {"linux/amd64": image(commit)})
    pipeline.settle()
    assert pipeline.run().state == RunState.WAITING
    digest = pipeline.push_index(commit[:12], both(commit))
    pipeline.settle_live("checkout-dev")
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]["digest"] == digest


def test_image_that_stays_incomplete_fails_at_the_deadline_and_names_what_is_missing(
    pipeline: Pipeline, commit: str
) -> None:
    pipeline.push_image(commit[:12], revision=commit)
    pipeline.settle()
    pipeline.clock.move(minutes=61)
    pipeline.settle(looks=2)
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert run.code == "image-platforms-missing"
    assert "linux/arm64 is missing; it has linux/amd64" in run.message


def test_incomplete_image_of_another_commit_fails_at_once(pipeline: Pipeline, commit: str) -> None:
    pipeline.push_image(commit[:12], revision=OTHER)
    pipeline.settle()
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "tag-taken"


def test_index_of_two_commits_is_not_taken(pipeline: Pipeline, commit: str) -> None:
    pipeline.push_index(commit[:12], both(commit, OTHER))
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (run.code, "for linux/arm64 that was made of commit fff" in run.message) == ("tag-taken", True)


def test_index_whose_annotation_names_our_commit_stands_for_all_platforms(pipeline: Pipeline, commit: str) -> None:
    pipeline.push_index(commit[:12], both(OTHER), {REVISION_LABEL: commit})
    pipeline.settle_live("checkout-dev")
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]["revision"] == commit


def test_platform_without_a_label_beside_ours_is_taken(pipeline: Pipeline, commit: str) -> None:
    pipeline.push_index(commit[:12], {"linux/amd64": image(None), "linux/arm64": image(commit, "arm64")})
    pipeline.settle_live("checkout-dev")
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]["revision"] == commit


def test_build_that_makes_one_platform_of_two_fails_in_words(pipeline: Pipeline) -> None:
    configure(pipeline, "build: {kind: docker}\n  platforms: [linux/amd64, linux/arm64]")
    pipeline.settle()
    for _ in range(8):
        pipeline.clock.move(seconds=20)
        pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (run.code, "linux/arm64 is missing" in run.message) == ("image-platforms-missing", True)
    assert len(pipeline.stack.ecr.faults.requests("PUT", "/manifests/")) == 1


def test_same_tree_with_another_platform_wanted_is_built_anew(pipeline: Pipeline) -> None:
    """The image of the same tree lacks what is wanted since: its tag is never given to the next commit."""
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle_live("checkout-dev")
    made = pipeline.ended(pipeline.run("dev"), RunState.SUCCEEDED)
    wanted = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: docker}\n  platforms: [linux/arm64]")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": wanted}, "Another platform")
    pipeline.settle(looks=0)
    pipeline.stack.github.merge(SOURCE, "staging", {"app.py": "print('two')\n"})
    pipeline.settle()
    again = pipeline.run("stage")
    found = pipeline.registry().find("checkout", again.commit[:12])
    assert "reuse image" not in pipeline.steps(again)
    assert found is None or found.digest != made.images[""]["digest"]


def test_what_was_not_as_configured_is_in_the_builds_log(pipeline: Pipeline) -> None:
    text = CONFIGURATION.replace(
        f"registry: {REGISTRY}", f"registry: {{kind: ecr, host: {REGISTRY}, create: {{immutable_tags: true}}}}"
    )
    assert text != CONFIGURATION
    pipeline.allow_moving("checkout")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Tags stay")
    pipeline.settle(looks=0)
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    with pipeline.store.read() as tx:
        (build,) = builds.of_run(tx, run.id)
        log = "".join(piece for _, _, piece in builds.log_of(tx, build.id))
    assert "repository checkout was brought to its configuration: tags stay where they are" in log
