"""The pipeline on the devstack, driven by hand."""

from __future__ import annotations

import shutil
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
    name = "kept_sqlite_url" if request.param == "sqlite" else "migrated_postgresql_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(scope="session")
def kept_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Keep one store on SQLite for the session, because it remembers the SQL of every statement that it has seen."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('kept')}/mergeport.db")
    yield store
    store.close()


@pytest.fixture
def kept_sqlite_url(kept_store: Store, sqlite_template: Path) -> Iterator[str]:
    """Give the URL of the kept store; its database is a new one for each test."""
    assert kept_store.file is not None
    shutil.copy(sqlite_template, kept_store.file)
    yield str(kept_store.url)
    kept_store.close()  # the store opens it again at its next use
    for file in kept_store.file.parent.iterdir():
        file.unlink()


@pytest.fixture
def pipeline(
    world: Devstack, tmp_path: Path, database_url: str, kept_store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """Give a pipeline in a world with hooks; nobody answers at their address, and tests hand over the deliveries."""
    for name, value in world.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    for repository in (SOURCE, MANIFESTS):
        world.github.add_hook(repository, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET)
    store = kept_store if database_url == str(kept_store.url) else Store(database_url)
    one = Pipeline(world, tmp_path / "state", store=store)
    yield one
    one.close()
