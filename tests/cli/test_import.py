"""`mergeport import` prints a proposal, tells what differs with its lines, and overwrites nothing by itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from service.cli.import_files import MOST_BYTES
from tests.cli.calling import Call, caller

WORKFLOW = """on: {push: {branches: [develop]}}
jobs:
  deploy:
    steps:
      - uses: docker/build-push-action@v6
        with: {tags: "ghcr.io/acme/checkout:${{ github.sha }}"}
      - uses: actions/checkout@v4
        with: {repository: acme/manifests, path: manifests}
      - run: yq -i '.image.tag = "${{ github.sha }}"' manifests/apps/checkout/values-dev.yaml
"""
VALUES = "image:\n  repository: ghcr.io/acme/checkout\n  tag: '1'\n"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(monkeypatch, capsys)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two checkouts, one of the source and one of the manifests."""
    for name, files in (
        ("source", {".github/workflows/deploy.yml": WORKFLOW}),
        ("manifests", {"apps/checkout/values-dev.yaml": VALUES}),
    ):
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True)
            (tmp_path / name / path).write_text(text)
        subprocess.run(["git", "init", "-q", "-b", "main", name], check=True, cwd=tmp_path)
        repository = {"source": "acme/checkout", "manifests": "acme/manifests"}[name]
        address = f"https://github.com/{repository}.git"
        subprocess.run(["git", "-C", name, "remote", "add", "origin", address], check=True, cwd=tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_proposal_is_what_config_check_accepts(folders: Path, call: Call) -> None:
    done = call("import", "source", "manifests", "--output", "manifests/mergeport.yaml")
    assert (done.status, done.out) == (0, "")
    assert "source/.github/workflows/deploy.yml:9: old-writer: " in done.err
    assert "belongs at the root of the manifest repository acme/manifests" in done.err
    checked = call("config", "check", "manifests")
    assert (
        checked.out == "manifests/mergeport.yaml: ok: 1 application, 1 environment, 1 target; 1 values file checked\n"
    )
    again = call("import", "source", "manifests/apps", "--output", "manifests/mergeport.yaml")
    assert (again.status, again.err.splitlines()[-1]) == (0, "manifests/mergeport.yaml: nothing to change")


def test_a_file_that_says_something_else_is_shown_and_left(folders: Path, call: Call) -> None:
    (folders / "mine.yaml").write_text("mine: 1\n")
    done = call("import", "source", "manifests", "--output", "mine.yaml")
    assert done.status == 1
    assert "-mine: 1\n" in done.out
    assert "mine.yaml exists and says something else" in done.err
    assert (folders / "mine.yaml").read_text() == "mine: 1\n"
    assert call("import", "source", "manifests", "--output", "mine.yaml", "--overwrite").status == 0
    assert "applications:" in (folders / "mine.yaml").read_text()


def test_json_has_everything(folders: Path, call: Call) -> None:
    (folders / "manifests/broken.yaml").write_text("a: [argocd-image-updater.argoproj.io\n")
    found = call("import", "source", "manifests", "--json").json
    assert found["repository"] == "acme/manifests"
    assert found["questions"] == []
    assert {"old-writer", "guessed", "argocd-name"} == {one["kind"] for one in found["differences"]}
    assert [(one["file"], one["line"]) for one in found["skipped"]] == [("manifests/broken.yaml", 2)]
    assert call("import", "source", "manifests").out == found["proposal"]


def test_files_that_cannot_be_read_are_named_and_the_rest_is_imported(folders: Path, call: Call) -> None:
    (folders / "manifests/binary.yaml").write_bytes(b"\xff\xfe\x00")
    (folders / "manifests/large.yaml").write_text("a" * (MOST_BYTES + 1))
    (folders / "manifests/link.yaml").symlink_to("/etc/passwd")
    os.mkfifo(folders / "manifests/pipe.sh")
    (folders / "source/node_modules").mkdir()
    (folders / "source/node_modules/a.sh").write_text("sed -i s/a/$B/ apps/checkout/values-dev.yaml\n")
    done = call("import", "source", "manifests")
    assert done.status == 0
    for name, why in (
        ("binary.yaml", "not UTF-8 text"),
        ("large.yaml", "larger than 512 KiB"),
        ("link.yaml", "no regular file"),
        ("pipe.sh", "no regular file"),
    ):
        assert f"manifests/{name}:1: skipped: {why}\n" in done.err
    assert "node_modules" not in done.err


def test_nothing_to_import_is_an_error_with_what_to_do(folders: Path, call: Call) -> None:
    done = call("import", "manifests", "--output", "new.yaml")
    assert done.status == 1
    assert "error: Nothing was found that writes images into files\nhint: name the folders" in done.err
    assert not (folders / "new.yaml").exists()
