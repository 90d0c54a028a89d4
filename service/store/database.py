"""Opens the database: one engine, short transactions, the same behaviour on SQLite and PostgreSQL.

Called by bootstrap. Never creates tables (service.store.migrate does) and never holds a transaction
across a call to the outside.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DatabaseError, DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from service.errors import MergeportError, PermanentError, RetryableError
from service.state_files import FileGone, Identity, Number
from service.store.outage import Outage
from service.store.storable import StorableConnection, StorableCursor
from service.store.turns import NoTurn, Turns

Transaction = Connection
"""An open transaction: what every query takes first."""

READS = "mergeport-reads"
"""Says of a connection that its transaction is for reading; the tests refuse everything else in it."""

BUSY_TIMEOUT_SECONDS = 5.0
POOL_TIMEOUT_SECONDS = 10.0
LOCK_TIMEOUT_SECONDS = 10.0
"""On PostgreSQL: how long a statement waits for a row that another process has, before it is tried again later."""
RESTED_SECONDS = 1.0
"""On PostgreSQL: a connection that rested for so long is tried before it is used, because the server may be another."""
IDLE_TIMEOUT_SECONDS = 5.0
"""On PostgreSQL: after how long the server ends the transaction of a process that stands still, and frees its rows."""

_NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""With these, a server that vanishes without a word is an error within half a minute, not a quarter of an hour."""


class Store:
    """The database of one process; threads share it."""

    def __init__(self, url: str) -> None:
        """Prepare the engine; nothing is connected yet. `url` is SQLAlchemy's."""
        parsed = make_url(url)
        self.url = parsed
        self.sqlite = parsed.get_backend_name() == "sqlite"
        file = Path(parsed.database) if self.sqlite and parsed.database else None
        self._turns = Turns(file) if file else None
        self._file = Identity(file) if file else None
        self._outage = Outage()
        if self.sqlite:
            self.engine = sa.create_engine(
                parsed,
                pool_size=8,
                max_overflow=16,
                connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "factory": StorableConnection},
                pool_reset_on_return=None,  # each transaction here is ended by its block
            )
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
        else:
            self.engine = sa.create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                pool_size=8,
                max_overflow=8,
                pool_use_lifo=True,
                pool_timeout=POOL_TIMEOUT_SECONDS,
                connect_args={**_network(parsed), "cursor_factory": StorableCursor},
            )
            sa.event.listen(self.engine, "connect", _prepare_postgresql)
            sa.event.listen(self.engine, "checkin", _note_use)
            sa.event.listen(self.engine, "checkout", partial(_ping_rested, self.engine.dialect))

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Open a transaction for writing; on SQLite it takes the write lock at once, so it never fails half-way.

        Writers to SQLite take turns (service.store.turns), because SQLite's own waiting is slow and not fair. Raises
        RetryableError `store-unavailable` when the database is away or stays locked.
        """
        try:
            opened = self._look_at_file()
            turn = self._turns.take(BUSY_TIMEOUT_SECONDS) if self._turns else nullcontext()
            with turn, self.engine.connect() as connection:
                connection.info[READS] = False
                with connection.begin():
                    if self.sqlite:
                        _begin(connection, "BEGIN IMMEDIATE")
                    yield connection
                if opened is not None and self._look_at_file() != opened:
                    raise FileGone("what was written is in a file that has lost its name")
            self._outage.end(write=True)
        except _AWAY as error:
            self._outage.begin(error, write=True)
            raise _unavailable(error) from error
        except DBAPIError as error:
            if (known := _known(error)) is None:
                raise
            raise known from error

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a transaction for reading; on SQLite it never waits for a writer. Nothing is written or locked in it."""
        try:
            self._look_at_file()
            with self.engine.connect() as connection:
                connection.info[READS] = True
                if self.sqlite:
                    with connection.begin():
                        _begin(connection, "BEGIN")
                        yield connection
                else:
                    with _statement_by_statement(connection), connection.begin():
                        yield connection
            self._outage.end(write=False)
        except _AWAY as error:
            self._outage.begin(error, write=False)
            raise _unavailable(error) from error
        except DBAPIError as error:
            if (known := _known(error)) is None:
                raise
            raise known from error

    @property
    def file(self) -> Path | None:
        """The database's file, where it is one."""
        return self._file.path if self._file else None

    def _look_at_file(self) -> Number | None:
        """Give the device and number of the database's file; if the file was replaced, drop the old connections."""
        return self._file.look(self.engine.dispose) if self._file else None

    def apart(self) -> sa.Engine:
        """Make an engine without a pool or transactions for one long-lived connection to PostgreSQL."""
        url = self.url.set(drivername="postgresql+psycopg")
        return sa.create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=_network(self.url))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        if self._turns:
            self._turns.close()


