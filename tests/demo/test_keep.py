"""KEEP=1: everything keeps running until it is stopped, and every link opens what it names."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.demo.playing import playing
from tests.docs.pages import page
from tests.fixtures.following import follow
from tests.fixtures.processes import wait_until

pytestmark = pytest.mark.prove


def by_the_tutorial(folder: Path) -> tuple[str, str]:
    """Run the tutorial's lines beside the demo; give what the questions answer at the end, and what was written."""
    _, merge, ask, look = page("docs/tutorial.md").blocks("sh")[:4]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    identity = {f"GIT_{role}_{part}": f"dana@{part}" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}

    def shell(lines: str) -> str:
        lines = f"set -e\n{lines.replace('.demo/', 'demo/').replace('. demo/', '. ./demo/')}"
        told = subprocess.run(
            ["bash", "-c", lines], cwd=folder, env={**os.environ, **identity, "PATH": path},
            check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert told.returncode == 0 or "why-not" in lines, told.stderr
        return told.stdout

    shell(merge)
    told = [""]

    def live() -> bool:
        told.append(shell(f". demo/environment\n{ask}"))
        return "is live and healthy" in told[-1]

    wait_until(live, timeout=120, interval=2)
    return told[-1], shell(look)


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
        asked, written = by_the_tutorial(tmp_path)
        pages, faults = follow(one.find(r"(http://127[^\s)]+)"))
        still = requests.get(page, timeout=10)
        one.process.send_signal(signal.SIGTERM)
        assert one.end() == 0
    assert "is live and healthy" in asked
    assert "checkout" in asked
    assert re.findall(r"^[-+] +(\w+):", written, re.MULTILINE) == ["tag", "digest", "tag", "digest"]
    assert faults == {}
    kinds = {"commit", "pull", "blob", "tree", "runs", "deliveries", "configurations", "log", "applications"}
    assert kinds <= {part for address in pages for part in address.split("/")}
    assert any("/applications/argocd/checkout-prod" in address for address in pages)
    assert still.status_code == 200
    assert refused == 1
    assert f"as process {one.process.pid}" in second.text
    assert one.processes() == {}
    assert "that is not a Dockerfile build" in one.text
