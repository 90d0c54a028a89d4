"""Processes that share a mirror and die: the next one continues, and no git of a dead one stays for long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from service.adapters.git.driver import ORPHAN_GRACE, Git
from service.core.words import Sha
from tests.adapters.git.served import NAME, TOKEN, Served
from tests.fixtures.processes import wait_until

ROOT = Path(__file__).parents[3]
PROGRAM = f"""
import sys, time
from pathlib import Path
from service.adapters.git.objects import reading
from service.adapters.manifests.git import GitManifestRepositories
from service.core.words import Actor, Repository, Sha
from service.errors import RetryableError
from service.ports import Credentials
from datetime import UTC, datetime
place, url, timeout = sys.argv[1:4]
manifests = GitManifestRepositories(
    Path(place), lambda _: url, lambda _, write=False: Credentials("x", {TOKEN!r}), timeout=float(timeout)
).open(Repository({NAME!r}))
print("ready", flush=True)
"""
FETCH = 'print(manifests.fetch("main"), flush=True)'
HOLD = "manifests._mirror.fetch_commit(Sha(sys.argv[4]))"
READ = """
with reading(manifests._mirror.git, None) as objects:
    objects.read(sys.argv[4])
    print("reading", flush=True)
    time.sleep(600)
"""
WRITE = """
done = repeated = 0
me = Actor("P", "p@example.invalid")
while done < 12:
    try:
        tip = manifests.fetch("main")
        text = manifests.read(tip, "apps/a/values.yaml") + f"line: {done}\\n".encode()
        commit = manifests.commit(
            tip, {"apps/a/values.yaml": text}, f"{done}", author=me, committer=me, at=datetime.now(UTC)
        )
        if manifests.push("main", commit, expected=tip):
            done += 1
    except RetryableError as error:
        if error.code not in {"mirror-renewed", "manifest-commit-gone"}:
            raise
        repeated += 1
"""


@contextmanager
def worker(served: Served, action: str, *more: str, timeout: float = 20) -> Iterator[subprocess.Popen[str]]:
    """Run a process that works on the mirror; wait until it is ready, and kill it at the end of the block."""
    place = str(served.directory / "mirrors")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM + action, place, served.url(), f"{timeout:g}", *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stderr
    try:
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            stream.close()


def gits_of(process: subprocess.Popen[str]) -> set[int]:
    """Give the process groups of its children: each git has one to itself."""
    groups = {group for parent, group in stats().values() if parent == process.pid}
    return groups - {os.getpgid(process.pid)}


def alive(groups: set[int]) -> bool:
    return any(group in groups for _, group in stats().values())


def stats() -> dict[int, tuple[int, int]]:
    """Give parent and group of every process that has not ended."""
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent, group = file.read_text().rpartition(")")[2].split()[:3]
            if state != "Z":
                found[int(file.parent.name)] = (int(parent), int(group))
    return found


def goes_on(served: Served) -> None:
    """Check that the next process, which is this one, fetches, reads, writes and pushes."""
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip == served.repository.tip("main")
    assert manifests.read(Sha(tip), "apps/b/values.yaml") == b"tag: two\n"
    commit = served.write(manifests, Sha(tip), "apps/a/values.yaml", b"tag: next\n")
    assert manifests.push("main", commit, expected=Sha(tip))


def has(pattern: str) -> Callable[[Served], bool]:
    return lambda served: any((served.directory / "mirrors" / "acme").glob(pattern))


def asked(times: int) -> Callable[[Served], bool]:
    return lambda served: len(served.server.log) >= times


RENEWALS = 8
"""So few that the writer gets through even on a slow machine."""

MOMENTS: dict[str, Callable[[Served], bool]] = {
    "it has the lock": has("*.lock"),
    "it makes the mirror": has(".*.new"),
    "the mirror is there": has("manifests.git/config"),
    **{f"it has asked {times} times": asked(times) for times in (1, 2, 3, 4, 5)},
    "half of the pack is there": has("manifests.git/objects/pack/tmp_*"),
    "the pack is there": has("manifests.git/objects/pack/*.pack"),
    "the boundary is there": has("manifests.git/shallow"),
    "it is done": has("manifests.git/refs/tips/*"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_first_clone_that_was_killed_is_finished_by_the_next(served: Served, moment: str) -> None:
    with worker(served, FETCH) as process:
        while not MOMENTS[moment](served) and process.poll() is None:
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        process.wait()
        goes_on(served)


def test_a_process_that_was_killed_with_the_lock_gives_it_back(served: Served) -> None:
    served.manifests().fetch("main")
    later = served.repository.commit_files("main", {"n": "1"})
    gate = served.server.faults.hang(path="info/refs")
    with worker(served, HOLD, later) as process:
        gate.wait_arrived()
        process.send_signal(signal.SIGKILL)
        process.wait()
        goes_on(served)
        gate.release()


def test_a_fetch_whose_process_was_killed_ends_though_its_server_hangs(served: Served) -> None:
    served.manifests().fetch("main")
    later = served.repository.commit_files("main", {"n": "1"})
    gate = served.server.faults.hang(path="info/refs")
    with worker(served, HOLD, later, timeout=2) as process:
        gate.wait_arrived()
        gits = gits_of(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = alive(gits)
        wait_until(lambda: not alive(gits), timeout=2 + ORPHAN_GRACE + 10)
        gate.release()
    assert gits
    assert before


def test_a_local_git_ends_with_the_process_that_used_it(served: Served) -> None:
    tip = served.manifests().fetch("main")
    assert tip
    with worker(served, READ, tip) as process:
        assert process.stdout
        assert process.stdout.readline() == "reading\n"
        gits = gits_of(process)
        process.send_signal(signal.SIGKILL)
        wait_until(lambda: not alive(gits), timeout=10)
    assert gits


def test_a_local_git_that_loops_has_no_more_than_its_time_on_the_processor(served: Served) -> None:
    with Git(served.repository.path).talk("cat-file", "--batch", timeout=30) as talk:
        limits = Path(f"/proc/{talk._process.pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max cpu time"))
    assert line.split()[3] == str(30 + ORPHAN_GRACE)


@pytest.mark.prove
def test_a_mirror_that_others_make_anew_again_and_again_loses_nothing(served: Served) -> None:
    mirror = served.manifests()._mirror
    renewed = 0
    with worker(served, WRITE) as process:
        while process.poll() is None and renewed < RENEWALS:
            if (seen := mirror.identity()) is not None:
                mirror.renew(seen)
                renewed += 1
            time.sleep(0.3)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
    assert renewed > 1
    lines = served.repository.text("main", "apps/a/values.yaml").splitlines()[1:]
    assert lines == [f"line: {number}" for number in range(12)]
    assert len(served.repository.log("main")) == 13
