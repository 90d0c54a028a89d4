"""`mergeport approve`: what it asks for, and what it refuses."""

from __future__ import annotations

import pytest

from tests.cli.calling import Call
from tests.cli.test_state import call

__all__ = ["call"]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("01NOBODY", "--as", "grace", "--reason", "tried it"), 1, "There is no run 01NOBODY"),
        (("01NOBODY", "--reason", "tried it"), 2, "Missing option '--as'"),
    ],
)
def test_approval_of_nothing_or_by_nobody_is_refused(
    call: Call, arguments: tuple[str, ...], status: int, told: str
) -> None:
    done = call("approve", *arguments)
    assert (done.status, told in done.err) == (status, True)
