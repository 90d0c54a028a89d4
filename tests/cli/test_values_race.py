"""`mergeport values commit` while others push and connections break: an edit arrives once or is reported."""

# ruff: noqa: ARG002 # the stand-in of a port has the port's arguments

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from devstack.faults import Fault, Gate
from service.bootstrap_values import open_values, read_environment
from service.cli.values_branch import Start, Wish, bring, tip_of
from service.cli.values_message import write_message
from service.core.values import ValueEdit
from service.core.words import Actor, Sha
from service.errors import RetryableError
from service.ports import Commit
from tests.cli.committing import NAME, PUSH, VALUES, A, B, World, call, world

__all__ = ["call", "world"]


def during(gate: Gate, act: Callable[[], object]) -> threading.Thread:
    """Act while a request hangs at the gate, then let it go on."""

    def run() -> None:
        gate.wait_arrived()
        act()
        gate.release()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_an_edit_is_computed_again_on_what_was_pushed_meanwhile(world: World) -> None:
    gate = world.server.faults.hang(method="POST", path=PUSH)
    theirs = VALUES.replace("replicas: 2", "replicas: 9  # by hand")
    thread = during(gate, lambda: world.repository.commit_files("main", {A: theirs}, "A person was faster"))
    told = world.commit(A, "image.tag=v2", "--json")
    thread.join()
    assert told.status == 0, told.err
    assert (told.json["pushes"], world.count()) == (2, 3)
    assert world.text() == "# Values\nimage:\n  tag: v2  # ours\nreplicas: 9  # by hand\n"


def test_a_value_that_another_set_meanwhile_is_not_set_twice(world: World) -> None:
    gate = world.server.faults.hang(method="POST", path=PUSH)
    theirs = VALUES.replace("v1", "v2")
    thread = during(gate, lambda: world.repository.commit_files("main", {A: theirs}, "The same"))
    told = world.commit(A, "image.tag=v2")
    thread.join()
    assert (told.status, world.count()) == (0, 2)
    assert "nothing to change" in told.out


def test_a_push_whose_answer_was_lost_is_found_under_what_came_after(world: World) -> None:
    gate = Gate()
    world.server.faults.plant(Fault("POST", re.compile(PUSH), 1, gate=gate, after=True, cut=True))
    thread = during(gate, lambda: world.repository.commit_files("main", {B: VALUES + "more: 1\n"}, "On top"))
    told = world.commit(A, "image.tag=v2", "--json")
    thread.join()
    assert told.status == 0, told.err
    assert (told.json["pushes"], world.count()) == (1, 3)
    assert told.json["commit"] == world.repository.git("rev-parse", "main~1")


def test_a_push_whose_answer_was_lost_is_not_repeated_once_a_person_removed_it(world: World) -> None:
    gate, begin = Gate(), world.repository.tip("main")
    world.server.faults.plant(Fault("POST", re.compile(PUSH), 1, gate=gate, after=True, cut=True))

    def rewrite() -> None:
        orphan = world.repository.commit_tree(world.repository.git("rev-parse", f"{begin}^{{tree}}"), [], "Anew")
        world.repository.update_ref("refs/heads/main", orphan)

    thread = during(gate, rewrite)
    told = world.commit(A, "image.tag=v2")
    thread.join()
    assert told.status == 1
    assert "force-pushed meanwhile" in told.err
    assert (world.count(), world.text()) == (1, VALUES)


def test_a_server_that_fails_for_a_moment_is_asked_again(world: World) -> None:
    world.server.faults.answer("503 Service Unavailable", times=3)
    assert world.commit(A, "image.tag=v2").status == 0
    assert world.count() == 2


def test_a_refusal_that_stays_is_told_by_where_the_branch_is(world: World) -> None:
    world.server.install_hook(NAME, "pre-receive", "#!/bin/sh\necho 'fetch first, stale info'\nexit 1\n")
    told = world.commit(A, "image.tag=v2")
    assert (told.status, world.count()) == (1, 1)
    assert "main refuses the push, although nobody moved it" in told.err
    assert "--pull-request" in told.err


@pytest.mark.prove
def test_many_at_once_all_come_through_each_with_one_commit(world: World, tmp_path: Path) -> None:
    count = 5
    keys = "".join(f"k{number}: old\n" for number in range(count))
    world.repository.commit_files("main", {A: keys}, "Keys")
    environment = read_environment(os.environ, world.url)
    ours = Actor("Mergeport", "mergeport@example.invalid")

    def write(number: int) -> None:
        manifests = open_values(world.url, environment, tmp_path / f"mirror-{number}")
        edits = ((A, (ValueEdit(f"k{number}", f"new{number}"),)),)
        wish = Wish(edits, create=False, message=write_message, author=ours, committer=ours, at=datetime.now(UTC))
        bring(manifests, "main", wish, lambda: Start(tip := tip_of(manifests, "main"), tip))

    with capture_logs(), ThreadPoolExecutor(count) as pool:
        list(pool.map(write, range(count)))
    assert world.text() == "".join(f"k{number}: new{number}\n" for number in range(count))
    assert world.count() == 2 + count


class _AlwaysMoved:
    """A repository whose branch somebody else moves before each push."""

    def __init__(self) -> None:
        self.moves = 0

    def fetch(self, branch: str) -> Sha | None:
        self.moves += 1
        return Sha(f"{self.moves:040x}")

    def fetch_all(self, branches: Sequence[str]) -> tuple[Sha | None, ...]:
        return tuple(self.fetch(branch) for branch in branches)

    def read(self, commit: Sha, path: str) -> bytes:
        return VALUES.encode()

    def read_all(self, commit: Sha, paths: Collection[str]) -> dict[str, bytes]:
        return {path: VALUES.encode() for path in paths}

    def folder(self, commit: Sha, path: str) -> dict[str, bytes]:
        raise NotImplementedError

    def commit(
        self,
        parent: Sha | None,
        files: Mapping[str, bytes],
        message: str,
        *,
        author: Actor,
        committer: Actor,
        at: datetime,
    ) -> Sha:
        return Sha("f" * 40)

    def push(self, branch: str, commit: Sha, *, expected: Sha | None) -> bool:
        return False

    def ancestors(self, tip: Sha, among: Collection[Sha]) -> frozenset[Sha]:
        return frozenset()

    def changed(self, before: Sha, after: Sha) -> frozenset[str]:
        return frozenset()

    def diff(self, commit: Sha) -> str:
        return ""

    def last_tip(self, branch: str) -> Sha | None:
        return None

    def describe(self, commit: Sha) -> Commit:
        raise NotImplementedError

    def history(self, tip: Sha, *, most: int, deepen: bool = False) -> Sequence[Commit]:
        return []


def test_who_never_wins_gives_up_in_words() -> None:
    moved, waits = _AlwaysMoved(), list[float]()
    ours = Actor("M", "m@example.invalid")
    wish = Wish(((A, (ValueEdit("image.tag", "v2"),)),), False, write_message, ours, ours, datetime.now(UTC))
    with pytest.raises(RetryableError, match="50 pushes lost"):
        bring(moved, "main", wish, lambda: Start(tip := tip_of(moved, "main"), tip), pause=waits.append)
    assert len(waits) == 49
    assert all(0 < wait <= 2 for wait in waits)
