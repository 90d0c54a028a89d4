"""A store on disk and the two applications on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from service.adapters.sources.github import GitHubSource
from service.store import Store
from service.web.counters import Counters
from service.web.private import private_app
from service.web.webhooks import Receiver, public_app
from tests.fixtures.disks import small_disk
from tests.fixtures.rows import NOW, Rows
from tests.web.deliveries import SECRET

__all__ = ["small_disk"]

URL = "https://mergeport.example"
SOURCES = {"github": GitHubSource([SECRET, b"the-next-secret"])}


@pytest.fixture
def store(migrated_sqlite_url: str) -> Iterator[Store]:
    """Give a migrated SQLite store."""
    made = Store(migrated_sqlite_url)
    yield made
    made.close()


@pytest.fixture
def rows(store: Store) -> Rows:
    return Rows(store)


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def receiver(store: Store, counters: Counters) -> Receiver:
    return Receiver(store=store, sources=SOURCES, url=URL, now=lambda: NOW, counters=counters)


@pytest.fixture
def public(receiver: Receiver) -> FlaskClient:
    """Give a client of the public listener's application."""
    return public_app(receiver).test_client()


@pytest.fixture
def private(store: Store, counters: Counters) -> FlaskClient:
    """Give a client of the private listener's application."""
    return private_app(store, url=URL, now=lambda: NOW, counters=counters).test_client()
