"""The pipeline on the devstack, driven by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.stack import WEBHOOK_SECRET, Devstack
from tests.fixtures.databases import BOTH
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

ON_BOTH = frozenset(
    {
        "test_batches",
        "test_building",
        "test_busy_branch",
        "test_cancelling",
        "test_holding",
        "test_intake",
        "test_main_job",
        "test_merge_queue",
        "test_promotion",
        "test_reporting",
        "test_superseded",
        "test_writing",
    }
)
"""Where rows decide: these run on PostgreSQL as well. The others are about what is outside and would only take time."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses a database on the kinds of it that its module wants."""
    if "database_url" in metafunc.fixturenames:
        both = metafunc.module.__name__.rpartition(".")[2] in ON_BOTH
        metafunc.parametrize("database_url", BOTH if both else ["sqlite"], indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of a database with our tables, of the kind that the test is run for."""
    return str(request.getfixturevalue(f"migrated_{request.param}_url"))


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
