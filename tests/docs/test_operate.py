"""The operating page is right about a lost database."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.bare import Person
from devstack.stack import Devstack
from service.core.words import RunState
from tests.docs.scenes import build_world, worker
from tests.fixtures.service import MANIFESTS, SOURCE

FILE = "apps/checkout/values-prod.yaml"

ALICE = Person("Alice", "alice@example.invalid")


def test_lost_database_makes_no_second_image_and_no_second_commit(
    stack: Devstack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery is sent again to a service that has forgotten everything."""
    build_world(stack, monkeypatch)
    stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    with worker(stack, tmp_path / "first") as before:
        before.settle_live("checkout-dev")
        done = before.ended(before.run("dev"), RunState.SUCCEEDED)
    pushed = len(stack.ecr.faults.requests("PUT", "/manifests/"))
    with worker(stack, tmp_path / "second") as after:
        after.settle_live("checkout-dev")
        again = after.ended(after.run("dev"), RunState.SUCCEEDED)
    known = {"": {**done.images[""], "origin": "there"}}  # whose build made it is lost
    assert (again.id != done.id, again.manifest_commit, again.images) == (True, done.manifest_commit, known)
    assert len(stack.ecr.faults.requests("PUT", "/manifests/")) == pushed
    assert stack.git.open(MANIFESTS).git("rev-list", "--count", "main").strip() == "2"


def test_lost_database_goes_on_with_the_open_pull_request(
    stack: Devstack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer image updates the pull request that the service has forgotten, as if nothing had happened."""
    build_world(stack, monkeypatch)
    stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
    with worker(stack, tmp_path / "first") as before:
        before.settle()
        (opened,) = stack.github.pulls(MANIFESTS, "open")
    newer = stack.github.push(SOURCE, "main", {"app.py": "print('three')\n"})
    with worker(stack, tmp_path / "second") as after:
        after.settle()
        waiting = after.ended(after.run("prod", commit=newer), RunState.WAITING)
        stack.github.merge_pull(MANIFESTS, opened.number, by="release-manager")
        after.settle_live("checkout-prod")
        after.ended(waiting, RunState.SUCCEEDED)
    assert waiting.pull_request == opened.number
    assert len(stack.github.pulls(MANIFESTS, "all")) == 1


def test_lost_database_pushes_nothing_again_for_the_same_image(
    stack: Devstack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delivery is sent again. The branch already has the values, and its commit stays as reviewers saw it."""
    build_world(stack, monkeypatch)
    stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
    with worker(stack, tmp_path / "first") as before:
        before.settle()
    (opened,) = stack.github.pulls(MANIFESTS, "open")
    tip = stack.git.open(MANIFESTS).tip(opened.head)
    with worker(stack, tmp_path / "second") as after:
        after.settle()
        waiting = after.ended(after.run("prod"), RunState.WAITING)
    assert waiting.pull_request == opened.number
    assert stack.git.open(MANIFESTS).tip(opened.head) == tip


def _edit_on_top(stack: Devstack, branch: str) -> None:
    bare = stack.git.open(MANIFESTS)
    text = re.sub("sha256:[0-9a-f]{64}", "sha256:" + "7" * 64, bare.text(branch, FILE))
    stack.github.push(MANIFESTS, branch, {FILE: text}, "Another image")


def _amend(stack: Devstack, branch: str) -> None:
    """Change a file in our commit and keep its message, trailers and author; only the committer is another."""
    bare = stack.git.open(MANIFESTS)
    ours = bare.commit(bare.tip(branch))
    tree = bare.commit(bare.commit_files("amending", {"notes.md": "mine\n"}, start=branch)).tree
    bare.delete_ref("refs/heads/amending")
    amended = bare.commit_tree(tree, ours.parents, ours.message, author=ours.author, committer=ALICE)
    stack.github.force_push(MANIFESTS, branch, amended)


def _amend_as_us(stack: Devstack, branch: str) -> None:
    """Do the same under our own name, as a machine that is configured like ours would."""
    bare = stack.git.open(MANIFESTS)
    ours = bare.commit(bare.tip(branch))
    tree = bare.commit(bare.commit_files("amending", {"notes.md": "mine\n"}, start=branch)).tree
    bare.delete_ref("refs/heads/amending")
    amended = bare.commit_tree(tree, ours.parents, ours.message, author=ours.author, committer=ours.committer)
    stack.github.force_push(MANIFESTS, branch, amended)


def _reword(stack: Devstack, branch: str) -> None:
    """Keep the files and the message but commit them as a person, as a rebase does."""
    bare = stack.git.open(MANIFESTS)
    ours = bare.commit(bare.tip(branch))
    picked = bare.commit_tree(ours.tree, ours.parents, ours.message, author=ours.author, committer=ALICE)
    stack.github.force_push(MANIFESTS, branch, picked)


@pytest.mark.parametrize("work", [_edit_on_top, _amend, _amend_as_us, _reword])
def test_lost_database_leaves_a_persons_work_on_the_promotion_branch_alone(
    stack: Devstack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[Devstack, str], None]
) -> None:
    build_world(stack, monkeypatch)
    stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
    with worker(stack, tmp_path / "first") as before:
        before.settle()
    (opened,) = stack.github.pulls(MANIFESTS, "open")
    work(stack, opened.head)
    theirs = stack.git.open(MANIFESTS).tip(opened.head)
    newer = stack.github.push(SOURCE, "main", {"app.py": "print('three')\n"})
    with worker(stack, tmp_path / "second") as after:
        after.settle()
        refused = after.ended(after.run("prod", commit=newer), RunState.FAILED)
        assert refused.code == "branch-edited"
        assert stack.git.open(MANIFESTS).tip(opened.head) == theirs
        stack.github.close_pull(MANIFESTS, opened.number)
        stack.git.open(MANIFESTS).delete_ref(f"refs/heads/{opened.head}")
        after.retry(refused)
        after.settle()
        waiting = after.ended(after.run("prod"), RunState.WAITING)
    assert waiting.pull_request not in {None, opened.number}


