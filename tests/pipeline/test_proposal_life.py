"""A promotion's pull request from opening to its end: what it is given, and what our one comment there says."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.github.state import Pull
from service.core.words import RunState
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_promotion_afterwards import cancel

REVIEWERS = 'pull_request: {reviewers: ["team:release-managers"], labels: [release]'


def policy(pipeline: Pipeline, more: str, gates: str = "") -> None:
    """Have the pull requests of prod live so."""
    text = CONFIGURATION.replace(REVIEWERS, f"{REVIEWERS}, {more}")
    if gates:
        text = text.replace("    publish: pull-request\n", f"    publish: pull-request\n    gates: {{{gates}}}\n")
    configure(pipeline, text, "Policy of prod")


def propose(pipeline: Pipeline, text: str = "print('two')\n") -> Run:
    pipeline.stack.github.merge(SOURCE, "main", {"app.py": text})
    pipeline.settle(looks=0)
    return pipeline.run("prod")


def pull_of(pipeline: Pipeline) -> Pull:
    return pipeline.stack.github.pulls(MANIFESTS)[-1]


def comment(pipeline: Pipeline) -> str:
    """Give the text of our comment; there is never a second one."""
    told = [one.body for one in pipeline.stack.github.comments(MANIFESTS, pull_of(pipeline).number)]
    assert len(told) <= 1, told
    return told[0] if told else ""


# --- what it is given -----------------------------------------------------------------------------


def test_what_a_person_takes_away_is_not_put_back_and_what_is_new_is_added(pipeline: Pipeline) -> None:
    github = pipeline.stack.github
    number = github.add_milestone(MANIFESTS, "9.1")
    policy(pipeline, 'assignees: [ann, zed], milestone: "9.1"')
    propose(pipeline)
    pull = pull_of(pipeline)
    assert (pull.assignees, pull.milestone, pull.labels) == (["ann", "zed"], number, ["release"])
    pull.assignees.remove("zed")
    pull.labels.clear()
    pull.teams.clear()
    pull.milestone = None
    policy(pipeline, 'assignees: [ann, zed, bob], milestone: "9.1"')
    propose(pipeline, "print('three')\n")
    assert (pull.assignees, pull.labels, pull.teams, pull.milestone) == (["ann", "bob"], [], [], None)


def test_what_github_refuses_keeps_nothing_from_opening_and_is_told_until_it_is_mended(pipeline: Pipeline) -> None:
    github = pipeline.stack.github
    github.state.unknown_reviewers |= {"release-managers", "stranger"}
    policy(pipeline, 'assignees: [stranger], milestone: "9.1"')
    run = propose(pipeline)
    opened = pipeline.steps(run)["open pull request"][1]
    for words in (
        "team:release-managers cannot be asked to review",
        "stranger cannot be assigned",
        "9.1 does not exist",
    ):
        assert words in opened
        assert words.replace("team:release-managers", "release-managers").split()[0] in comment(pipeline)
    github.state.unknown_reviewers.clear()
    github.add_milestone(MANIFESTS, "9.1")
    propose(pipeline, "print('three')\n")
    assert (pull_of(pipeline).assignees, pull_of(pipeline).milestone) == (["stranger"], 1)
    assert "Nothing is missing any more" in comment(pipeline)


@pytest.mark.prove
def test_two_services_share_one_pull_request_and_one_comment(pipeline: Pipeline, tmp_path: Path) -> None:
    github = pipeline.stack.github
    github.state.unknown_reviewers.add("release-managers")
    other = Pipeline(pipeline.stack, tmp_path / "other")
    try:
        github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
        for service in (pipeline, other):
            service.settle(looks=0)
        assert len(github.pulls(MANIFESTS, "open")) == 1
        assert "release-managers cannot be asked" in comment(pipeline)
        github.merge_pull(MANIFESTS, pull_of(pipeline).number)
        for service in (pipeline, other):
            service.settle_live("checkout-prod")
            service.ended(service.run("prod"), RunState.SUCCEEDED)
        assert "live and healthy" in comment(pipeline)
    finally:
        other.close()


# --- how it ends ----------------------------------------------------------------------------------


def test_one_comment_says_since_when_it_is_live_and_healthy(pipeline: Pipeline) -> None:
    run = propose(pipeline)
    pipeline.stack.github.merge_pull(MANIFESTS, pull_of(pipeline).number)
    pipeline.settle_live("checkout-prod")
    pipeline.ended(run, RunState.SUCCEEDED)
    assert "**checkout in prod**: live and healthy since 20" in comment(pipeline)


def test_one_comment_says_why_it_failed_and_what_to_do_next(pipeline: Pipeline) -> None:
    run = propose(pipeline)
    pipeline.stack.github.merge_pull(MANIFESTS, pull_of(pipeline).number)
    pipeline.settle()
    pipeline.clock.move(minutes=30)
    pipeline.settle()
    failed = pipeline.ended(run, RunState.FAILED)
    assert "**checkout in prod failed**" in comment(pipeline)
    assert failed.message.split()[0] in comment(pipeline)
    assert "`mergeport rollback checkout prod --reason …`" in comment(pipeline)


@pytest.mark.prove
def test_overtaken_pull_request_is_closed_with_a_link_to_what_overtook_it(pipeline: Pipeline) -> None:
    run = propose(pipeline)
    configure(pipeline, CONFIGURATION.replace("publish: pull-request", "publish: commit"), "Commit to prod")
    newer = propose(pipeline, "print('three')\n")
    pipeline.settle(looks=2)
    pipeline.ended(run, RunState.SUPERSEDED)
    assert pull_of(pipeline).state == "closed"
    assert f"Overtaken: {newer.commit[:12]} is deployed" in comment(pipeline)
    assert f"/runs/{newer.id}" in comment(pipeline)


@pytest.mark.prove
def test_comment_that_could_not_be_written_comes_later_and_once(pipeline: Pipeline) -> None:
    run = propose(pipeline)
    pipeline.stack.github.faults.cut(method="POST", path="/comments$")
    cancel(pipeline, run)
    pipeline.settle_over_time(seconds=30)
    assert "cancelled by carol" in comment(pipeline)
