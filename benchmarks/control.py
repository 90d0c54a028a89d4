"""The control of the benchmarks `accept` and `slow`: the least that a receiver must do, on our server or a plain one.

It verifies the signature, reads the payload as JSON, inserts one row and commits it to disk, and answers 202. No
framework, no log, no metrics. Started as `python -m benchmarks.control PORT DATABASE SECRET ours|plain`; the database
is a file for SQLite or the address of a PostgreSQL, on the server that ours uses too. `plain` is gunicorn with its own
threaded worker and as many threads as ours.
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
from gunicorn.app.base import BaseApplication

from service.web.server import Listeners, serve

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 16

_SQLITE_TABLE = "CREATE TABLE IF NOT EXISTS deliveries (id TEXT PRIMARY KEY, event TEXT, repository TEXT, body BLOB)"
_SQLITE_INSERT = "INSERT INTO deliveries VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_POSTGRESQL_TABLE = "CREATE TABLE IF NOT EXISTS control (id text PRIMARY KEY, event text, repository text, body bytea)"
_POSTGRESQL_INSERT = "INSERT INTO control VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"


class Rows(Protocol):
    """Where the control keeps deliveries."""

    def insert(self, identifier: str, event: str, repository: str, body: bytes) -> None:
        """Write one row to disk."""
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
        """Write one row to disk."""
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
        """Write one row to disk."""
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


class _Plain(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn as it comes, with threads."""

    def __init__(self, port: str, application: WSGIApplication) -> None:
        self._port, self._application = port, application
        super().__init__()

    def load_config(self) -> None:
        """Set what differs from the defaults."""
        options = {"bind": f"127.0.0.1:{self._port}", "worker_class": "gthread", "threads": THREADS, "keepalive": 15}
        for name, value in {**options, "control_socket_disable": True}.items():
            self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        """Give the application."""
        return self._application


def main(port: str, database: str, secret: str, server: str) -> None:
    """Serve on the port with as many threads as ours; the second listener that our server wants is not used."""
    kind = PostgresqlRows if database.startswith("postgresql") else SqliteRows
    if server == "plain":
        _Plain(port, Control(kind(database), secret.encode())).run()
        return
    listening = [socket.create_server(("127.0.0.1", number), backlog=1024) for number in (int(port), 0)]
    serve(Listeners(*listening), lambda: Control(kind(database), secret.encode()), threads=THREADS)


if __name__ == "__main__":
    main(*sys.argv[1:])
