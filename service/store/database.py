"""Opens the database: one engine, short transactions, the same behaviour on SQLite and PostgreSQL.

Called by bootstrap. Never creates tables (service.store.migrate does) and never holds a transaction
across a call to the outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from service.errors import RetryableError
from service.store.turns import NoTurn, Turns

Transaction = Connection
"""An open transaction: what every query takes first."""

BUSY_TIMEOUT_SECONDS = 5.0


class Store:
    """The database of one process; threads share it."""

    def __init__(self, url: str) -> None:
        """Prepare the engine; nothing is connected yet. `url` is SQLAlchemy's."""
        parsed = make_url(url)
        self.url = parsed
        self.sqlite = parsed.get_backend_name() == "sqlite"
        self._turns = Turns(Path(str(parsed.database))) if self.sqlite else None
        if self.sqlite:
            self.engine = sa.create_engine(
                parsed, pool_size=8, max_overflow=16, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}
            )
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin)
        else:
            url_with_driver = parsed.set(drivername="postgresql+psycopg")
            self.engine = sa.create_engine(url_with_driver, pool_size=8, max_overflow=8, pool_pre_ping=True)

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Open a transaction for writing; on SQLite it takes the write lock at once, so it never fails half-way.

        All who write to SQLite take turns (service.store.turns): its own waiting is slow and not fair.
        Raises RetryableError `store-unavailable` when the database is away or stays locked.
        """
        try:
            turn = self._turns.take(BUSY_TIMEOUT_SECONDS) if self._turns else nullcontext()
            with turn, self.engine.connect() as connection:
                connection.info["write"] = True
                with connection.begin():
                    yield connection
        except (OperationalError, NoTurn) as error:
            raise _unavailable(error) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise _unavailable(error) from error
            raise

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction for reading; on SQLite it never waits for a writer."""
        try:
            with self.engine.connect() as connection:
                connection.info["write"] = False
                with connection.begin():
                    yield connection
        except OperationalError as error:
            raise _unavailable(error) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise _unavailable(error) from error
            raise

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self._turns:
            self._turns.close()


def _unavailable(error: Exception) -> RetryableError:
    return RetryableError(
        "the database does not answer",
        code="store-unavailable",
        hint="is the database up, its disk not full, and `mergeport migrate` run?",
        retry_after=1.0,
        kind=type(error.__cause__ or error).__name__,
    )


def _prepare_sqlite(connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401, ARG001 - SQLAlchemy's event signature
    """Set what a connection needs. The journal mode (WAL) is set once, by the migration."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_SECONDS * 1000)}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.info.get("write") else "BEGIN")
