"""What the operating page says of a lost database is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.stack import Devstack
from service.core.words import RunState
from tests.docs.scenes import build_world, worker
from tests.fixtures.service import MANIFESTS, SOURCE


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
    assert (again.id != done.id, again.manifest_commit, again.images) == (True, done.manifest_commit, done.images)
    assert len(stack.ecr.faults.requests("PUT", "/manifests/")) == pushed
    assert stack.git.open(MANIFESTS).git("rev-list", "--count", "main").strip() == "2"


def test_lost_database_leaves_an_open_pull_request_alone_until_a_person_closes_it(
    stack: Devstack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_world(stack, monkeypatch)
    stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
    with worker(stack, tmp_path / "first") as before:
        before.settle()
        (opened,) = stack.github.pulls(MANIFESTS, "open")
    stack.github.merge(SOURCE, "main", {"app.py": "print('three')\n"})
    with worker(stack, tmp_path / "second") as after:
        after.settle()
        refused = after.ended(after.run("prod"), RunState.FAILED)
        stack.github.close_pull(MANIFESTS, opened.number)
        stack.git.open(MANIFESTS).delete_ref(f"refs/heads/{opened.head}")
        after.settle()
        after.retry(refused)
        after.settle()
        waiting = after.ended(after.run("prod"), RunState.WAITING)
    assert refused.code == "branch-edited"
    assert waiting.pull_request not in {None, opened.number}
