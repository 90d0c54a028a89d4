"""A merge queue brings several pull requests by one push: one run at its head, which knows them all."""

from __future__ import annotations

import pytest

from devstack.git_backend import RefUpdate
from devstack.github.merging import Merge, make_merge
from devstack.github.state import Pull
from service.core.words import RunState
from service.store import changes
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline


def queued(pipeline: Pipeline, name: str) -> Pull:
    """Open a pull request that touches a file of its own."""
    github = pipeline.stack.github
    bare = pipeline.stack.git.open(SOURCE)
    bare.update_ref(f"refs/heads/{name}", bare.tip("develop"))
    github.push(SOURCE, name, {f"{name}.py": "1\n"}, f"Add {name}")
    return github.open_pull(SOURCE, name, "develop", f"Add {name}", author=name)


def merge_by_queue(pipeline: Pipeline, *pulls: Pull, push_first: bool) -> list[str]:
    """Merge as GitHub's queue does: each squashed onto the last, the branch moved once; give the commits."""
    github = pipeline.stack.github
    repo, bot = github.repository(SOURCE), github.state.user("github-merge-queue[bot]")
    before = tip = repo.bare.tip("develop")
    commits = []
    for pull in pulls:
        people = (pull.user.person, bot.person)
        tip = make_merge(repo.bare, Merge(tip, pull.head_sha, pull.number, pull.title, pull.head, *people), "squash")
        github.actions._mark_merged(repo, pull, tip, bot)
        commits.append(tip)
    repo.bare.update_ref("refs/heads/develop", tip, before)
    update = RefUpdate("refs/heads/develop", before, tip)
    if push_first:
        github.actions.moved(repo, [update], bot)
    for pull in pulls:
        github.actions._emit(repo, pull, "closed", bot)
    if not push_first:
        github.actions.moved(repo, [update], bot)
    return commits


@pytest.mark.rows_decide
@pytest.mark.parametrize("push_first", [True, False])
def test_several_pull_requests_of_one_push_promote_one_image_that_knows_them_all(
    pipeline: Pipeline, push_first: bool
) -> None:
    """If a pull request's event came first, its run is superseded by the newest one's before it promotes anything."""
    one, other = queued(pipeline, "ada"), queued(pipeline, "bob")
    first, head = merge_by_queue(pipeline, one, other, push_first=push_first)
    pipeline.settle_live("checkout-dev")
    run = pipeline.run("dev")
    with pipeline.store.read() as tx:
        change = changes.get(tx, run.change_id)
    assert (run.commit, run.state) == (head, RunState.SUCCEEDED)
    assert {earlier.state for earlier in pipeline.runs() if earlier.commit == first} <= {RunState.SUPERSEDED}
    assert change is not None
    assert {pull["number"] for pull in change.pull_requests} == {one.number, other.number}
    promoted = pipeline.stack.git.open(MANIFESTS).git("log", "--format=%s", "--grep=^Promote ", "main").splitlines()
    assert len(promoted) == 1
