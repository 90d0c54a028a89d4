"""What the source commit shows, and that failing to say so never fails a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from service.core.words import Repository, RunState, Sha
from service.errors import RetryableError
from service.pipeline.context import Context
from service.pipeline.reports.statuses import LEASE, send_reports
from service.ports import CommitState, CommitStatus, Statuses
from service.store import leases, reports
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.crowd import merge as crowd_merge
from tests.pipeline.crowd import settle_in
from tests.pipeline.harness import Pipeline


def merge(pipeline: Pipeline) -> str:
    pull = pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    assert pull.merge_commit_sha is not None
    return pull.merge_commit_sha


def test_status_goes_from_pending_to_success_with_a_link_to_the_run(pipeline: Pipeline) -> None:
    commit = merge(pipeline)
    pipeline.settle_live("checkout-dev")
    statuses = pipeline.stack.github.statuses(SOURCE, commit, "mergeport/dev")
    assert [one.state for one in statuses][-1] == "success"
    assert statuses[0].state == "pending"
    assert {one.target_url for one in statuses} == {f"http://mergeport.test/runs/{pipeline.run().id}"}


def test_github_that_refuses_statuses_does_not_fail_the_run_and_has_them_later(pipeline: Pipeline) -> None:
    pipeline.stack.github.faults.answer("500 Internal Server Error", method="POST", path="/statuses/", times=3)
    commit = merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert pipeline.run().state == RunState.SUCCEEDED
    pipeline.clock.move(minutes=10)
    pipeline.settle()
    assert pipeline.stack.github.statuses(SOURCE, commit, "mergeport/dev")[-1].state == "success"


def test_rate_limit_is_waited_out(pipeline: Pipeline) -> None:
    pipeline.stack.github.limit_primary(method="POST", path="/statuses/", times=2, reset_in=60)
    commit = merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert pipeline.run().state == RunState.SUCCEEDED
    pipeline.clock.move(minutes=2)
    pipeline.settle()
    pipeline.clock.move(minutes=2)
    pipeline.settle()
    assert pipeline.stack.github.statuses(SOURCE, commit, "mergeport/dev")[-1].state == "success"


def test_status_that_applications_share_tells_of_all_and_leads_to_all(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout", "search")
    crowd_merge(pipeline)
    pipeline.settle(looks=2)
    commit = pipeline.run().commit
    last = pipeline.stack.github.statuses(SOURCE, commit, "mergeport/dev")[-1]
    assert (last.state, last.description) == ("success", "all 2 done: checkout, search")
    assert last.target_url == f"http://mergeport.test/?commit={commit}&environment=dev"


def test_superseded_commit_is_pending_until_the_pull_request_that_brings_it_is_live(pipeline: Pipeline) -> None:
    github = pipeline.stack.github
    first, _ = (
        github.merge(SOURCE, "main", {"app.py": f"print('{text}')\n"}).merge_commit_sha or ""
        for text in ("two", "three")
    )
    pipeline.settle()
    before = github.statuses(SOURCE, first, "mergeport/prod")[-1]
    (pull,) = github.pulls(MANIFESTS, "open")
    github.merge_pull(MANIFESTS, pull.number, by="release-manager")
    pipeline.settle_live("checkout-prod")
    after = github.statuses(SOURCE, first, "mergeport/prod")[-1]
    assert (before.state, after.state) == ("pending", "success")
    assert "live within" in (after.description or "")


@dataclass
class SlowForge:
    """Takes a status only after something else has happened; its answer may never come."""

    forge: Statuses
    meanwhile: Callable[[], object]
    answers: bool

    def set_commit_status(self, repository: Repository, commit: Sha, status: CommitStatus) -> None:
        self.meanwhile()
        self.forge.set_commit_status(repository, commit, status)
        if not self.answers:
            raise RetryableError("GitHub did not answer in time", code="github-timeout")


@pytest.mark.rows_decide
@pytest.mark.parametrize("answers", [True, False])
def test_status_that_another_worker_overtakes_on_its_way_is_put_right(pipeline: Pipeline, answers: bool) -> None:
    commit = Sha(merge(pipeline))
    second = replace(pipeline.context, holder="worker-second")

    def want(state: CommitState) -> None:
        with pipeline.store.begin() as tx:
            reports.want(
                tx, repository=Repository(SOURCE), commit=commit, context="mergeport/dev", run_id="1",
                state=state, description=str(state), url="/",
            )  # fmt: skip

    def another_sends_the_newest() -> None:
        with pipeline.store.begin() as tx:
            leases.release(tx, LEASE, pipeline.context.holder)
        want(CommitState.SUCCESS)
        send_reports(second)

    want(CommitState.PENDING)
    slow = SlowForge(pipeline.context.outside.forge, another_sends_the_newest, answers)
    first: Context = replace(pipeline.context, outside=replace(pipeline.context.outside, forge=slow))  # type: ignore[arg-type]
    send_reports(first)
    shown = [one.state for one in pipeline.stack.github.statuses(SOURCE, commit, "mergeport/dev")]
    assert shown == ["success", "pending"]
    send_reports(second)
    assert pipeline.stack.github.statuses(SOURCE, commit, "mergeport/dev")[-1].state == "success"
