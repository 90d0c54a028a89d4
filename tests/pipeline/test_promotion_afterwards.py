"""A pull request whose run has ended: closed, cancelled, reopened, or still merged."""

from __future__ import annotations

from pathlib import Path

from service.core.image_origin import handed_on
from service.core.words import RunState, Stage
from service.pipeline import actions
from service.pipeline.promote.afterwards import follow_all
from service.store.runs import Run
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

BRANCH = "mergeport/promotion/prod/checkout"
FILE = "apps/checkout/values-prod.yaml"


def propose(pipeline: Pipeline, text: str = "two") -> Run:
    """Merge into main and let the run wait on its pull request."""
    pull = pipeline.stack.github.merge(SOURCE, "main", {"app.py": f"print('{text}')\n"}, title=f"Say {text}")
    pipeline.settle()
    return pipeline.run("prod", commit=pull.merge_commit_sha or "")


def number(pipeline: Pipeline) -> int:
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    return pull.number


def close(pipeline: Pipeline) -> int:
    at = number(pipeline)
    pipeline.stack.github.close_pull(MANIFESTS, at)
    pipeline.settle()
    return at


def cancel(pipeline: Pipeline, run: Run) -> None:
    """Cancel as `mergeport runs cancel` does, and let the worker act on it."""
    with pipeline.store.begin() as tx:
        actions.cancel(tx, run.id, by="carol", at=pipeline.clock.now())
    pipeline.queue.enqueue_run(pipeline.run("prod", commit=run.commit))
    pipeline.settle(looks=0)


def status(pipeline: Pipeline, run: Run) -> str:
    return pipeline.stack.github.statuses(SOURCE, run.commit, "mergeport/prod")[-1].state


# --- closed, then otherwise -----------------------------------------------------------------------


def test_closed_reopened_and_merged_is_followed_by_the_next_generation(pipeline: Pipeline) -> None:
    first = propose(pipeline)
    at = close(pipeline)
    pipeline.stack.github.reopen_pull(MANIFESTS, at)
    pipeline.stack.github.merge_pull(MANIFESTS, at, by="release-manager")
    pipeline.settle_live("checkout-prod")
    run = pipeline.run("prod")
    assert (run.generation, run.state, run.images) == (1, RunState.SUCCEEDED, handed_on(first.images, first.id))
    assert run.manifest_commit == pipeline.stack.git.open(MANIFESTS).tip("main")
    assert (status(pipeline, run), len(pipeline.runs())) == ("success", 2)
    pipeline.ended(first, RunState.CANCELLED)


def test_reopened_is_waited_for_by_the_next_generation(pipeline: Pipeline) -> None:
    first = propose(pipeline)
    at = close(pipeline)
    pipeline.stack.github.reopen_pull(MANIFESTS, at)
    pipeline.settle(looks=2)
    run = pipeline.run("prod")
    assert (run.generation, run.state, run.stage, run.pull_request) == (1, RunState.WAITING, Stage.PROMOTE, at)
    assert status(pipeline, run) == "pending"
    pipeline.ended(first, RunState.CANCELLED)


def test_closed_again_and_reopened_again_is_the_generation_after(pipeline: Pipeline) -> None:
    propose(pipeline)
    for _ in range(2):
        pipeline.stack.github.reopen_pull(MANIFESTS, close(pipeline))
        pipeline.settle()
    assert [(run.generation, run.state) for run in pipeline.runs()] == [
        (2, RunState.WAITING),
        (1, RunState.CANCELLED),
        (0, RunState.CANCELLED),
    ]


def test_closed_release_does_not_come_back_by_itself(pipeline: Pipeline) -> None:
    propose(pipeline)
    close(pipeline)
    pipeline.stack.github.push(MANIFESTS, "main", {"README.md": "read me\n"}, "Write")
    follow_all(pipeline.context)
    pipeline.settle(looks=2)
    assert [run.state for run in pipeline.runs()] == [RunState.CANCELLED]
    assert pipeline.stack.github.pulls(MANIFESTS, "open") == []


def test_newer_release_after_a_closed_one_opens_its_own(pipeline: Pipeline) -> None:
    propose(pipeline)
    at = close(pipeline)
    newer = propose(pipeline, "three")
    assert (newer.state, newer.pull_request) == (RunState.WAITING, number(pipeline))
    assert newer.pull_request != at


