"""A branch that people move all the time: Mergeport's edits still get there."""

from __future__ import annotations

import pytest

from devstack.git_backend import RefUpdate
from service.core.words import RunState
from tests.fixtures.service import MANIFESTS
from tests.pipeline.crowd import merge, pushed, settle_in, states, wait_all
from tests.pipeline.harness import Pipeline

NAMES = ("checkout", "cart", "search", "orders", "billing")
MOVED_UNDER_A_LARGE_PUSH = """\
#!/bin/sh
read -r old new ref
[ "$ref" = refs/heads/main ] && [ "$(git rev-list --count "$old..$new")" -gt 1 ] || exit 0
unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.invalid
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.invalid
git update-ref "$ref" "$(git commit-tree -p "$old" -m 'By hand' "$old^{tree}")" "$old"
"""


@pytest.mark.rows_decide
def test_batch_that_loses_every_race_gets_smaller_until_it_wins(pipeline: Pipeline) -> None:
    """Somebody is always faster than a push of more than one commit."""
    settle_in(pipeline, *NAMES)
    pipeline.stack.git.install_hook(MANIFESTS, "pre-receive", MOVED_UNDER_A_LARGE_PUSH)
    merge(pipeline)
    wait_all(pipeline)
    pipeline.settle()
    assert sorted(pushed(pipeline)) == sorted([name] for name in NAMES)
    assert {state for state, _ in states(pipeline, NAMES).values()} == {RunState.SUCCEEDED}


@pytest.mark.prove
def test_run_whose_commit_is_there_does_not_say_that_it_was_superseded_before(pipeline: Pipeline) -> None:
    """Another merge is accepted while a writer that writes all pending edits pushes the first one."""
    settle_in(pipeline, *NAMES)
    merge(pipeline)
    wait_all(pipeline)
    first = {run.id for run in pipeline.runs()}
    later: list[str] = []

    def accept_another(repository: str, _user: str, _updates: list[RefUpdate]) -> None:
        if repository == MANIFESTS and not later:
            later.append("three")
            merge(pipeline, "three")

    pipeline.stack.git.listeners.append(accept_another)
    pipeline.settle()
    assert later == ["three"]
    assert {run.state for run in pipeline.runs() if run.id in first} == {RunState.SUCCEEDED}
