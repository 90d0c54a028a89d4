"""`mergeport lock` and its kin: what they print, how they end, and what they ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from devstack.stack import Devstack
from service.cli.acting import Until, asked
from tests.cli.calling import Call, caller
from tests.fixtures.service import CONFIGURATION, MANIFESTS


@pytest.fixture
def call(
    world: Devstack,
    migrated_sqlite_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Call:
    """Give a function that calls `mergeport` beside a database, with the worker's settings."""
    settings = {
        **world.environment(),
        "MERGEPORT_STATE_DIRECTORY": str(tmp_path),
        "MERGEPORT_CONFIGURATION_REPOSITORY": MANIFESTS,
        "MERGEPORT_URL": "http://mergeport.test",
        "LOGNAME": "ada",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert migrated_sqlite_url == f"sqlite:///{tmp_path}/mergeport.db"
    return caller(monkeypatch, capsys)


def test_lock_is_told_listed_refused_twice_and_taken_away(call: Call, world: Devstack) -> None:
    locked = call("lock", "prod", "--reason", "incident \x1b[31m42", "--as", "anna", "--until", "2h")
    tip = world.git.open(MANIFESTS).tip("mergeport/state")
    assert (locked.status, locked.out) == (0, f"prod is locked: {tip[:12]} in {MANIFESTS}\n")
    assert locked.err == "pull requests to prod that are open already can still be merged\n"
    (listed,) = call("locks", "--json").json
    (entry,) = listed["entries"]
    assert (entry["what"], entry["name"], entry["who"], entry["age_seconds"] < 60) == (
        "lock", "prod", "anna (unverified)", True,
    )  # fmt: skip
    again = call("lock", "prod")
    assert again.status == 1
    assert again.err.startswith("error: prod is locked by anna (unverified) since ")
    assert "hint: `mergeport unlock prod` first" in again.err
    plain = call("locks").out
    assert "incident" in plain
    assert "\x1b" not in plain
    assert call("unlock", "prod").out.startswith("prod is not locked any more: ")
    assert call("locks").out == ""


def test_hold_and_block_are_done_and_undone(call: Call) -> None:
    assert call("hold", "checkout", "dev", "--json").json["what"] == "checkout in dev"
    assert call("block", "A" * 40).out.startswith(f"commit {'a' * 40} is blocked: ")
    assert [entry["what"] for entry in call("locks", "--json").json[0]["entries"]] == ["block", "hold"]
    assert call("unhold", "checkout", "dev").status == 0
    assert call("unblock", "a" * 40).status == 0
    assert call("unblock", "a" * 40).status == 1


def test_part_that_failed_is_told_with_status_1_and_what_to_do(call: Call, world: Devstack) -> None:
    other = "acme/more-manifests"
    world.create_repository(other, {"readme": "x"})
    keys = f"stage: {{branch: staging, manifest: {{repository: {other}}}}}"
    text = CONFIGURATION.replace("stage: {branch: staging}", keys)
    world.git.open(MANIFESTS).commit_files("main", {"mergeport.yaml": text}, "Two of them")
    world.git.install_hook(other, "pre-receive", "#!/bin/sh\nexit 1\n")
    told = call("block", "1" * 40)
    assert told.status == 1
    assert told.out.endswith(f" in {MANIFESTS}\n")
    assert f"error: not done in {other}: " in told.err
    assert f"hint: repeat the same command for {other}" in told.err


@pytest.mark.parametrize("argv", [["lock"], ["lock", "prod", "--all"], ["unlock"], ["lock", "prod", "--until", "soon"]])
def test_wrong_usage_is_told_before_anything_is_read(
    argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert caller(monkeypatch, capsys)(*argv).status == 2


def test_state_accept_takes_what_is_there(call: Call, world: Devstack) -> None:
    call("lock", "dev")
    told = call("state", "accept")
    assert (told.status, told.err.splitlines()[0]) == (1, f"error: the state of {MANIFESTS} is not in doubt")
    world.git.open(MANIFESTS).commit_files("mergeport/state", {"state.yaml": "locks: [\n"}, "By hand")
    doubted = call("locks")
    assert (doubted.status, "nothing is promoted to acme/manifests: " in doubted.err) == (0, True)
    assert "state.yaml:" in call("state", "accept").err


def test_name_that_the_configuration_does_not_have_is_told_with_the_nearest(call: Call, world: Devstack) -> None:
    text = 'locks:\n  - {environment: prd, who: ann, since: "2026-11-29T17:00:00Z"}\n'
    world.git.open(MANIFESTS).commit_files("mergeport/state", {"state.yaml": text}, "By hand")
    told = call("locks")
    assert (told.status, "the lock of prd is not right: " in told.err, "did you mean prod?" in told.err) == (
        0,
        True,
        True,
    )
    assert "counts for every environment" in call("locks", "--json").json[0]["entries"][0]["not_right"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-30T08:00:00Z", datetime(2026, 11, 30, 8, tzinfo=UTC)),
        ("2026-11-30T09:00+01:00", datetime(2026, 11, 30, 8, tzinfo=UTC)),
    ],
)
def test_until_is_a_time_with_its_zone(text: str, at: datetime) -> None:
    assert Until().convert(text, None, None) == at


def test_until_is_how_long_from_now() -> None:
    length = Until().convert("90m", None, None) - datetime.now(UTC)
    assert timedelta(minutes=89) < length <= timedelta(minutes=90)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-11-30", "2026-11-30T08:00:00", "-1h", "0s", "9999999d"])
def test_until_that_is_unclear_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write a time with its zone"):
        Until().convert(text, None, None)


def test_who_asks_is_unverified_where_it_is_only_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    assert (asked("", "").by, asked(" anna ", "").by) == ("ada", "anna (unverified)")
