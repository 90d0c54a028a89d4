"""The control of the benchmark `accept`: the least that a receiver must do, on the same server as ours.

It verifies the signature, reads the payload as JSON, inserts one row and commits it to disk, and answers 202. No
framework, no log, no metrics. Started as `python -m benchmarks.control PORT DATABASE SECRET`.
"""

from __future__ import annotations

import hmac
import json
import socket
import sqlite3
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from service.web.server import Listeners, serve

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_TABLE = "CREATE TABLE IF NOT EXISTS deliveries (id TEXT PRIMARY KEY, event TEXT, repository TEXT, body BLOB)"
_INSERT = "INSERT INTO deliveries VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


class Control:
    """A WSGI application; each thread has a connection of its own."""

    def __init__(self, database: str, secret: bytes) -> None:
        """Make the table, in the same mode as ours: a write-ahead log that is synced at every commit."""
        self._database, self._secret = database, secret
        self._local = threading.local()
        self._turn = threading.Lock()
        connection = self._connection()
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(_TABLE)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Take one delivery in."""
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        signature = "sha256=" + hmac.new(self._secret, raw, "sha256").hexdigest()
        if not hmac.compare_digest(signature, environ.get("HTTP_X_HUB_SIGNATURE_256", "")):
            return _answer(start_response, "401 Unauthorized")
        payload = json.loads(raw)
        identifier, event = environ["HTTP_X_GITHUB_DELIVERY"], environ["HTTP_X_GITHUB_EVENT"]
        connection = self._connection()
        with self._turn:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(_INSERT, (identifier, event, payload["repository"]["full_name"], raw))
            connection.execute("COMMIT")
        return _answer(start_response, "202 Accepted")

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            connection = sqlite3.connect(self._database, timeout=5, isolation_level=None)
            connection.execute("PRAGMA synchronous=FULL")
            self._local.connection = connection
        found: sqlite3.Connection = self._local.connection
        return found


def _answer(start_response: StartResponse, status: str) -> list[bytes]:
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


def main(port: str, database: str, secret: str) -> None:
    """Serve on the port with as many threads as ours; the second listener that the server wants is not used."""
    listening = [socket.create_server(("127.0.0.1", number), backlog=1024) for number in (int(port), 0)]
    serve(Listeners(*listening), lambda: Control(str(Path(database)), secret.encode()))


if __name__ == "__main__":
    main(*sys.argv[1:])
