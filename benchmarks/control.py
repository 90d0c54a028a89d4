"""The control of the benchmark `accept`: the least that a receiver must do, on the same server as ours.

It verifies the signature, reads the payload as JSON, inserts one row and commits it to disk, and answers 202. No
framework, no log, no metrics. Started as `python -m benchmarks.control PORT DATABASE SECRET`; the database is a file
for SQLite or the address of a PostgreSQL, on the server that ours uses too.
"""

from __future__ import annotations

import hmac
import json
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

import psycopg

from service.web.server import Listeners, serve

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_SQLITE_TABLE = "CREATE TABLE IF NOT EXISTS deliveries (id TEXT PRIMARY KEY, event TEXT, repository TEXT, body BLOB)"
_SQLITE_INSERT = "INSERT INTO deliveries VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_POSTGRESQL_TABLE = "CREATE TABLE IF NOT EXISTS control (id text PRIMARY KEY, event text, repository text, body bytea)"
_POSTGRESQL_INSERT = "INSERT INTO control VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"


class Rows(Protocol):
    """Where the control keeps deliveries."""

    def insert(self, identifier: str, event: str, repository: str, body: bytes) -> None:
        """Have one row on disk."""
        ...


class SqliteRows:
    """A file in the same mode as ours: a write-ahead log that is synced at every commit. Its threads take turns."""

    def __init__(self, database: str) -> None:
        """Make the table."""
        self._database = database
        self._local = threading.local()
        self._turn = threading.Lock()
        connection = self._connection()
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(_SQLITE_TABLE)

    def insert(self, identifier: str, event: str, repository: str, body: bytes) -> None:
        """Have one row on disk."""
        connection = self._connection()
        with self._turn:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_SQLITE_INSERT, (identifier, event, repository, body))
            connection.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(self._database, timeout=5, isolation_level=None)
            connection.execute("PRAGMA synchronous=FULL")
            self._local.connection = connection
        found: sqlite3.Connection = self._local.connection
        return found


class PostgresqlRows:
    """A table of a PostgreSQL; each thread has a connection of its own and commits each row alone."""

    def __init__(self, url: str) -> None:
        """Make the table."""
        self._url = url.replace("postgresql+psycopg://", "postgresql://")
        self._local = threading.local()
        self._connection().execute(_POSTGRESQL_TABLE)

    def insert(self, identifier: str, event: str, repository: str, body: bytes) -> None:
        """Have one row on disk."""
        self._connection().execute(_POSTGRESQL_INSERT, (identifier, event, repository, body))

    def _connection(self) -> psycopg.Connection[tuple[object, ...]]:
        if not hasattr(self._local, "connection"):
            self._local.connection = psycopg.connect(self._url, autocommit=True)
        found: psycopg.Connection[tuple[object, ...]] = self._local.connection
        return found


class Control:
    """A WSGI application around the rows."""

    def __init__(self, rows: Rows, secret: bytes) -> None:
        """Take where to keep deliveries, and what they are signed with."""
        self._rows, self._secret = rows, secret

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Take one delivery in."""
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        signature = "sha256=" + hmac.new(self._secret, raw, "sha256").hexdigest()
        if not hmac.compare_digest(signature, environ.get("HTTP_X_HUB_SIGNATURE_256", "")):
            return _answer(start_response, "401 Unauthorized")
        payload = json.loads(raw)
        identifier, event = environ["HTTP_X_GITHUB_DELIVERY"], environ["HTTP_X_GITHUB_EVENT"]
        self._rows.insert(identifier, event, payload["repository"]["full_name"], raw)
        return _answer(start_response, "202 Accepted")


def _answer(start_response: StartResponse, status: str) -> list[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


def main(port: str, database: str, secret: str) -> None:
    """Serve on the port with as many threads as ours; the second listener that the server wants is not used."""
    listening = [socket.create_server(("127.0.0.1", number), backlog=1024) for number in (int(port), 0)]
    kind = PostgresqlRows if database.startswith("postgresql") else SqliteRows
    serve(Listeners(*listening), lambda: Control(kind(database), secret.encode()))


if __name__ == "__main__":
    main(*sys.argv[1:])
