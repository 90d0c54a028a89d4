"""Mergeport's processes in a race: one web, several workers, each on a machine of its own as it were; ended by pid.

Workers are killed, stopped in their tracks, woken, asked to end and started again, at random, by a thread of `Havoc`.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import requests

from tests.fixtures.processes import free_port, wait_until
from tests.fixtures.tools import ROOT
from tests.race.plan import Plan
from tests.race.records import Stopped
from tests.race.world import World

_START = 90.0


class Crew:
    """The processes of one installation."""

    def __init__(self, plan: Plan, directory: Path, database_url: str, settings: Mapping[str, str]) -> None:
        self.directory = directory
        self.workers = [f"worker-{number}" for number in range(plan.workers)]
        self.public, self.private = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "MERGEPORT_DATABASE_URL": database_url,
            "MERGEPORT_PUBLIC_BIND": self.public,
            "MERGEPORT_PRIVATE_BIND": self.private,
            "MERGEPORT_URL": f"http://{self.private}",
            **settings,
        }

    def start(self, name: str) -> None:
        """Start the web, or a worker, in its own state directory."""
        role = name.partition("-")[0]
        # On SQLite, which means one machine with one worker, all share a directory.
        state = self.directory / (name if len(self.workers) > 1 else "state")
        argv = [sys.executable, "-P", "-m", "service.cli.main", role]
        environment = {**self.environment, "MERGEPORT_STATE_DIRECTORY": str(state)}
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)

    def start_all(self) -> None:
        """Start everything and return when the service is ready."""
        self.start("web")
        for name in self.workers:
            self.start(name)
        wait_until(self._ready, timeout=_START)

    def command(self, *argv: str) -> str:
        """Run a `mergeport` command and give what it prints."""
        environment = {**self.environment, "MERGEPORT_STATE_DIRECTORY": str(self.directory / "state")}
        whole = [sys.executable, "-P", "-m", "service.cli.main", *argv]
        return subprocess.run(whole, env=environment, capture_output=True, text=True, check=True, timeout=120).stdout

    def ended(self) -> list[str]:
        """Name the processes that ended by themselves; there should be none."""
        return [f"{name} ({one.returncode})" for name, one in self.processes.items() if one.poll() is not None]

    def stop(self) -> None:
        """End all, stopped ones too."""
        with self.lock:
            for process in self.processes.values():
                process.send_signal(signal.SIGCONT)
                process.terminate()
            for process in self.processes.values():
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            self.processes.clear()

    def _ready(self) -> bool:
        if self.ended():
            logs = "".join(log.read_text()[-2000:] for log in self.directory.glob("*.log"))
            raise RuntimeError(f"ended: {', '.join(self.ended())}\n{logs}")
        try:
            return bool(requests.get(f"http://{self.private}/readyz", timeout=2).ok)
        except requests.RequestException:
            return False


class Havoc(threading.Thread):
    """Kills, stops and restarts workers at random until `stop` is set; leaves all of them running."""

    def __init__(self, crew: Crew, plan: Plan, world: World, stop: threading.Event) -> None:
        super().__init__(name="havoc", daemon=True)
        self._world = world
        self.error: Exception | None = None
        self.done: dict[str, int] = {}
        self._crew = crew
        self._plan = plan
        self._stopped = stop
        self._random = random.Random(f"{plan.seed} havoc")  # noqa: S311 - a race, no secret

    def run(self) -> None:
        """Act, with pauses, until told to stop."""
        acts = [self._kill] * 4 + [self._pause] * 4 + [self._restart, self._kill_all]
        acts += [self._pause_long] if self._plan.long_stops else []
        try:
            while not self._stopped.wait(self._random.uniform(0.4, 1.6) * self._plan.havoc):
                act = self._random.choice(acts)
                name = act.__name__.removeprefix("_")
                self.done[name] = self.done.get(name, 0) + 1
                with self._crew.lock:
                    act(self._random.choice(self._crew.workers))
        except Exception as error:  # noqa: BLE001 - told by who joins this thread
            self.error = error

    def _kill(self, name: str) -> None:
        self._end(name, signal.SIGKILL)
        self._stopped.wait(self._random.uniform(0.0, 3.0))
        self._crew.start(name)

    def _kill_all(self, _name: str) -> None:
        for name in self._crew.workers:
            self._end(name, signal.SIGKILL)
        for name in self._crew.workers:
            self._crew.start(name)

    def _restart(self, name: str) -> None:
        self._end(name, signal.SIGTERM)
        self._crew.start(name)

    def _pause(self, name: str) -> None:
        self._sleep(name, self._random.uniform(0.2, 4.0))

    def _pause_long(self, name: str) -> None:
        """Stop a worker for longer than its lease of 15 s, or than the 30 s of the branch's."""
        self._sleep(name, self._random.choice([18.0, 34.0]))

    def _sleep(self, name: str, seconds: float) -> None:
        process = self._crew.processes[name]
        before = self._world.moves()
        process.send_signal(signal.SIGSTOP)
        try:
            self._stopped.wait(seconds)
        finally:
            after = self._world.moves()
            process.send_signal(signal.SIGCONT)
            self._world.journal.add(Stopped(seconds, before, after))

    def _end(self, name: str, number: signal.Signals) -> None:
        process = self._crew.processes.pop(name)
        process.send_signal(number)
        process.wait(60)