def _network(url: URL) -> dict[str, int]:
    """Give the network timeouts that the URL does not set itself."""
    return {name: value for name, value in _NETWORK.items() if name not in url.query}


def _unavailable(error: Exception) -> RetryableError:
    return RetryableError(
        "the database does not answer",
        code="store-unavailable",
        hint="check that the database is up, that its disk is not full, and that `mergeport migrate` has run",
        retry_after=1.0,
        kind=type(error.__cause__ or error).__name__,
    )


def is_disconnect(error: MergeportError) -> bool:
    """Tell whether an error of the store is a connection that was lost; all that rested with it are replaced by now."""
    return isinstance(error.__cause__, DBAPIError) and error.__cause__.connection_invalidated


_AWAY = (OperationalError, PoolTimeoutError, NoTurn, FileGone, psycopg.OperationalError)


def _known(error: DBAPIError) -> MergeportError | None:
    """Turn a driver's error into ours: the database is away, or its file is no database. None for a bug of ours."""
    if error.connection_invalidated:
        return _unavailable(error)
    if isinstance(error, DatabaseError) and "not a database" in str(error.orig):
        return PermanentError(
            "the database's file is not a database",
            code="database-unusable",
            hint="check whether MERGEPORT_DATABASE_URL or MERGEPORT_STATE_DIRECTORY names another file",
        )
    return None


def _prepare_sqlite(connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401, ARG001 - SQLAlchemy's event signature
    """Set what a connection needs. The journal mode (WAL) is set once, by the migration."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_SECONDS * 1000)}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _prepare_postgresql(connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401, ARG001 - as above
    """Set the timeouts that free others from a process that was paused in an open transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = {int(IDLE_TIMEOUT_SECONDS * 1000)}")
        cursor.execute(f"SET lock_timeout = {int(LOCK_TIMEOUT_SECONDS * 1000)}")
    connection.commit()


def _note_use(connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401, ARG001 - as above
    record.info["used"] = time.monotonic()


def _ping_rested(dialect: sa.Dialect, connection: Any, record: ConnectionPoolEntry, _: object) -> None:  # noqa: ANN401 - as above
    """Have a connection replaced that rested in the pool and does not answer any more, and with it all the others."""
    if time.monotonic() - record.info.get("used", time.monotonic()) < RESTED_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except psycopg.Error as error:
        raise InvalidatePoolError from error


@contextmanager
def _statement_by_statement(connection: Connection) -> Iterator[None]:
    """Spare the server and us the beginning and the end of a transaction that only reads.

    A statement on PostgreSQL reads what is committed when it begins, in such a transaction or not.
    """
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - called on PostgreSQL alone
    driver.autocommit = True
    try:
        yield
    finally:
        try:
            driver.autocommit = False
        except psycopg.Error:
            connection.invalidate()  # nobody may write with it


def _begin(connection: Connection, begin: str) -> None:
    """Begin through the driver itself, because SQLAlchemy's way costs as much as a query."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - called on SQLite alone
    try:
        driver.execute(begin)
    except sqlite3.Error as error:
        raise DBAPIError.instance(begin, None, error, sqlite3.Error) from error