def test_closed_by_deleting_its_branch_and_restored_goes_on(pipeline: Pipeline) -> None:
    propose(pipeline)
    at, tip = number(pipeline), pipeline.stack.git.open(MANIFESTS).tip(BRANCH)
    pipeline.stack.github.delete_branch(MANIFESTS, BRANCH)
    pipeline.settle()
    assert pipeline.run("prod").state is RunState.CANCELLED
    pipeline.stack.git.open(MANIFESTS).update_ref(f"refs/heads/{BRANCH}", tip)
    pipeline.stack.github.reopen_pull(MANIFESTS, at)
    pipeline.settle()
    assert (pipeline.run("prod").generation, pipeline.run("prod").state) == (1, RunState.WAITING)


def test_merged_while_nobody_listened_is_followed_by_what_looks_of_itself(pipeline: Pipeline) -> None:
    """The events are lost, and no watch looks, because no run waits."""
    propose(pipeline)
    at = close(pipeline)
    pipeline.stack.github.repository(MANIFESTS).hooks.clear()
    pipeline.stack.github.reopen_pull(MANIFESTS, at)
    pipeline.stack.github.merge_pull(MANIFESTS, at, by="release-manager")
    pipeline.settle()
    assert pipeline.run("prod").state is RunState.CANCELLED
    follow_all(pipeline.context)
    pipeline.settle_live("checkout-prod")
    assert (pipeline.run("prod").generation, pipeline.run("prod").state) == (1, RunState.SUCCEEDED)


def test_merged_while_the_service_was_down_goes_on_in_its_run(pipeline: Pipeline) -> None:
    first = propose(pipeline)
    pipeline.stack.github.repository(MANIFESTS).hooks.clear()
    pipeline.stack.github.merge_pull(MANIFESTS, number(pipeline), by="release-manager")
    pipeline.settle_live("checkout-prod")
    pipeline.ended(first, RunState.SUCCEEDED)
    assert len(pipeline.runs()) == 1


def test_merged_after_its_deadline_is_followed(pipeline: Pipeline) -> None:
    propose(pipeline)
    pipeline.clock.move(days=31)
    pipeline.settle()
    assert pipeline.run("prod").code == "pull-request-timeout"
    pipeline.stack.github.merge_pull(MANIFESTS, number(pipeline), by="release-manager")
    pipeline.settle_live("checkout-prod")
    assert (pipeline.run("prod").generation, pipeline.run("prod").state) == (1, RunState.SUCCEEDED)


def test_retargeted_and_back_is_waited_for_again(pipeline: Pipeline) -> None:
    propose(pipeline)
    at, bare = number(pipeline), pipeline.stack.git.open(MANIFESTS)
    bare.update_ref("refs/heads/other", bare.tip("main"))
    pipeline.stack.github.change_base(MANIFESTS, at, "other")
    pipeline.settle(looks=2)
    assert pipeline.run("prod").code == "pull-request-retargeted"
    pipeline.stack.github.change_base(MANIFESTS, at, "main")
    pipeline.settle(looks=2)
    assert (pipeline.run("prod").generation, pipeline.run("prod").state) == (1, RunState.WAITING)


def test_merged_without_our_image_is_not_followed(pipeline: Pipeline) -> None:
    propose(pipeline)
    at = close(pipeline)
    text, ours = pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE), pipeline.run("prod").images[""]["digest"]
    pipeline.stack.github.push(MANIFESTS, BRANCH, {FILE: text.replace(ours, "sha256:" + "7" * 64)}, "Another image")
    pipeline.stack.github.reopen_pull(MANIFESTS, at)
    pipeline.stack.github.merge_pull(MANIFESTS, at, by="release-manager")
    pipeline.settle(looks=2)
    assert [run.state for run in pipeline.runs()] == [RunState.CANCELLED]


