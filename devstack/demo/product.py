"""Mergeport as the demo sees it: a process that was started, a page that answers, and a command line that tells.

Used by the story. Reads nothing but what `mergeport … --json` prints; never the database.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from devstack.demo.errors import DemoError

START_SECONDS = 60.0
STOP_SECONDS = 30.0
COMMAND_SECONDS = 60.0
ENDED = {"succeeded", "failed", "cancelled", "superseded"}


@dataclass(frozen=True, slots=True)
class Step:
    """A step as `runs show` prints it."""

    name: str
    state: str
    message: str
    started_at: datetime
    ended_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long it took, waiting included; None while it is under way."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


@dataclass(frozen=True, slots=True)
class Run:
    """A run as `runs show` prints it; `digest` is empty until the registry was read."""

    id: str
    commit: str
    environment: str
    state: str
    message: str
    digest: str
    manifest_commit: str
    pull_request: int | None
    ended_at: datetime | None
    steps: tuple[Step, ...]
    waits_for: str
    seen: str

    @property
    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as `deliveries list` and `show` print it; `repeats` is how often it came again."""

    id: str
    event: str
    state: str
    reason: str
    repeats: int


class Product:
    """`mergeport serve` on SQLite in a directory, and the `mergeport` command beside it."""

    def __init__(self, directory: Path, settings: Mapping[str, str], builder: str, configuration: str) -> None:
        """Choose free ports and write the settings down; nothing is started yet."""
        directory.mkdir(parents=True)
        public, private = _free_ports(2)
        self.hooks_url = f"http://127.0.0.1:{public}/webhooks/github"
        self.url = f"http://127.0.0.1:{private}"
        self.log = directory / "serve.log"
        self.environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
            **settings,
            "MERGEPORT_STATE_DIRECTORY": str(directory),
            "MERGEPORT_PUBLIC_BIND": f"127.0.0.1:{public}",
            "MERGEPORT_PRIVATE_BIND": f"127.0.0.1:{private}",
            "MERGEPORT_URL": self.url,
            "MERGEPORT_CONFIGURATION_REPOSITORY": configuration,
            "MERGEPORT_BUILDER": builder,
            "MERGEPORT_WATCH_INTERVAL": "0.5",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start `mergeport serve` in a session of its own, so that Ctrl-C reaches it only through the demo."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "service.cli.main", "serve"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Return when the service says that it is ready."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check_alive()
            with suppress(requests.RequestException):
                if requests.get(f"{self.url}/readyz", timeout=2).status_code == requests.codes.ok:
                    return
            time.sleep(0.1)
        raise DemoError(f"mergeport serve was not ready within {START_SECONDS:.0f} s")

    def check_alive(self) -> None:
        """Raise DemoError when the process has ended by itself."""
        if self._process is None or self._process.poll() is not None:
            status = None if self._process is None else self._process.returncode
            raise DemoError(f"mergeport serve ended by itself, with status {status}")

    def stop(self) -> None:
        """Ask it to end and wait; if it does not, kill its whole session. Calling this again is harmless.

        It waits for web and worker even if `serve` itself has died, because they need a moment to notice that.
        """
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
        deadline = time.monotonic() + STOP_SECONDS
        while _members(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in _members(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()

    def tail(self, lines: int = 20) -> list[str]:
        """Give the end of the service's log."""
        if not self.log.exists():
            return []
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]

    def runs(self) -> list[tuple[str, str]]:
        """Give id and source commit of every run, by `runs list`."""
        listed: list[dict[str, Any]] = self._tell("runs", "list")
        return [(one["id"], one["commit"]) for one in listed]

    def run(self, run_id: str) -> Run:
        """Give a run, by `runs show`."""
        told: dict[str, Any] = self._tell("runs", "show", run_id)
        run, wait = told["run"], told["wait"] or {}
        digests = [image.get("digest") or "" for image in run["images"].values()]
        return Run(
            id=run["id"],
            commit=run["commit"],
            environment=run["environment"],
            state=run["state"],
            message=run["message"],
            digest=digests[0] if digests else "",
            manifest_commit=run["manifest_commit"] or "",
            pull_request=run["pull_request"],
            ended_at=_time(run["ended_at"]),
            steps=tuple(_step(one) for one in told["steps"]),
            waits_for=wait.get("kind", ""),
            seen=wait.get("last_seen", ""),
        )

    def deliveries(self) -> dict[str, Delivery]:
        """Give the newest deliveries by their ids, by `deliveries list`."""
        listed: list[dict[str, Any]] = self._tell("deliveries", "list")
        return {one["id"]: _delivery(one) for one in listed}

    def delivery(self, delivery_id: str) -> tuple[Delivery, int]:
        """Give a delivery and the number of runs that it made, by `deliveries show`."""
        told: dict[str, Any] = self._tell("deliveries", "show", delivery_id)
        return _delivery(told["delivery"]), len(told["runs"])

    def roll_back(self, application: str, environment: str, why: str) -> None:
        """Go back to the former release, by `rollback`."""
        self._tell("rollback", application, environment, "--reason", why)

    def status(self, application: str) -> list[dict[str, Any]]:
        """Give the places of an application, by `status`."""
        found: list[dict[str, Any]] = self._tell("status", application)
        return found

    def _tell(self, *argv: str) -> Any:  # noqa: ANN401 - JSON; each caller knows its shape
        """Run a `mergeport` command with --json and give what it prints."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "service.cli.main", *argv, "--json"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        if done.returncode != 0:
            raise DemoError(f"mergeport {' '.join(argv)} ended by {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)


def _step(told: Mapping[str, Any]) -> Step:
    started, ended = _time(told["started_at"]), _time(told["ended_at"])
    if started is None:
        raise DemoError(f"step {told['name']} has no time")
    return Step(told["name"], told["state"], told["message"], started, ended)


def _delivery(told: Mapping[str, Any]) -> Delivery:
    return Delivery(told["id"], told["event"], told["state"], told["reason"], told["repeats"])


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _free_ports(count: int) -> list[int]:
    """Find loopback ports that nobody listens on now, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _members(session: int) -> list[int]:
    """Name the processes of the session that still run; one that ended but was not collected yet does not count."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _parent, _group, its_session = entry.read_text().rpartition(")")[2].split()[:4]
            if its_session == str(session) and state not in "ZX":
                found.append(int(entry.parent.name))
    return found
