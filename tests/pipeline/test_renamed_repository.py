"""A repository is renamed while `mergeport.yaml` has its old name: merges go on as before, and the page says so."""

from __future__ import annotations

from service.core.words import DeliveryState, Repository, RunState, WaitKind
from service.store import repositories
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

ONE, TWO = {"app.py": "print('two')\n"}, {"app.py": "print('three')\n"}
NEW_SOURCE, NEW_MANIFESTS = "acme/shop", "acme/deployments"


def deployed(pipeline: Pipeline) -> None:
    """Let a first merge go through, after which both repositories' ids are known."""
    pipeline.stack.github.merge(SOURCE, "develop", ONE)
    pipeline.settle_live("checkout-dev")


def test_merge_under_the_new_name_is_deployed(pipeline: Pipeline) -> None:
    deployed(pipeline)
    pipeline.stack.github.rename(SOURCE, NEW_SOURCE)
    commit = pipeline.stack.github.merge(NEW_SOURCE, "develop", TWO).merge_commit_sha or ""
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(pipeline.run("dev", commit=commit), RunState.SUCCEEDED)
    assert run.repository == SOURCE
    assert {one.state for one in pipeline.stack.github.statuses(NEW_SOURCE, commit)} >= {"success"}


def test_page_can_say_what_it_is_called_now(pipeline: Pipeline) -> None:
    deployed(pipeline)
    pipeline.stack.github.rename(SOURCE, NEW_SOURCE)
    pipeline.stack.github.merge(NEW_SOURCE, "develop", TWO)
    pipeline.settle()
    with pipeline.store.read() as tx:
        assert repositories.new_name(tx, Repository(SOURCE)) == NEW_SOURCE
        assert repositories.new_name(tx, Repository(MANIFESTS)) is None


def test_manifest_repository_is_written_under_its_old_name_and_our_own_commits_start_nothing(
    pipeline: Pipeline,
) -> None:
    deployed(pipeline)
    pipeline.stack.github.rename(MANIFESTS, NEW_MANIFESTS)
    pipeline.stack.github.merge(SOURCE, "develop", TWO)
    pipeline.settle()
    assert pipeline.run("dev").manifest_commit == pipeline.stack.git.open(NEW_MANIFESTS).tip("main")
    assert pipeline.delivery("push").state is DeliveryState.IGNORED
    assert len(pipeline.runs()) == 2


def test_promotion_in_a_renamed_manifest_repository_is_opened_and_followed(pipeline: Pipeline) -> None:
    deployed(pipeline)
    pipeline.stack.github.rename(MANIFESTS, NEW_MANIFESTS)
    pipeline.stack.github.merge(SOURCE, "main", TWO)
    pipeline.settle()
    run = pipeline.ended(pipeline.run("prod"), RunState.WAITING)
    assert run.pull_request is not None
    assert pipeline.wait(run)[0] is WaitKind.PULL_REQUEST
    pipeline.stack.github.merge_pull(NEW_MANIFESTS, run.pull_request)
    pipeline.settle()
    assert pipeline.run("prod").manifest_commit == pipeline.stack.git.open(NEW_MANIFESTS).tip("main")


def test_new_name_in_the_configuration_ends_the_matter(pipeline: Pipeline) -> None:
    deployed(pipeline)
    pipeline.stack.github.rename(SOURCE, NEW_SOURCE)
    text = (pipeline.stack.git.open(MANIFESTS).read("main", "mergeport.yaml") or b"").decode()
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text.replace(SOURCE, NEW_SOURCE)})
    pipeline.stack.github.merge(NEW_SOURCE, "develop", TWO)
    pipeline.settle_live("checkout-dev")
    assert pipeline.run("dev").repository == NEW_SOURCE
    with pipeline.store.read() as tx:
        assert repositories.new_name(tx, Repository(NEW_SOURCE)) is None


def test_another_repository_that_takes_the_old_name_is_the_one_that_is_meant(pipeline: Pipeline) -> None:
    deployed(pipeline)
    pipeline.stack.github.rename(SOURCE, NEW_SOURCE)
    pipeline.stack.github.create_repository(SOURCE, ONE, branches=["develop"])
    pipeline.stack.github.add_hook(SOURCE, "http://127.0.0.1:9/webhooks/github", "devstack-webhook-secret")
    pipeline.stack.github.push(SOURCE, "develop", TWO)
    pipeline.settle()
    pipeline.stack.github.merge(NEW_SOURCE, "develop", {"app.py": "print('four')\n"})
    pipeline.settle()
    assert pipeline.delivery("push").state is DeliveryState.IGNORED
