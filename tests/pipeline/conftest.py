"""The pipeline on the devstack, driven by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.stack import WEBHOOK_SECRET, Devstack
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline


@pytest.fixture
def pipeline(world: Devstack, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Give a pipeline in a world with hooks; the hooks' address answers nobody, the deliveries are handed over."""
    for name, value in world.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    for repository in (SOURCE, MANIFESTS):
        world.github.add_hook(repository, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET)
    one = Pipeline(world, tmp_path / "state", database_url=database_url)
    yield one
    one.close()
