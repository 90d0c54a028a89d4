"""A served repository and `values commit` on it: fixtures of several test modules."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from devstack.bare import BareRepository
from devstack.git_http import GitAccess, GitServer
from tests.cli.calling import Call, Called, caller

TOKEN = "token-s3cret"
NAME = "acme/manifests"
A, B = "apps/a/values.yaml", "apps/b/values.yaml"
FORBIDDEN = ".github/workflows/x.yaml"
VALUES = "# Values\nimage:\n  tag: v1  # ours\nreplicas: 2\n"
PUSH = "git-receive-pack"


@dataclass
class World:
    """A served repository and a command that may write to it."""

    server: GitServer
    repository: BareRepository
    call: Call

    @property
    def url(self) -> str:
        return self.server.remote(NAME)

    def commit(self, *words: str, branch: str = "main") -> Called:
        return self.call("values", "commit", "--repo", self.url, "--branch", branch, *words)

    def text(self, file: str = A, branch: str = "main") -> str:
        return self.repository.text(branch, file)

    def count(self, branch: str = "main") -> int:
        return int(self.repository.git("rev-list", "--count", branch))


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Give the command without the machine's variables that it reads; the logging is restored afterwards."""
    for name in os.environ:
        if name.startswith(("MERGEPORT_", "GITHUB_")):
            monkeypatch.delenv(name)
    root = logging.getLogger()
    handlers, level, hooks = root.handlers[:], root.level, (sys.excepthook, threading.excepthook)
    yield caller(monkeypatch, capsys)
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(capture=False)


@pytest.fixture
def world(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    server = GitServer(tmp_path / "served")
    server.tokens[TOKEN] = GitAccess("writer")
    repository = server.create(NAME)
    repository.commit_files("main", {A: VALUES, B: VALUES, FORBIDDEN: VALUES}, "Begin")
    monkeypatch.setenv("MERGEPORT_GIT_TOKEN", TOKEN)
    yield World(server, repository, call)
    server.stop()