def test_lost_database_keeps_a_persons_commit_beside_our_values(
    stack: Devstack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_world(stack, monkeypatch)
    stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
    with worker(stack, tmp_path / "first") as before:
        before.settle()
    (opened,) = stack.github.pulls(MANIFESTS, "open")
    theirs = stack.github.push(MANIFESTS, opened.head, {"notes.md": "mine\n"}, "Work here")
    newer = stack.github.push(SOURCE, "main", {"app.py": "print('three')\n"})
    with worker(stack, tmp_path / "second") as after:
        after.settle()
        after.ended(after.run("prod", commit=newer), RunState.WAITING)
    bare = stack.git.open(MANIFESTS)
    assert bare.is_ancestor(theirs, bare.tip(opened.head))
    assert newer[:12] in bare.text(opened.head, FILE)


def test_lost_database_goes_not_back(stack: Devstack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is deployed is read from the manifest commit's trailers, so an old delivery changes nothing."""
    build_world(stack, monkeypatch)
    older = stack.github.push(SOURCE, "develop", {"app.py": "print('two')\n"})
    with worker(stack, tmp_path / "first") as before:
        before.settle_live("checkout-dev")
        newer = stack.github.push(SOURCE, "develop", {"app.py": "print('three')\n"})
        before.settle_live("checkout-dev")
        before.ended(before.run("dev"), RunState.SUCCEEDED)
    tip = stack.git.open(MANIFESTS).tip("main")
    stack.github.wait_delivered()
    sent = stack.github.state.deliveries
    sent[:] = [one for one in sent if newer.encode() not in one.body]
    with worker(stack, tmp_path / "second") as after:
        after.settle_live("checkout-dev")
        run = after.ended(after.run("dev", commit=older), RunState.SUPERSEDED)
    assert run.message == f"{newer[:12]} is deployed, which contains {older[:12]} already"
    assert stack.git.open(MANIFESTS).tip("main") == tip
