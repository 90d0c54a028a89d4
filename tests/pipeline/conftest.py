"""The pipeline on the devstack, driven by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from devstack.stack import WEBHOOK_SECRET, Devstack
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
"""Modules that run on PostgreSQL as well: all of it with `make prove`, and what is marked `rows_decide`, because rows and
locks decide it, with `make test` too. The other modules are about what is outside and would only take time.
"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses a database on the kinds of it that its module wants."""
    if "database_url" not in metafunc.fixturenames:
        return
    kinds: list[str | ParameterSet] = ["sqlite"]
    if metafunc.module.__name__.rpartition(".")[2] in ON_BOTH:
        decided_by_rows = metafunc.definition.get_closest_marker("rows_decide")
        marks = [pytest.mark.real_postgresql, *([] if decided_by_rows else [pytest.mark.prove])]
        kinds.append(pytest.param("postgresql", marks=marks))
    metafunc.parametrize("database_url", kinds, indirect=True)


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
