"""`mergeport rollback`: how it ends where there is nothing to go back to."""

from __future__ import annotations

import pytest

from tests.cli.calling import Call
from tests.cli.test_state import call as call  # noqa: PLC0414 - the fixture


def test_application_that_is_not_there_is_told(call: Call) -> None:
    told = call("rollback", "chekout", "prod", "--reason", "payments fail")
    assert (told.status, "chekout" in told.err, "hint: " in told.err) == (1, True, True)


@pytest.mark.parametrize("options", [["--plan"], []])
def test_nothing_to_go_back_to_is_told_and_nothing_is_held(call: Call, options: list[str]) -> None:
    told = call("rollback", "checkout", "prod", "--reason", "payments fail", *options)
    assert told.status == 1
    assert told.err.startswith("error: checkout had no other release in prod before the present one")
    assert "hint: `--to` names a release" in told.err
    assert call("locks").out == ""
