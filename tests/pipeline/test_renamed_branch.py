"""The manifest repository's default branch is renamed: what was under way goes on at its new name."""

from __future__ import annotations

from service.core.words import RunState, WaitKind
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

ONE = {"app.py": "print('two')\n"}


def rename(pipeline: Pipeline) -> None:
    pipeline.stack.github.rename_branch(MANIFESTS, "main", "trunk")


def warm(pipeline: Pipeline) -> None:
    """Make the name of the default branch known, as it is to a worker after its first run."""
    assert pipeline.context.configurations.branch() == "main"


def test_commit_goes_to_the_new_name(pipeline: Pipeline) -> None:
    warm(pipeline)
    rename(pipeline)
    pipeline.stack.github.merge(SOURCE, "develop", ONE)
    pipeline.settle_over_time("checkout-dev", seconds=30)
    run = pipeline.run("dev")
    assert run.manifest_commit == pipeline.stack.git.open(MANIFESTS).tip("trunk"), run.message


def test_pull_request_is_opened_to_the_new_name(pipeline: Pipeline) -> None:
    warm(pipeline)
    rename(pipeline)
    pipeline.stack.github.merge(SOURCE, "main", ONE)
    pipeline.settle_over_time(seconds=30)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    assert pull.base == "trunk"


def test_pull_request_that_waits_follows_and_is_merged(pipeline: Pipeline) -> None:
    pipeline.stack.github.merge(SOURCE, "main", ONE)
    pipeline.settle()
    rename(pipeline)
    pipeline.settle_over_time(seconds=30)
    run = pipeline.ended(pipeline.run("prod"), RunState.WAITING)
    assert run.pull_request is not None
    assert pipeline.wait(run)[0] is WaitKind.PULL_REQUEST
    pipeline.stack.github.merge_pull(MANIFESTS, run.pull_request)
    pipeline.settle_over_time(seconds=30)
    assert pipeline.run("prod").manifest_commit == pipeline.stack.git.open(MANIFESTS).tip("trunk")


def test_edit_that_waited_for_the_old_branch_is_written_to_the_new_one(pipeline: Pipeline) -> None:
    warm(pipeline)
    pipeline.stack.git.faults.lag(path="acme/manifests.git/git-receive-pack", times=2)
    pipeline.stack.github.merge(SOURCE, "develop", ONE)
    pipeline.settle(looks=0)
    rename(pipeline)
    pipeline.settle_over_time("checkout-dev", seconds=60)
    assert pipeline.run("dev").manifest_commit == pipeline.stack.git.open(MANIFESTS).tip("trunk")
    assert len(pipeline.stack.git.pushes(MANIFESTS)) == 1


def test_configuration_is_read_from_the_new_name(pipeline: Pipeline) -> None:
    warm(pipeline)
    rename(pipeline)
    assert pipeline.context.configurations.reload() is not None
    assert pipeline.context.configurations.branch() == "trunk"


def test_pull_request_that_a_person_sent_elsewhere_is_still_told(pipeline: Pipeline) -> None:
    pipeline.stack.github.merge(SOURCE, "main", ONE)
    pipeline.settle()
    run = pipeline.run("prod")
    assert run.pull_request is not None
    repo = pipeline.stack.github.repository(MANIFESTS)
    repo.bare.update_ref("refs/heads/other", repo.bare.tip("main"))
    repo.pulls[run.pull_request].base = "other"
    pipeline.settle_over_time(seconds=10)
    assert pipeline.ended(run, RunState.FAILED).code == "pull-request-retargeted"


def test_branch_that_was_deleted_is_still_told(pipeline: Pipeline) -> None:
    pipeline.stack.git.faults.lag(path="acme/manifests.git/git-receive-pack", times=2)
    pipeline.stack.github.merge(SOURCE, "develop", ONE)
    pipeline.settle(looks=0)
    pipeline.stack.github.repository(MANIFESTS).bare.delete_ref("refs/heads/main")
    pipeline.settle_over_time(seconds=30)
    assert pipeline.ended(pipeline.run("dev"), RunState.FAILED).code == "manifest-branch-missing"