def test_superseded_runs_image_that_was_merged_at_that_moment_is_followed_and_the_newer_proposed_anew(
    pipeline: Pipeline,
) -> None:
    """The merge happens after the newer run has looked at the pull request and before it takes it over."""
    older = propose(pipeline)
    at = number(pipeline)
    gate = pipeline.stack.github.faults.hang(method="PATCH", path="/repos/acme/manifests/pulls/")
    bare = pipeline.stack.git.open(MANIFESTS)
    tip = bare.tip(BRANCH)

    def person() -> None:
        gate.wait_arrived()
        pull = pipeline.stack.github.repository(MANIFESTS).pulls[at]
        pull.head_sha = tip
        pipeline.stack.github.merge_pull(MANIFESTS, at, by="release-manager")
        gate.release()

    pipeline.stack.github.merge(SOURCE, "main", {"app.py": "print('three')\n"}, title="Say three")
    pipeline.beside(person)
    pipeline.settle(looks=2)
    pipeline.settle_live("checkout-prod")
    newer = pipeline.run("prod", commit=bare.git("rev-parse", "main") and pipeline.stack.git.open(SOURCE).tip("main"))
    assert (newer.state, newer.pull_request) == (RunState.WAITING, number(pipeline))
    assert newer.pull_request != at
    followed = pipeline.run("prod", commit=older.commit)
    assert (followed.generation, followed.state) == (1, RunState.SUCCEEDED)


# --- cancelled by a person ------------------------------------------------------------------------


def test_cancelling_a_run_closes_its_pull_request_in_words(pipeline: Pipeline) -> None:
    run = propose(pipeline)
    at = number(pipeline)
    cancel(pipeline, run)
    assert pipeline.ended(run, RunState.CANCELLED).message == f"cancelled by carol; pull request #{at} was closed"
    assert pipeline.stack.github.pulls(MANIFESTS, "open") == []
    assert "cancelled by carol" in pipeline.stack.github.comments(MANIFESTS, at)[-1].body
    pipeline.settle(looks=2)
    assert len(pipeline.runs()) == 1


def test_cancelled_run_ends_only_when_its_pull_request_is_closed(pipeline: Pipeline) -> None:
    run = propose(pipeline)
    at = number(pipeline)
    pipeline.stack.github.faults.answer("502 Bad Gateway", method="PATCH", path=f"/pulls/{at}$", times=9)
    cancel(pipeline, run)
    assert pipeline.run("prod").state is RunState.WAITING
    pipeline.stack.github.faults.clear()
    pipeline.clock.move(seconds=90)
    pipeline.settle()
    pipeline.ended(run, RunState.CANCELLED)
    assert pipeline.stack.github.pulls(MANIFESTS, "open") == []


def test_cancelling_an_older_run_leaves_the_newer_ones_pull_request_open(pipeline: Pipeline) -> None:
    older = propose(pipeline)
    with pipeline.store.begin() as tx:
        actions.cancel(tx, older.id, by="carol", at=pipeline.clock.now())
    newer = propose(pipeline, "three")
    pipeline.queue.enqueue_run(pipeline.run("prod", commit=older.commit))
    pipeline.settle(looks=2)
    assert (pipeline.run("prod", commit=newer.commit).state, number(pipeline)) == (
        RunState.WAITING,
        pipeline.run("prod", commit=newer.commit).pull_request,
    )


def test_cancelling_a_run_whose_pull_request_is_merged_leaves_what_it_brought(pipeline: Pipeline) -> None:
    run = propose(pipeline)
    pipeline.stack.github.repository(MANIFESTS).hooks.clear()
    pipeline.stack.github.merge_pull(MANIFESTS, number(pipeline), by="release-manager")
    cancel(pipeline, run)
    assert pipeline.ended(run, RunState.CANCELLED).message == "cancelled by carol"
    follow_all(pipeline.context)
    pipeline.settle_live("checkout-prod")
    assert (pipeline.run("prod").generation, pipeline.run("prod").state) == (1, RunState.SUCCEEDED)


def test_cancelled_and_reopened_by_a_person_goes_on(pipeline: Pipeline) -> None:
    run = propose(pipeline)
    at = number(pipeline)
    cancel(pipeline, run)
    pipeline.stack.github.reopen_pull(MANIFESTS, at)
    pipeline.settle(looks=2)
    assert (pipeline.run("prod").generation, pipeline.run("prod").state) == (1, RunState.WAITING)


def test_lost_database_follows_nothing_that_it_does_not_know(pipeline: Pipeline, tmp_path: Path) -> None:
    propose(pipeline)
    close(pipeline)
    after = Pipeline(pipeline.stack, tmp_path / "after")
    follow_all(after.context)
    assert after.runs() == []
    after.close()
