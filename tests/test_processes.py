"""The supervisor of `serve`, on real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fixtures.processes import wait_until

CHILD = """
import os, pathlib, signal, sys, threading, time
from service.processes import end_with_parent
mode, folder = sys.argv[1], pathlib.Path(sys.argv[2])
if mode == "refuses":
    (folder / "tries").open("a").write("x")
    sys.exit(3)
def stop(number, frame):
    (folder / f"stopped-{mode}").write_text(str(os.getpid()))
    if mode != "stubborn":
        sys.exit(0)
signal.signal(signal.SIGTERM, stop)
end_with_parent(grace=1)
path = folder / f"pid-{mode}"
path.with_suffix(".new").write_text(str(os.getpid()))
path.with_suffix(".new").rename(path)
while True:
    time.sleep(0.05)
"""

SUPERVISOR = """
import sys
from service.processes import Child, Supervisor
folder, grace, modes = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
children = [Child(mode, [sys.executable, folder + "/child.py", mode, folder]) for mode in modes]
sys.exit(Supervisor(children, grace=grace).run())
"""


WORKER = """
from service.processes import leave, stop_when_asked
import threading
stop = stop_when_asked()
threading.Thread(target=threading.Event().wait).start()
print("ready", flush=True)
while not stop.wait(0.0001):
    pass
for _ in range(100):
    stop.wait(0.0001)
leave()
"""

HARD_OF_HEARING = """
import os, signal, sys, threading, time
from service.processes import Child, Supervisor, stop_when_asked

def elsewhere():
    time.sleep(0.3)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

threading.Thread(target=elsewhere, daemon=True).start()
if sys.argv[1] == "worker":
    stop_when_asked().wait()
else:
    sys.exit(Supervisor([Child("sleeper", ["sleep", "60"])]).run())
"""


class Supervised:
    """A supervisor in a process of its own, and the children that it keeps alive."""

    def __init__(self, folder: Path, *modes: str, grace: float = 5.0) -> None:
        (folder / "child.py").write_text(CHILD)
        (folder / "supervisor.py").write_text(SUPERVISOR)
        self.folder = folder
        self.modes = modes
        self.log = folder / "log"
        environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        with self.log.open("wb") as output:
            argv = [sys.executable, str(folder / "supervisor.py"), str(folder), str(grace), *modes]
            self.process = subprocess.Popen(argv, stdout=output, stderr=output, env=environ)

    def pid(self, mode: str, *, other_than: int = 0) -> int:
        """Wait until a child says its process id."""
        path = self.folder / f"pid-{mode}"
        wait_until(lambda: path.exists() and int(path.read_text()) != other_than, timeout=10)
        return int(path.read_text())


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Supervised]]:
    """Collect what a test starts, and end whatever is left of it."""
    made: list[Supervised] = []
    yield made
    for supervised in made:
        supervised.process.kill()
        supervised.process.wait()
        for path in supervised.folder.glob("pid-*"):
            with suppress(ProcessLookupError, ValueError):
                if alive(int(path.read_text())):
                    os.kill(int(path.read_text()), signal.SIGKILL)


def test_a_killed_child_is_started_again(tmp_path: Path, started: list[Supervised]) -> None:
    started.append(Supervised(tmp_path, "one", "two"))
    first, other = started[0].pid("one"), started[0].pid("two")
    os.kill(first, signal.SIGKILL)
    second = started[0].pid("one", other_than=first)
    assert alive(second)
    assert alive(other)
    assert started[0].process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_reaches_every_child_and_ends_with_0(
    tmp_path: Path, started: list[Supervised], number: signal.Signals
) -> None:
    started.append(Supervised(tmp_path, "one", "two"))
    pids = [started[0].pid("one"), started[0].pid("two")]
    started[0].process.send_signal(number)
    assert started[0].process.wait(10) == 0
    assert not any(alive(pid) for pid in pids)
    assert (tmp_path / "stopped-one").exists()
    assert (tmp_path / "stopped-two").exists()


def test_a_child_that_does_not_stop_is_killed_and_the_status_says_so(tmp_path: Path, started: list[Supervised]) -> None:
    started.append(Supervised(tmp_path, "stubborn", grace=0.3))
    pid = started[0].pid("stubborn")
    started[0].process.send_signal(signal.SIGTERM)
    assert started[0].process.wait(10) == 1
    assert not alive(pid)


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path, started: list[Supervised]) -> None:
    started.append(Supervised(tmp_path, "one", "stubborn"))
    pids = [started[0].pid("one"), started[0].pid("stubborn")]
    started[0].process.kill()
    started[0].process.wait()
    wait_until(lambda: not any(alive(pid) for pid in pids), timeout=10)
    assert (tmp_path / "stopped-one").exists()


def test_a_child_that_refuses_to_work_ends_the_whole(tmp_path: Path, started: list[Supervised]) -> None:
    started.append(Supervised(tmp_path, "one", "refuses"))
    assert started[0].process.wait(20) == 1
    assert (tmp_path / "tries").read_text() == "xxxxx"
    assert not alive(started[0].pid("one"))


def test_a_process_that_is_asked_again_and_again_ends_though_a_thread_of_it_hangs() -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for _ in range(8):
        with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, env=environ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            for _ in range(40):
                process.terminate()
                time.sleep(0.0001)
            try:
                assert process.wait(10) == 0
            finally:
                process.kill()


@pytest.mark.parametrize("role", ["worker", "supervisor"])
def test_a_signal_that_another_thread_was_given_ends_the_process(role: str) -> None:
    """The system may choose any thread; a main thread that waits without a timeout would never hear of it."""
    ended = subprocess.run([sys.executable, "-c", HARD_OF_HEARING, role], timeout=15, check=False)
    assert ended.returncode == 0
