"""`mergeport serve`, `web` and `worker` as processes: what keeps running, what is refused, how it ends."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests

from service.engine.life import SIGN_OF_LIFE
from service.store.migrate import newest_revision
from tests.fixtures.commands import MERGEPORT, SECRET, Command, command
from tests.fixtures.processes import free_port, wait_until
from tests.fixtures.tools import ROOT
from tests.web.deliveries import headers, push, raw

ANSWERS = ROOT / "charts" / "mergeport" / "files" / "answers.py"
WORKER = {
    "MERGEPORT_CONFIGURATION_REPOSITORY": "acme/manifests",
    "MERGEPORT_GITHUB_TOKEN": "made-up",
    "MERGEPORT_BUILDER": "none",
}


@pytest.fixture(scope="module")
def nowhere() -> dict[str, str]:
    """Give settings of a GitHub that is not there, so that a worker reaches nothing outside."""
    address = f"http://127.0.0.1:{free_port()}"
    return {**WORKER, "MERGEPORT_GITHUB_API_URL": address, "MERGEPORT_GITHUB_GIT_URL": address}


@contextmanager
def serving(folder: Path, settings: dict[str, str]) -> Iterator[Command]:
    """Run `mergeport serve` for the length of the block, which begins when it is ready."""
    with command(folder, [*MERGEPORT, "serve"], **settings) as running:
        private = running.addresses[1]
        wait_until(lambda: ready(private) or not running.server.alive(), timeout=60)
        assert running.server.alive(), running.server.log.read_text()[-4000:]
        yield running


@pytest.fixture
def serve(tmp_path: Path, nowhere: dict[str, str]) -> Iterator[Command]:
    """Give a running `mergeport serve` that the test may end."""
    with serving(tmp_path, nowhere) as running:
        yield running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, nowhere: dict[str, str]) -> Iterator[Command]:
    """Give a running `mergeport serve` that survives what the tests do to its children.

    The docker on its PATH does not build, and one of its settings is misspelt.
    """
    tools = tmp_path_factory.mktemp("tools")
    (tools / "docker").write_text("#!/bin/sh\necho 'no daemon in here' >&2\nexit 1\n")
    (tools / "docker").chmod(0o755)
    faulty = {"MERGEPORT_BUILDER": "docker", "MERGEPORT_WATCH_INTERVALL": "5"}
    settings = {**nowhere, **faulty, "PATH": f"{tools}:{os.environ['PATH']}"}
    with serving(tmp_path_factory.mktemp("serve"), settings) as running:
        yield running


@pytest.mark.prove
def test_deliveries_into_a_database_that_was_deleted_are_refused(serve: Command, tmp_path: Path) -> None:
    public, private = serve.addresses
    body = raw(push())
    (tmp_path / "mergeport.db").unlink()
    answer = requests.post(
        public + "/webhooks/github", data=body, headers=headers(body, secret=SECRET.encode()), timeout=20
    )
    assert (answer.status_code, answer.json()["error"]) == (503, "store-unavailable")
    assert not ready(private)


def test_what_serve_makes_is_closed_to_others(lasting: Command) -> None:
    folder = lasting.server.log.parent
    open_to_others = [
        path.name
        for path in (folder, *folder.glob("*.db*"))
        if path.stat().st_mode & 0o077 and path.suffix != ".db-turn"
    ]
    assert [name for name in open_to_others if not name.endswith(("-turn", "-next"))] == []


def test_helm_test_of_the_chart_is_content_with_what_serve_answers(lasting: Command) -> None:
    asked = subprocess.run(
        [sys.executable, str(ANSWERS), *lasting.addresses], check=False, capture_output=True, text=True
    )
    assert (asked.returncode, json.loads(asked.stdout)["faults"]) == (0, [])


def test_helm_test_of_the_chart_says_what_is_not_answered() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    argv = [sys.executable, str(ANSWERS), nobody, nobody, "0"]
    asked = subprocess.run(argv, check=False, capture_output=True, text=True)
    faults = json.loads(asked.stdout)["faults"]
    assert (asked.returncode, len(faults)) == (1, 5)
    assert faults[0].startswith(f"the public port is alive: {nobody}/healthz answers 0, not 200: ")


def test_worker_leaves_a_sign_of_life_where_probes_look(lasting: Command) -> None:
    sign = lasting.server.log.parent / SIGN_OF_LIFE
    before = sign.stat().st_mtime_ns
    wait_until(lambda: sign.stat().st_mtime_ns > before, timeout=30)


@pytest.mark.parametrize("made", ["file", "unwritable"])
def test_a_state_directory_that_cannot_be_used_is_told_in_words(tmp_path: Path, made: str) -> None:
    place = tmp_path / "state"
    if made == "file":
        place.write_text("")
    else:
        place.symlink_to("/proc/self")
    with command(tmp_path, [*MERGEPORT, "serve"], **WORKER, MERGEPORT_STATE_DIRECTORY=str(place)) as refused:
        assert refused.server.process.wait(30) == 1
        told = refused.server.log.read_text()
    assert "MERGEPORT_STATE_DIRECTORY" in told
    assert "Traceback" not in told


def ready(private: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{private}/readyz", timeout=5).status_code == 200
    return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def send(public: str, delivery: str) -> int:
    body = raw(push())
    sent = headers(body, id=delivery, secret=SECRET.encode())
    return requests.post(f"{public}/webhooks/github", data=body, headers=sent, timeout=20).status_code


def test_serve_migrates_receives_and_works_and_ends_with_0(serve: Command, tmp_path: Path) -> None:
    """It has no builder, and so it tells of the builders elsewhere."""
    pids = [serve.wait_for("process started", process=name)["pid"] for name in ("web", "worker")]
    assert "`external`" in serve.wait_for("this machine cannot build images", timeout=60)["hint"]
    assert send(serve.addresses[0], "while-it-serves") == 202
    serve.server.process.send_signal(signal.SIGTERM)
    assert serve.server.process.wait(30) == 0, serve.server.log.read_text()[-4000:]
    assert not any(alive(pid) for pid in pids)
    with sqlite3.connect(tmp_path / "mergeport.db") as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == (newest_revision(),)
        assert database.execute("SELECT id FROM deliveries").fetchall() == [("while-it-serves",)]
    database.close()


def test_a_killed_web_refuses_nobody_and_comes_back_at_the_same_address(lasting: Command) -> None:
    public, private = lasting.addresses
    os.kill(lasting.wait_for("process started", process="web")["pid"], signal.SIGKILL)
    assert send(public, "right-after-the-kill") == 202
    lasting.wait_for("process started", process="web", count=2)
    assert requests.get(f"{private}/healthz", timeout=20).status_code == 200


def test_a_killed_worker_comes_back(lasting: Command) -> None:
    first = lasting.wait_for("process started", process="worker")["pid"]
    lasting.wait_for("worker ready")
    os.kill(first, signal.SIGKILL)
    lasting.wait_for("process ended, starting it again", process="worker", signal="SIGKILL")
    lasting.wait_for("worker ready", count=2, timeout=30)
    assert ready(lasting.addresses[1])


@pytest.mark.prove
def test_nothing_is_left_when_serve_is_killed(serve: Command) -> None:
    pids = [serve.wait_for("process started", process=name)["pid"] for name in ("web", "worker")]
    serve.server.process.kill()
    serve.server.process.wait()
    wait_until(lambda: not any(alive(pid) for pid in pids), timeout=30)


def test_serve_names_every_missing_setting_at_once(tmp_path: Path) -> None:
    with command(tmp_path, [*MERGEPORT, "serve"], MERGEPORT_WEBHOOK_SECRET="") as refused:
        assert refused.server.process.wait(20) == 1
        told = refused.server.log.read_text()
    for name in ("MERGEPORT_WEBHOOK_SECRET", "MERGEPORT_CONFIGURATION_REPOSITORY", "MERGEPORT_GITHUB_TOKEN"):
        assert name in told
    assert "Traceback" not in told


def test_web_refuses_to_start_without_a_secret(tmp_path: Path) -> None:
    with command(tmp_path, [*MERGEPORT, "web"], MERGEPORT_WEBHOOK_SECRET="") as refused:
        assert refused.server.process.wait(20) == 1
        assert "MERGEPORT_WEBHOOK_SECRET" in refused.server.log.read_text()


def test_a_port_that_is_taken_is_a_known_error(tmp_path: Path) -> None:
    with command(tmp_path, [*MERGEPORT, "web"]) as first:
        taken = first.addresses[0].removeprefix("http://")
        (tmp_path / "second").mkdir()
        with command(tmp_path / "second", [*MERGEPORT, "web"], MERGEPORT_PUBLIC_BIND=taken) as second:
            assert second.server.process.wait(20) == 1
            told = second.server.log.read_text()
    assert f"MERGEPORT_PUBLIC_BIND: cannot listen on {taken}" in told
    assert "Traceback" not in told


def test_a_docker_on_path_that_does_not_build_is_none(lasting: Command) -> None:
    told = lasting.wait_for("this machine cannot build images", timeout=60)
    assert "no daemon in here" in told["reason"]
    assert "`external`" in told["hint"]


def test_a_misspelt_setting_is_told_at_start(lasting: Command) -> None:
    told = lasting.wait_for("a setting needs attention", setting="MERGEPORT_WATCH_INTERVALL")
    assert told["hint"] == "did you mean MERGEPORT_WATCH_INTERVAL?"


def test_migrate_says_where_the_tables_are_and_again_is_harmless(tmp_path: Path) -> None:
    for _ in range(2):
        with command(tmp_path, [*MERGEPORT, "migrate"]) as migrating:
            assert migrating.server.process.wait(60) == 0
            assert f"tables are at {newest_revision()}" in migrating.server.log.read_text()
