"""`mergeport doctor` at the keyboard: what it prints of what it finds, and its exit status."""

from __future__ import annotations

import pytest

from tests.cli.calling import Call
from tests.cli.stores import call, store
from tests.fixtures.service import MANIFESTS

__all__ = ["call", "store"]

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _settings(store: object, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "CONFIGURATION_REPOSITORY": MANIFESTS,
        "GITHUB_TOKEN": "made-up",
        "GITHUB_API_URL": NOWHERE,
    }.items():
        monkeypatch.setenv(f"MERGEPORT_{name}", value)


def test_findings_are_printed_by_part_with_how_to_mend_them(call: Call) -> None:
    told = call("doctor")
    assert told.status == 1
    assert "database\n  ✓ tables: at " in told.out
    assert "  ✗ workers: no worker is alive\n    start `mergeport serve`" in told.out
    assert "  ? clock: " in told.out
    assert told.out.splitlines()[-1].endswith("looked at: 3 well, 2 unknown, 1 fault")


def test_what_is_well_can_be_left_out(call: Call) -> None:
    told = call("doctor", "--quiet")
    assert "✓" not in told.out
    assert "  ✗ workers" in told.out


def test_findings_are_json_for_machines(call: Call) -> None:
    told = call("doctor", "--json")
    assert {"part": "database", "subject": "workers", "verdict": "fault"}.items() <= next(
        one for one in told.json if one["subject"] == "workers"
    ).items()
