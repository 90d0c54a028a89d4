"""A rollback as a pull request, through a freeze, after the loss of the database, and from the command line."""

from __future__ import annotations

import pytest

from service.cli.rollback import tell, tell_plan
from service.core.words import RunState
from service.pipeline import actions
from service.store.runs import Run
from service.store.tables import metadata
from tests.fixtures.service import CONFIGURATION, MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_deploying import merge
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_rollback import back, committed, count, digest, hold_of, values
from tests.pipeline.test_state_branch import acting, asked

QUIET = CONFIGURATION.replace('argocd: "{application}-{environment}"', "argocd: false")
BY_PULL = QUIET.replace("dev: {branch: develop}", "dev: {branch: develop, publish: pull-request}")


@pytest.fixture
def by_pull(pipeline: Pipeline) -> tuple[Run, Run]:
    """Have two releases merged in dev."""
    configure(pipeline, BY_PULL)
    return merged(pipeline, "two"), merged(pipeline, "three")


def merged(pipeline: Pipeline, text: str) -> Run:
    run = committed(pipeline, text)
    assert run.pull_request is not None
    pipeline.stack.github.merge_pull(MANIFESTS, run.pull_request)
    pipeline.settle()
    return pipeline.ended(run, RunState.SUCCEEDED)


def test_pull_request_says_that_it_goes_back(pipeline: Pipeline, by_pull: tuple[Run, Run]) -> None:
    back(pipeline)
    pipeline.settle()
    pull = pipeline.stack.github.pulls(MANIFESTS, "open")[0]
    assert pull.title == f"Rollback: checkout {by_pull[0].commit[:7]} → dev: payments fail"
    assert [label for label in pull.labels if label == "rollback"] == ["rollback"]
    assert f"rolled back from {by_pull[1].commit[:12]} by anna" in (pull.body or "")
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number)
    pipeline.settle()
    assert digest(by_pull[0]) in values(pipeline)


def test_its_own_hold_does_not_keep_its_pull_request_from_being_merged(
    pipeline: Pipeline, by_pull: tuple[Run, Run]
) -> None:
    freeze = 'gates: {freeze: [{from: "2020-01-01", until: "2099-01-01", reason: stocktaking}]}'
    merging = f"pull_request: {{auto_merge: mergeport, draft: true}}, {freeze}"
    configure(pipeline, BY_PULL.replace("publish: pull-request}", f"publish: pull-request, {merging}}}"), "Merge it")
    gone = back(pipeline)
    pipeline.settle()
    pipeline.settle_over_time(seconds=30)
    assert hold_of(pipeline) is not None
    pipeline.ended(gone.run, RunState.SUCCEEDED)
    assert digest(by_pull[0]) in values(pipeline)


def test_open_pull_request_of_a_newer_release_becomes_the_rollback(
    pipeline: Pipeline, by_pull: tuple[Run, Run]
) -> None:
    third = committed(pipeline, "four")
    back(pipeline)
    pipeline.settle()
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    assert (pull.number, pull.title.startswith("Rollback: ")) == (third.pull_request, True)
    pipeline.ended(third, RunState.SUPERSEDED)


def test_it_passes_a_freeze(pipeline: Pipeline) -> None:
    configure(pipeline, QUIET)
    first, _ = committed(pipeline, "two"), committed(pipeline, "three")
    window = '{from: "2020-01-01", until: "2099-01-01", reason: stocktaking}'
    frozen = QUIET.replace("dev: {branch: develop}", f"dev: {{branch: develop, gates: {{freeze: [{window}]}}}}")
    configure(pipeline, frozen, "Freeze")
    back(pipeline)
    pipeline.settle()
    assert digest(first) in values(pipeline)


def test_former_release_is_read_from_git_after_the_loss_of_the_database(pipeline: Pipeline) -> None:
    configure(pipeline, QUIET)
    first, second = committed(pipeline, "two"), committed(pipeline, "three")
    with pipeline.store.begin() as tx:
        for name in ("runs", "deployments", "changes", "edits", "own_commits", "covered_commits", "deliveries"):
            tx.execute(metadata.tables[name].delete())
    plan = actions.plan_rollback(acting(pipeline), asked(pipeline), application="checkout", environment="dev")
    assert (plan.release.commit, plan.back.refused) == (first.commit, second.commit)
    back(pipeline)
    pipeline.settle()
    assert (digest(first) in values(pipeline), pipeline.run().state) == (True, RunState.SUCCEEDED)


def test_killed_after_the_run_was_accepted_it_is_held_before_it_writes(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command dies before it places the hold; the run does it."""
    configure(pipeline, QUIET)
    first, _ = committed(pipeline, "two"), committed(pipeline, "three")
    before = count(pipeline)
    pipeline.stack.git.faults.answer("503 Service Unavailable", path=".*git-receive-pack", times=40)
    gone = back(pipeline)
    assert gone.unheld is not None
    pipeline.stack.git.faults.clear()
    pipeline.settle()
    pipeline.settle_over_time(seconds=30)
    assert (digest(first) in values(pipeline), count(pipeline)) == (True, before + 1)
    assert hold_of(pipeline) is not None
    assert count(pipeline, "mergeport/state") == 1


def test_merge_between_makes_no_way_around_the_hold(pipeline: Pipeline) -> None:
    """A release that was under way when somebody went back does not come after all."""
    configure(pipeline, QUIET)
    first, _ = committed(pipeline, "two"), committed(pipeline, "three")
    commit = merge(pipeline, "four")
    pipeline.take_deliveries()
    assert pipeline.intake()
    while pipeline.intake():
        pass
    gone = back(pipeline)
    pipeline.settle()
    assert pipeline.ended(pipeline.run(commit=commit), RunState.SUPERSEDED).superseded_by == gone.run.id
    assert digest(first) in values(pipeline)
    actions.unhold(acting(pipeline), asked(pipeline), application="checkout", environment="dev")
    pipeline.settle()
    assert digest(pipeline.run(commit=commit)) in values(pipeline)


def test_command_tells_the_plan_and_what_it_started(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    configure(pipeline, QUIET)
    first, second = committed(pipeline, "two"), committed(pipeline, "three")
    plan = actions.plan_rollback(acting(pipeline), asked(pipeline), application="checkout", environment="dev")
    capsys.readouterr()
    tell_plan(plan, json_wanted=False)
    told = capsys.readouterr().out
    line = f"checkout in dev would go back from {second.commit[:12]} to {first.commit[:12]}, by a commit"
    assert (line in told, digest(first) in told, "nothing was done" in told) == (True, True, True)
    tell(back(pipeline), json_wanted=True)
    printed = capsys.readouterr().out
    assert f'"run": "{pipeline.run().id}"' in printed
    assert '"unheld": null' in printed
