"""Calls `mergeport` in this process as a shell would: arguments in, exit status and output back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from service.cli.main import main


@dataclass(frozen=True, slots=True)
class Called:
    """The outcome of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Read the output as JSON."""
        return json.loads(self.out)


Call = Callable[..., Called]


def caller(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Give a function that calls the command."""

    def call(*argv: str) -> Called:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["mergeport", *argv])
        try:
            main()
            status: Any = 0
        except SystemExit as ended:
            status = ended.code
        told = capsys.readouterr()
        return Called(int(status or 0), told.out, told.err)

    return call
