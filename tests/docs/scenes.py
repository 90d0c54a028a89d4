"""A world as the documentation describes it: the template's manifest repository, merges, and what became of them.

Used by the tests beside it. Everything is what a test of the pipeline uses: real git, registry and doubles over HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.stack import WEBHOOK_SECRET, Devstack
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.fixtures.tools import ROOT
from tests.pipeline.harness import Pipeline

NOBODY = "http://127.0.0.1:9/webhooks/github"
"""The hooks' address, where nobody answers: the test hands the deliveries to the pipeline."""


def build_world(stack: Devstack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the source repository and, from the template, the manifest repository, with hooks."""
    for name, value in stack.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    files = {"Dockerfile": "FROM scratch\nCOPY app.py /app.py\n", "app.py": "print('one')\n"}
    stack.create_repository(SOURCE, files, branches=["develop", "staging", "main"])
    stack.create_repository(MANIFESTS, ROOT / "manifests-template")
    stack.argocd.add_application_set(MANIFESTS)
    for repository in (SOURCE, MANIFESTS):
        stack.github.add_hook(repository, NOBODY, secret=WEBHOOK_SECRET, events=["push", "pull_request"])


@contextmanager
def worker(stack: Devstack, state: Path) -> Iterator[Pipeline]:
    """Give a worker with a database of its own, for the length of the block."""
    one = Pipeline(stack, state)
    try:
        yield one
    finally:
        one.close()


def without_names(text: str) -> str:
    """Replace texts that differ from run to run by names of what they are, so that recordings can be compared."""
    for pattern, word in (
        (r"http://127\.0\.0\.1:\d+", "https://github.com"),
        (r"sha256:[0-9a-f]{64}", "DIGEST"),
        (r"\b[0-9a-f]{40}\b", "COMMIT"),
        (r"\b[0-9a-f]{12}\b", "SHORT"),
        (r"\b[0-9a-f]{7}\.\.[0-9a-f]{7}\b", "BLOBS"),
        (r"\b[0-9A-HJKMNP-TV-Z]{26}\b", "RUN"),
        (r"\b\d+\+alice@", "ID+alice@"),
    ):
        text = re.sub(pattern, word, text)
    return text
