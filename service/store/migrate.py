"""Brings the tables to the newest shape. Called by `mergeport migrate` and by `serve` before anything else."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from service.store.database import Store

_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(store: Store) -> str:
    """Upgrade the tables and give their revision; does nothing when they are up to date."""
    if store.sqlite:
        if store.url.database:
            Path(store.url.database).parent.mkdir(parents=True, exist_ok=True)
        with store.engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
    with store.begin() as tx:
        if tx.dialect.name == "postgresql":
            # Without a time limit: another process may migrate for long, and a change of a table may wait for locks.
            tx.execute(sa.text("SET LOCAL lock_timeout = 0"))
            tx.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            tx.execute(sa.text("SELECT pg_advisory_xact_lock(734201177)"))
        config = _config()
        config.attributes["connection"] = tx
        command.upgrade(config, "head")
    return revision(store)


def revision(store: Store) -> str:
    """Give the revision that the tables are at, or nothing for an empty database."""
    with store.read() as tx:
        return MigrationContext.configure(tx).get_current_revision() or ""


def newest_revision() -> str:
    """Give the revision that this version of the program needs."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
