"""Commands in comments on a pull request that several share: they mean all of them, or the one that they name."""

from __future__ import annotations

import pytest

from devstack.stack import WEBHOOK_SECRET
from service.pipeline.promote.gating import judge_due
from service.store import judgements
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_comments import say
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_gates_on_pull_requests import shown
from tests.pipeline.test_group import TOGETHER, group, settle
from tests.pipeline.test_proposal_life import pull_of

__all__ = ["group"]
APPROVED = "publish: pull-request\n    gates: {approval: {from: ['user:grace', 'user:alice'], count: 2}}"


@pytest.fixture
def asked(group: Pipeline) -> Pipeline:
    """Have a shared pull request that waits for an approval for each of its members, and hear of comments on it."""
    for repository in (SOURCE, MANIFESTS):
        group.stack.github.add_hook(repository, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET, ["issue_comment"])
        for who in ("alice", "grace", "bob"):
            group.stack.github.grant(repository, who, "write")
    configure(group, TOGETHER.replace("publish: pull-request", APPROVED))
    group.stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"}, author="bob")
    settle(group)
    return group


def test_status_tells_of_all_and_an_approval_of_the_head_counts_for_all(asked: Pipeline) -> None:
    told = say(asked, pull_of(asked), "status", where=MANIFESTS)
    assert [told.count(f"| {name} | prod |") for name in ("billing", "catalog", "checkout")] == [1, 1, 1]
    told = say(asked, pull_of(asked), "approve", by="grace", where=MANIFESTS)
    assert told.count("grace approved") == 3
    told = say(asked, pull_of(asked), "approve catalog", by="alice", where=MANIFESTS, later=2)
    assert told.count("alice approved") == 1
    head = pull_of(asked).head_sha
    assert shown(asked, head)["approval"] == "pending"
    say(asked, pull_of(asked), "approve", by="alice", where=MANIFESTS, later=3)
    settle(asked)
    assert shown(asked, head)["approval"] == "success"
    begun = len(asked.stack.github.faults.log)
    with asked.store.begin() as tx:
        judgements.ask_again(tx, at=asked.clock.now())
    judge_due(asked.context)
    assert [one.path.endswith("/reviews") for one in asked.stack.github.faults.log[begun:]].count(True) == 1


@pytest.mark.prove
def test_promote_answers_for_each_that_shares_it(asked: Pipeline) -> None:
    configure(asked, TOGETHER.replace("prod:\n    branch: main", "prod:\n    from: stage"), "From stage")
    asked.stack.github.merge(SOURCE, "staging", {"app.py": "print('three')\n"})
    settle(asked)
    told = say(asked, pull_of(asked), "promote --plan", where=MANIFESTS)
    assert [f"{name} stays (" in told for name in ("billing", "catalog", "checkout")] == [True] * 3
    assert "pull-request-open" in told
