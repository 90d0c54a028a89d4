"""The pipeline on the devstack, driven by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from devstack.stack import WEBHOOK_SECRET, Devstack
from service.store import Store
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
        "test_state_branch",
        "test_superseded",
        "test_train",
        "test_writing",
    }
)
"""Modules that also run on PostgreSQL: all with `make prove`, and with `make test` those that are marked `rows_decide`,
because rows and locks decide their claims. The other modules are about outside systems and would only take time."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses a database on the kinds of database that its module wants."""
    if "store" not in metafunc.fixturenames:
        return
    kinds: list[str | ParameterSet] = ["sqlite"]
    if metafunc.module.__name__.rpartition(".")[2] in ON_BOTH:
        decided_by_rows = metafunc.definition.get_closest_marker("rows_decide")
        marks = [pytest.mark.real_postgresql, *([] if decided_by_rows else [pytest.mark.prove])]
        kinds.append(pytest.param("postgresql", marks=marks))
    metafunc.parametrize("store", kinds, indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Store:
    """Give a migrated store, of the kind that the test is run for."""
    kept = request.getfixturevalue(f"kept_{request.param}")
    assert isinstance(kept, Store)
    return kept


@pytest.fixture
def pipeline(world: Devstack, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Give a pipeline in a world with hooks; nobody answers at their address, and tests hand over the deliveries."""
    for name, value in world.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    for repository in (SOURCE, MANIFESTS):
        world.github.add_hook(repository, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET)
    one = Pipeline(world, tmp_path / "state", store=store)
    yield one
    one.close()
