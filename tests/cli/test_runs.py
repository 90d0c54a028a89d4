"""`mergeport runs`: what it tells, and what it changes in the store."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from service.core.deployment import Past, past_text
from service.core.words import BuildState, RunId, RunState, Sha, WaitKind
from service.store import Store, builds, configurations, runs, sightings, waits
from service.store.configurations import StoredConfiguration
from service.store.tables import audit
from tests.cli.calling import Call
from tests.cli.stores import call, rows, store
from tests.fixtures.processes import wait_until
from tests.fixtures.rows import COMMIT, CONFIGURATION, NOW, Rows

__all__ = ["call", "rows", "store"]


def deeds(store: Store) -> list[tuple[str, str, str]]:
    """Give actor, action and subject of everything that was done by hand."""
    with store.read() as tx:
        query = sa.select(audit.c.actor, audit.c.action, audit.c.subject).order_by(audit.c.sequence)
        return [(actor, action, subject) for actor, action, subject in tx.execute(query)]


def kept(store: Store, run_id: str) -> runs.Run:
    with store.read() as tx:
        found = runs.get(tx, RunId(run_id))
    assert found is not None
    return found


# --- list and show -------------------------------------------------------------------------------


def test_the_list_is_one_plain_line_a_run_newest_first(call: Call, rows: Rows) -> None:
    old = rows.run(state=RunState.SUCCEEDED, message="live in dev")
    new = rows.run(rows.change("5a" * 20), at=NOW + timedelta(seconds=5))
    told = call("runs", "list")
    assert told.status == 0
    assert [line.split()[:2] for line in told.out.splitlines()] == [[new.id, "queued"], [old.id, "succeeded"]]
    assert told.out.splitlines()[1].endswith("2026-03-04T12:00:00Z  live in dev")


def test_the_list_can_be_narrowed(call: Call, rows: Rows) -> None:
    rows.run(application="web")
    wanted = rows.run(application="api", environment="prod", state=RunState.FAILED)
    rows.run(application="api", environment="dev")
    told = call("runs", "list", "--application", "api", "--state", "failed", "--environment", "prod", "--json")
    assert [run["id"] for run in told.json] == [wanted.id]


def test_the_list_is_complete_as_json(call: Call, rows: Rows) -> None:
    run = rows.run()
    [told] = call("runs", "list", "--json").json
    assert told["commit"] == COMMIT
    assert told["created_at"] == "2026-03-04T12:00:00+00:00"
    assert set(told) == set(runs.Run.__dataclass_fields__)
    assert told["id"] == run.id


def test_a_run_is_shown_with_its_steps_and_its_wait(call: Call, rows: Rows) -> None:
    run = rows.run()
    rows.step(run, "find image", 2.5, message="it is not there yet")
    rows.wait(run, WaitKind.IMAGE)
    told = call("runs", "show", run.id)
    assert "find image  succeeded  2.5 s  it is not there yet" in told.out
    assert "waits for image since 2026-03-04T12:00:00Z: the tag is not there yet" in told.out
    assert "Charge the right card (Ada)" in told.out


def test_a_run_is_shown_with_whose_images_it_has(call: Call, rows: Rows) -> None:
    image = {"registry": "r.example", "repository": "checkout", "tag": "1", "digest": "sha256:0a"}
    run = rows.run(images={"": {**image, "origin": "same-tree", "made_for": COMMIT, "built_by": None}})
    told = call("runs", "show", run.id).out
    assert f"r.example/checkout:1@sha256:0a (the image of {COMMIT[:12]}, the same tree)" in told
    assert call("runs", "show", run.id, "--json").json["run"]["images"][""]["origin"] == "same-tree"


def test_a_run_that_waits_while_something_is_wrong_says_when_it_gives_up(call: Call, store: Store, rows: Rows) -> None:
    run = rows.run()
    rows.wait(run, WaitKind.SYNC)
    with store.begin() as tx:
        sightings.keep(tx, run.id, past_text(Past(gives_up_at=NOW + timedelta(minutes=4))))
    assert "gives up at 2026-03-04T12:04:00Z, unless it gets better" in call("runs", "show", run.id).out


def test_a_run_is_shown_with_what_the_scan_has_found(call: Call, rows: Rows) -> None:
    image = {"registry": "r.example", "repository": "checkout", "tag": "1", "digest": None}
    run = rows.run(images={"": {**image, "scan": {"status": "failed", "said": "LIMIT_EXCEEDED"}}})
    assert "failed: LIMIT_EXCEEDED" in call("runs", "show", run.id).out


def test_a_run_is_shown_as_json(call: Call, rows: Rows) -> None:
    run = rows.run()
    rows.build(run)
    told = call("runs", "show", run.id, "--json").json
    assert told["run"]["id"] == run.id
    assert told["change"]["subject"] == "Charge the right card"
    assert [build["state"] for build in told["builds"]] == ["running"]
    assert told["wait"] is None


def test_the_beginning_of_an_id_is_enough_in_any_case(call: Call, rows: Rows) -> None:
    run = rows.run()
    assert call("runs", "show", run.id[:20].lower(), "--json").json["run"]["id"] == run.id


def test_a_beginning_of_several_is_refused_and_they_are_named(call: Call, rows: Rows) -> None:
    first, second = rows.run(application="a"), rows.run(application="b")
    told = call("runs", "show", "0")
    assert told.status == 1
    assert "error: More than one run begins with 0" in told.err
    assert first.id in told.err
    assert second.id in told.err


@pytest.mark.parametrize("unknown", ["01ZZZZ", "%", "_", ""])
def test_an_unknown_run_is_a_known_error(call: Call, rows: Rows, unknown: str) -> None:
    rows.run()
    told = call("runs", "show", unknown)
    assert told.status == 1
    assert told.out == ""
    assert "There is no run" in told.err
    assert "hint: `mergeport runs list` shows them" in told.err


def test_without_a_database_nothing_is_made(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGEPORT_STATE_DIRECTORY", str(tmp_path))
    told = call("runs", "list")
    assert told.status == 1
    assert "There is no database at" in told.err
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_is_a_known_error(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MERGEPORT_STATE_DIRECTORY", str(tmp_path))
    (tmp_path / "mergeport.db").touch()
    told = call("runs", "list")
    assert told.status == 1
    assert "mergeport migrate" in told.err


def test_wrong_usage_is_2(call: Call) -> None:
    assert call("runs", "list", "--state", "done").status == 2
    assert call("runs", "show").status == 2


# --- logs ----------------------------------------------------------------------------------------


def test_the_whole_log_is_printed(call: Call, rows: Rows) -> None:
    run = rows.run()
    rows.build(run, *(f"line {number}\n" for number in range(2500)))
    told = call("runs", "logs", run.id)
    assert told.out == "".join(f"line {number}\n" for number in range(2500))
    assert told.err == "--- registry.example/checkout:4f2c1e9ab012\n"


def test_a_run_without_a_log_says_so(call: Call, rows: Rows) -> None:
    told = call("runs", "logs", rows.run().id)
    assert (told.status, told.out) == (0, "")
    assert "no build of this run has a log" in told.err


def test_following_goes_on_until_the_build_has_ended(call: Call, rows: Rows, store: Store) -> None:
    run = rows.run()
    build = rows.build(run, "one\n")

    def work() -> None:
        for text in ("two\n", "three\n"):
            with store.begin() as tx:
                builds.log(tx, build.id, 1, text)
        with store.begin() as tx:
            builds.update(tx, build.id, at=NOW, state=BuildState.SUCCEEDED)

    worker = threading.Timer(0.5, work)
    worker.start()
    told = call("runs", "logs", run.id, "--follow")
    worker.join()
    assert told.out == "one\ntwo\nthree\n"


# --- retry ---------------------------------------------------------------------------------------


def test_a_retry_is_a_new_run_of_the_next_generation(call: Call, rows: Rows, store: Store) -> None:
    old = rows.run(state=RunState.FAILED)
    made = kept(store, call("runs", "retry", old.id, "--json").json["run"])
    assert (made.generation, made.state) == (1, RunState.QUEUED)
    assert (made.change_id, made.commit, made.application) == (old.change_id, old.commit, old.application)
    assert made.workflow_id == f"run:{made.id}"
    assert kept(store, old.id) == old
    assert deeds(store) == [("ada", "retry", old.id)]


def test_a_retry_with_rebuild_wants_its_images_built_anew(call: Call, rows: Rows, store: Store) -> None:
    old = rows.run(state=RunState.FAILED)
    told = call("runs", "retry", old.id, "--rebuild")
    assert "again, with images built anew" in told.out
    with store.read() as tx:
        assert [run.rebuild for run in runs.newest(tx)] == [True, False]
    assert deeds(store) == [("ada", "rebuild", old.id)]


def test_a_retry_uses_the_newest_good_configuration(call: Call, rows: Rows, store: Store) -> None:
    old = rows.run(state=RunState.FAILED)
    for number, good in enumerate([True, True, False]):
        commit = Sha(f"{number}b" * 20)
        loaded_at = NOW + timedelta(minutes=number)
        with store.begin() as tx:
            configurations.keep(
                tx, StoredConfiguration(commit=commit, text="", good=good, faults=[], loaded_at=loaded_at)
            )
    made = kept(store, call("runs", "retry", old.id, "--json").json["run"])
    assert made.configuration_commit == "1b" * 20


def test_a_retry_without_a_stored_configuration_keeps_the_run_s_own(call: Call, rows: Rows, store: Store) -> None:
    old = rows.run(state=RunState.CANCELLED)
    made = kept(store, call("runs", "retry", old.id, "--json").json["run"])
    assert made.configuration_commit == CONFIGURATION


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING, RunState.WAITING])
def test_a_run_under_way_is_not_retried(call: Call, rows: Rows, store: Store, state: RunState) -> None:
    run = rows.run(state=state)
    told = call("runs", "retry", run.id)
    assert told.status == 1
    assert "has not ended" in told.err
    with store.read() as tx:
        assert len(runs.newest(tx)) == 1
    assert deeds(store) == []


def test_a_run_that_was_overtaken_is_not_retried(call: Call, rows: Rows, store: Store) -> None:
    old = rows.run(state=RunState.FAILED)
    later = rows.run(rows.change("5a" * 20), state=RunState.SUCCEEDED)
    told = call("runs", "retry", old.id)
    assert told.status == 1
    assert later.id in told.err
    with store.read() as tx:
        assert len(runs.newest(tx)) == 2


def test_a_later_run_elsewhere_does_not_hinder(call: Call, rows: Rows) -> None:
    old = rows.run(state=RunState.FAILED)
    rows.run(rows.change("5a" * 20), environment="stage", state=RunState.SUCCEEDED)
    rows.run(rows.change("6a" * 20), state=RunState.FAILED)
    assert call("runs", "retry", old.id).status == 0


def test_only_one_retry_is_under_way(call: Call, rows: Rows) -> None:
    old = rows.run(state=RunState.FAILED)
    assert call("runs", "retry", old.id).status == 0
    assert call("runs", "retry", old.id).status == 1


# --- cancel --------------------------------------------------------------------------------------


def test_a_waiting_run_is_woken_to_be_cancelled(call: Call, rows: Rows, store: Store) -> None:
    run = rows.run()
    wait = rows.wait(run)
    assert call("runs", "cancel", run.id).status == 0
    after = kept(store, run.id)
    assert (after.cancel_requested_by, after.state) == ("ada", RunState.QUEUED)
    assert after.workflow_id == f"wait:{wait.id}"
    with store.read() as tx:
        answered = waits.get(tx, wait.id)
    assert answered is not None
    assert answered.answer == "cancelled"
    assert deeds(store) == [("ada", "cancel", run.id)]


def test_a_running_run_is_only_marked(call: Call, rows: Rows, store: Store) -> None:
    run = rows.run(state=RunState.RUNNING)
    assert call("runs", "cancel", run.id).status == 0
    after = kept(store, run.id)
    assert (after.cancel_requested_by, after.state, after.workflow_id) == ("ada", RunState.RUNNING, run.workflow_id)


def test_cancelling_twice_is_one_deed(call: Call, rows: Rows, store: Store) -> None:
    run = rows.run(state=RunState.RUNNING)
    assert [call("runs", "cancel", run.id).status for _ in range(2)] == [0, 0]
    assert len(deeds(store)) == 1


def test_a_run_that_has_ended_is_not_cancelled(call: Call, rows: Rows, store: Store) -> None:
    run = rows.run(state=RunState.SUCCEEDED)
    told = call("runs", "cancel", run.id)
    assert told.status == 1
    assert "has ended: succeeded" in told.err
    assert kept(store, run.id).cancel_requested_by is None


def test_a_terminal_gets_a_table(tmp_path: Path, rows: Rows) -> None:
    import os  # noqa: PLC0415 - only here
    import pty  # noqa: PLC0415 - only here
    import subprocess  # noqa: PLC0415 - only here
    import sys  # noqa: PLC0415 - only here

    run = rows.run(state=RunState.FAILED)
    outer, inner = pty.openpty()
    environ = {**os.environ, "MERGEPORT_STATE_DIRECTORY": str(tmp_path), "TERM": "xterm-256color", "COLUMNS": "160"}
    argv = [sys.executable, "-m", "service.cli.main", "runs", "list"]
    with subprocess.Popen(argv, stdout=inner, env=environ) as process:
        shown = b""
        os.set_blocking(outer, False)

        def done() -> bool:
            nonlocal shown
            try:
                shown += os.read(outer, 65536)
            except BlockingIOError:
                return process.poll() is not None
            return False

        wait_until(done, timeout=20)
    os.close(inner)
    os.close(outer)
    assert process.returncode == 0
    assert b"environment" in shown
    assert b"\x1b[31mfailed" in shown
    assert run.id.encode() in shown


HARMFUL = "\x1b[2J\x9b1m\u202eevil\x1b]8;;http://evil.example\x07x"


@pytest.mark.parametrize("arguments", [("list",), ("list", "--json"), ("show", "ID"), ("show", "ID", "--json")])
def test_what_strangers_write_moves_no_cursor(call: Call, rows: Rows, arguments: tuple[str, ...]) -> None:
    run = rows.run(application=HARMFUL, message=HARMFUL)
    told = call("runs", *(run.id if argument == "ID" else argument for argument in arguments))
    assert told.status == 0
    assert "evil" in told.out
    assert [one for one in told.out if one in "\x1b\x9b\x07\u202e"] == []


def test_an_error_that_repeats_what_was_asked_for_moves_no_cursor(call: Call, rows: Rows) -> None:
    rows.run()
    refused = call("runs", "show", HARMFUL)
    assert refused.status == 1
    assert "\x1b" not in refused.err
