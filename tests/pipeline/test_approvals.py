"""An approval by a command opens a gate where no pull request is to be reviewed, if the configuration counts it."""

from __future__ import annotations

import pytest

from service.core.words import RunState
from service.errors import PermanentError
from service.pipeline import actions
from service.pipeline.actions import Asked
from service.store.runs import Run
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure, images, merge
from tests.pipeline.test_gate_evidence import gated
from tests.pipeline.test_gating import values


def wanting(pipeline: Pipeline, gate: str) -> Run:
    """Have a release whose run to stage waits for an approval."""
    configure(pipeline, gated(f"approval: {{{gate}}}"))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    return pipeline.run("stage")


def approve(pipeline: Pipeline, run: Run, login: str, why: str = "tried it") -> None:
    actions.approve(pipeline.context, Asked(f"{login} (unverified)", pipeline.clock.now(), why), run.id, login)
    pipeline.settle(looks=0)


@pytest.fixture
def waiting(pipeline: Pipeline) -> Run:
    return wanting(pipeline, 'from: ["user:grace", "user:alice"], commands: true')


def test_run_waits_until_somebody_who_may_has_approved(pipeline: Pipeline, waiting: Run) -> None:
    assert "0 of 1 approvals" in pipeline.wait(waiting)[1]
    approve(pipeline, waiting, "bob")
    assert pipeline.run("stage").state is RunState.WAITING
    approve(pipeline, waiting, "Grace")
    assert str(images(waiting)) in values(pipeline)


def test_author_of_the_change_cannot_approve_it(pipeline: Pipeline, waiting: Run) -> None:
    approve(pipeline, waiting, "alice")
    assert "alice cannot approve their own change" in pipeline.wait(waiting)[1]


@pytest.mark.prove
def test_author_of_an_earlier_change_that_comes_along_cannot_approve_it(pipeline: Pipeline) -> None:
    configure(pipeline, gated('approval: {from: "user:grace", commands: true}'))
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('by grace')\n"}, author="grace", by="alice")
    pipeline.settle()
    merge(pipeline, "print('later')\n")
    pipeline.settle_live("checkout-dev")
    approve(pipeline, pipeline.run("stage"), "grace")
    assert "grace cannot approve their own change" in pipeline.wait(pipeline.run("stage"))[1]


@pytest.mark.prove
def test_approval_is_for_one_release_and_not_for_the_next(pipeline: Pipeline, waiting: Run) -> None:
    merge(pipeline, "print('three')\n")
    pipeline.settle_live("checkout-dev")
    newest = pipeline.run("stage")
    assert newest.id != waiting.id
    approve(pipeline, newest, "grace")
    assert str(images(newest)) in values(pipeline)
    merge(pipeline, "print('four')\n")
    pipeline.settle_live("checkout-dev")
    assert "0 of 1 approvals" in pipeline.wait(pipeline.run("stage"))[1]


@pytest.mark.prove
def test_team_decides_who_may_approve(pipeline: Pipeline) -> None:
    run = wanting(pipeline, 'from: "team:release-managers", commands: true')
    pipeline.stack.github.add_team(MANIFESTS.partition("/")[0], "release-managers", ["grace"])
    approve(pipeline, run, "bob")
    assert pipeline.run("stage").state is RunState.WAITING
    approve(pipeline, run, "grace")
    assert str(images(run)) in values(pipeline)


def test_team_that_cannot_be_read_is_a_wait_and_no_allowance(pipeline: Pipeline) -> None:
    run = wanting(pipeline, 'from: "team:release-managers", commands: true')
    approve(pipeline, run, "grace")
    assert "no team release-managers that we may see" in pipeline.wait(run)[1]


@pytest.mark.parametrize(("login", "why"), [("grace", ""), ("not a login", "x")])
def test_approval_without_a_reason_or_a_login_is_refused(
    pipeline: Pipeline, waiting: Run, login: str, why: str
) -> None:
    with pytest.raises(PermanentError):
        approve(pipeline, waiting, login, why)


def test_command_that_the_gate_does_not_count_is_refused(pipeline: Pipeline) -> None:
    run = wanting(pipeline, 'from: "user:grace"')
    with pytest.raises(PermanentError) as caught:
        approve(pipeline, run, "grace")
    assert (caught.value.code, "commands: true" in caught.value.hint) == ("approval-refused", True)


@pytest.mark.prove
def test_run_that_has_ended_cannot_be_approved(pipeline: Pipeline, waiting: Run) -> None:
    approve(pipeline, waiting, "grace")
    with pytest.raises(PermanentError) as caught:
        approve(pipeline, pipeline.run("stage"), "grace")
    assert caught.value.code == "approval-refused"
