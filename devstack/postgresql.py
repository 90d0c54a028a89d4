"""A PostgreSQL server of one's own on loopback, from the machine's binaries: for benchmarks.

Set up as it comes, with every commit synced to disk; it is gone with its folder when it is stopped. It refuses to run
as root, so that root starts it as the user `postgres`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

START_SECONDS = 60.0
STOP_SECONDS = 20.0
_PLACES = Path("/usr/lib/postgresql")


class PostgresqlMissingError(Exception):
    """The server's binaries are not on this machine, or the server does not start."""


def server_binaries() -> Path:
    """Give the folder of the newest server's binaries; raise PostgresqlMissingError that names what to install."""
    found = sorted(_PLACES.glob("*/bin/initdb"), key=lambda path: float(path.parents[1].name), reverse=True)
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        raise PostgresqlMissingError("no PostgreSQL server on this machine: apt-get install postgresql")
    return (found[0] if found else Path(str(on_path)).resolve()).parent


def as_owner() -> list[str]:
    """Give the prefix of the server's commands: the server refuses to run as root, who may lack `sbin` on the path."""
    if os.geteuid() != 0:
        return []
    runuser = shutil.which("runuser", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]))
    if runuser is None:
        raise PostgresqlMissingError("no runuser, which starts PostgreSQL as its own user: apt-get install util-linux")
    return [runuser, "-u", "postgres", "--"]


class Postgresql:
    """A running server; `url` gives the address of a database, which is made at the first call."""

    def __init__(self) -> None:
        """Make a cluster in a folder of its own and start the server; its socket's path must be short."""
        self._binaries = server_binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="mergeport-postgresql-", dir="/tmp"))
        self._as_owner = as_owner()
        self._made: set[str] = set()
        self.port = _free_port()
        try:
            if self._as_owner:
                shutil.chown(self._folder, "postgres")
            data = str(self._folder / "data")
            self._call("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "-D", data)
            self.go_on()
        except BaseException:
            self.stop()
            raise

    def url(self, database: str) -> str:
        """Give a database's address, as the setting MERGEPORT_DATABASE_URL takes it."""
        if database not in self._made:
            self._call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", database)
            self._made.add(database)
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def go_on(self) -> None:
        """Start the server, for the first time or after `halt`."""
        options = f"-c listen_addresses=127.0.0.1 -p {self.port} -k {self._folder} -c max_connections=200"
        data, log = str(self._folder / "data"), str(self._folder / "log")
        self._call("pg_ctl", "start", "-w", "-t", f"{START_SECONDS:.0f}", "-D", data, "-l", log, "-o", options)

    def halt(self) -> None:
        """Stop the server as a restart of its package does: connections end, committed data stays."""
        data = str(self._folder / "data")
        self._call("pg_ctl", "stop", "-m", "fast", "-w", "-t", f"{STOP_SECONDS:.0f}", "-D", data)

    def stop(self) -> None:
        """Stop the server and remove its folder; calling this again is harmless."""
        data = self._folder / "data"
        if (data / "postmaster.pid").exists():
            self._call("pg_ctl", "stop", "-m", "immediate", "-w", "-t", f"{STOP_SECONDS:.0f}", "-D", str(data))
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        """Give the running server."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _call(self, name: str, *arguments: str) -> None:
        """Run one of the server's commands as its owner. Its output goes to a file, which its server may keep open."""
        said = Path(tempfile.mkstemp(prefix="mergeport-postgresql-said-")[1])
        try:
            with said.open("wb") as out:
                done = subprocess.run(
                    [*self._as_owner, str(self._binaries / name), *arguments],
                    check=False, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=2 * START_SECONDS,
                )  # fmt: skip
            if done.returncode:
                words = said.read_text(errors="replace").strip()[-500:]
                raise PostgresqlMissingError(f"PostgreSQL's {name} ended with status {done.returncode}: {words}")
        finally:
            said.unlink()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port
