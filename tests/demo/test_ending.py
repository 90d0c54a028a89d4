"""However the demo ends, nothing stays behind: by Ctrl-C in the middle, or because the product died."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.demo.playing import SECONDS, playing
from tests.fixtures.processes import wait_until

pytestmark = pytest.mark.prove


def test_interrupt_ends_everything(tmp_path: Path) -> None:
    with playing(tmp_path / "demo", "--builder", "layer") as one:
        one.wait_for("find image")
        assert one.processes() != {}
        one.process.send_signal(signal.SIGINT)
        assert one.end() == 130
    assert one.processes() == {}
    assert "stopped by SIGINT" in one.text


def test_interrupt_while_it_starts_ends_everything(tmp_path: Path) -> None:
    with playing(tmp_path / "demo", "--builder", "layer") as one:
        wait_until(lambda: one.processes() != {}, timeout=SECONDS)
        one.process.send_signal(signal.SIGTERM)
        assert one.end() == 143
    assert one.processes() == {}


def test_service_that_dies_ends_the_demo_with_the_reason_and_its_log(tmp_path: Path) -> None:
    with playing(tmp_path / "demo", "--builder", "layer") as one:
        one.wait_for("find image")
        serve = next(pid for pid, argv in one.processes().items() if argv.endswith("service.cli.main serve "))
        os.kill(serve, signal.SIGKILL)
        assert one.end() == 1
    assert one.processes() == {}
    assert "The demo failed: mergeport serve ended by itself, with status -9" in one.text
    assert "│ 20" in one.text
