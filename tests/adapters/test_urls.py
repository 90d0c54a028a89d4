"""Addresses that strangers write: taken apart where they can be, and no traceback where they cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from service.adapters.urls import parts_of
from service.bootstrap_values import github_repository


@pytest.mark.parametrize("url", ["https://[x", "https://x[", "//[", "http://[::1"])
def test_address_that_cannot_be_split_has_no_parts(url: str) -> None:
    assert (parts_of(url).scheme, parts_of(url).netloc, github_repository(url)) == ("", "", None)


def test_address_that_is_none_is_refused_in_words_by_values_commit(tmp_path: Path) -> None:
    argv = ["values", "commit", "--repo", "https://[acme/manifests", "--branch", "main", "values.yaml", "a=b"]
    told = subprocess.run(
        [sys.executable, "-m", "service.cli.main", *argv],
        cwd=tmp_path, env={"PYTHONPATH": str(Path(__file__).parents[2])}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert "The git address https://[acme/manifests is refused: its host is invalid." in told.stderr
