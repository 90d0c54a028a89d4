"""A branch that people move all the time: what Mergeport has to write gets there all the same."""

from __future__ import annotations

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


def test_batch_that_loses_every_race_gets_smaller_until_it_wins(pipeline: Pipeline) -> None:
    """Somebody is always faster than a push of more than one commit."""
    settle_in(pipeline, *NAMES)
    pipeline.stack.git.install_hook(MANIFESTS, "pre-receive", MOVED_UNDER_A_LARGE_PUSH)
    merge(pipeline)
    wait_all(pipeline)
    pipeline.settle()
    assert sorted(pushed(pipeline)) == sorted([name] for name in NAMES)
    assert {state for state, _ in states(pipeline, NAMES).values()} == {RunState.SUCCEEDED}
