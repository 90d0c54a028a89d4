"""KEEP=1: everything keeps running until it is stopped, and every link opens what it names."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest
import requests

from tests.demo.playing import playing
from tests.fixtures.following import follow
from tests.fixtures.processes import wait_until

pytestmark = pytest.mark.prove


def test_kept_demo_shows_its_pages_refuses_a_second_and_ends_when_told(tmp_path: Path) -> None:
    with playing(tmp_path / "demo", "--builder", "layer", KEEP="1") as one:
        one.wait_for("end it")
        (page,) = one.find(r"^  run to prod +(http\S+)$")
        with playing(tmp_path / "demo") as second:
            refused = second.end()
        command, link = (
            re.search(r"^ *(\. .*?comments\")$", one.text, re.DOTALL | re.MULTILINE),
            one.find(r"(http\S+/pull/\d+)"),
        )
        assert command is not None
        subprocess.run(["bash", "-c", command[1]], check=True, capture_output=True, timeout=60)
        wait_until(
            lambda: "checkout" in requests.get(link[-1], timeout=10).text.partition("/mergeport status")[2], timeout=60
        )
        pages, faults = follow(one.find(r"(http://127[^\s)]+)"))
        still = requests.get(page, timeout=10)
        one.process.send_signal(signal.SIGTERM)
        assert one.end() == 0
    assert faults == {}
    kinds = {"commit", "pull", "blob", "tree", "runs", "deliveries", "configurations", "log", "applications"}
    assert kinds <= {part for address in pages for part in address.split("/")}
    assert any("/applications/argocd/checkout-prod" in address for address in pages)
    assert still.status_code == 200
    assert refused == 1
    assert f"as process {one.process.pid}" in second.text
    assert one.processes() == {}
    assert "that is not a Dockerfile build" in one.text
