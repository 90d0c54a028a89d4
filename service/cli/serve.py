"""`mergeport serve`, `web`, `worker` and `migrate`: the processes that keep running, and their tables.

`serve` is all of it on one machine: it migrates, opens both listeners, and keeps `web` and `worker` alive.
It holds the listeners itself, so that no connection is refused when a web process dies: the next one takes them over.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import structlog

from service import logs, settings
from service.cli.importing import without_collector
from service.core.addresses import pages_of
from service.processes import Child, Supervisor, end_with_parent, leave, stop_when_asked
from service.settings import Need, Settings
from service.state_files import Identity, Place, keep_private, make_private, prepare

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

logger = structlog.stdlib.get_logger(__name__)

THREADS = 16
GRACE_SECONDS = 20.0


@click.command()
def serve() -> None:
    """Run everything on this machine: `web` and `worker`.

    Brings the tables up to date first, then keeps the processes `web` and `worker` alive until it is told to
    stop (SIGTERM or Ctrl-C), which finishes or hands over what is under way.
    """
    loaded = _begin(Need.SERVE)
    _migrate_apart()
    with without_collector():
        from service.web.server import bind  # noqa: PLC0415 - gunicorn is for those who listen

    listeners = bind(loaded.public_bind, loaded.private_bind)
    logger.info("listening", **listeners.describe())
    public, private = (address.removeprefix("http://") for address in listeners.describe().values())
    environ = {"MERGEPORT_PUBLIC_BIND": public, "MERGEPORT_PRIVATE_BIND": private}
    taken_over = ",".join(str(descriptor) for descriptor in listeners.descriptors())
    web_argv = [*_mergeport("web"), "--listeners", taken_over]
    supervisor = Supervisor(
        [
            Child(
                "web",
                web_argv,
                descriptors=listeners.descriptors(),
                environ=environ,
                keeps=settings.is_for_web,
            ),
            Child("worker", _mergeport("worker"), environ=environ, keeps=settings.is_for_worker),
        ],
        grace=GRACE_SECONDS,
    )
    status = supervisor.run()
    logger.info("stopped", status=status)
    sys.exit(status)


@click.command()
@click.option(
    "--threads", default=THREADS, show_default=True, type=click.IntRange(2, 256), help="Threads of each process."
)
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1, 32), help="Processes that answer.")
@click.option("--listeners", hidden=True, help="File descriptors of listeners that `serve` opened, public first.")
def web(threads: int, processes: int, listeners: str | None) -> None:
    """Receive deliveries, and show pages and metrics.

    Deliveries come to the public listener; pages and metrics are on the private one.
    """
    loaded = _begin(Need.WEB)
    end_with_parent(grace=GRACE_SECONDS)
    with without_collector():
        from service.web import server  # noqa: PLC0415 - gunicorn is for those who listen

    if listeners:
        taken = server.adopt(int(descriptor) for descriptor in listeners.split(","))
    else:
        taken = server.bind(loaded.public_bind, loaded.private_bind)
        logger.info("listening", **taken.describe())
    public_port, private_port = taken.ports
    server.serve(
        taken,
        lambda: _applications(loaded, public_port, private_port),
        threads=threads,
        workers=processes,
    )


@click.command()
def worker() -> None:
    """Work on what was received.

    On SQLite one such process, on PostgreSQL as many as you like.
    """
    loaded = _begin(Need.WORKER)
    stop = stop_when_asked()
    end_with_parent(grace=GRACE_SECONDS)
    with without_collector():
        from service.engine.worker import run_worker  # noqa: PLC0415 - the engine is for those who work

    threading.Thread(target=_tell_of_builders, args=(loaded,), name="builders", daemon=True).start()
    run_worker(loaded, stop)
    leave()


@click.command()
def migrate() -> None:
    """Bring the database's tables up to this version.

    Done again, it changes nothing.
    """
    click.echo(f"tables are at {_migrate(_begin())}")


def _begin(need: Need | None = None) -> Settings:
    """Read the settings, set up logging, and make a directory that no other user can read."""
    loaded = settings.load(os.environ, need, lambda read: prepare(_places(read, need)))
    logs.configure(loaded.log_format, loaded.log_level)
    for fault in loaded.warnings:
        logger.warning("a setting needs attention", setting=fault.where, what=fault.message, hint=fault.hint)
    if _places(loaded, need) and not keep_private(loaded.state_directory, _databases(loaded)):
        logger.warning(
            "other users of this machine can read the state directory",
            directory=str(loaded.state_directory),
            hint="it belongs to another user; change its owner to this user, or close it with `chmod 0700`",
        )
    return loaded


def _databases(loaded: Settings) -> list[Path]:
    """Give the files of those databases that are files."""
    addresses = (loaded.database_url, loaded.engine_database_url)
    return [Path(url.removeprefix("sqlite:///")) for url in addresses if url.startswith("sqlite:///")]


def _places(loaded: Settings, need: Need | None) -> list[Place]:
    """Give the directories that this process writes in."""
    places = [Place("MERGEPORT_DATABASE_URL", file.parent) for file in _databases(loaded)]
    places = [place for place in places if place.directory != loaded.state_directory]
    if loaded.state_needed or need in {Need.WORKER, Need.SERVE}:
        return [Place("MERGEPORT_STATE_DIRECTORY", loaded.state_directory), *places]
    return places


def _migrate_apart() -> None:
    """Migrate in a process of its own, so that the supervisor stays small; if that fails, end too."""
    environ = {name: value for name, value in os.environ.items() if settings.is_for_database(name)}
    status = subprocess.run(_mergeport("migrate"), check=False, env=environ).returncode
    if status != 0:
        sys.exit(1)


def _migrate(loaded: Settings) -> str:
    """Bring our tables and the engine's up to date; give the revision of ours."""
    with without_collector():
        from service.engine import queue  # noqa: PLC0415 - heavy
        from service.store import Store  # noqa: PLC0415 - heavy
        from service.store.migrate import migrate as migrate_store  # noqa: PLC0415 - heavy

    for database in _databases(loaded):
        make_private(database)
    store = Store(loaded.database_url)
    try:
        revision = migrate_store(store)
    finally:
        store.close()
    queue.migrate(loaded.engine_database_url)
    return revision


def _applications(loaded: Settings, public_port: int, private_port: int) -> WSGIApplication:
    """Make both applications on one store, in the process that answers requests."""
    with without_collector():
        from service.bootstrap_sources import sources  # noqa: PLC0415 - heavy
        from service.store import Store  # noqa: PLC0415 - heavy
        from service.web.counters import Counters  # noqa: PLC0415 - heavy
        from service.web.pages import Places  # noqa: PLC0415 - heavy
        from service.web.private import private_app  # noqa: PLC0415 - heavy
        from service.web.server import ByListener  # noqa: PLC0415 - heavy
        from service.web.webhooks import Receiver, public_app  # noqa: PLC0415 - heavy

    store, counters = Store(loaded.database_url), Counters()
    receiver = Receiver(store=store, sources=sources(loaded), url=loaded.url, now=_now, counters=counters)
    places = Places(pages_of(loaded.github_api_url))
    state = Identity(loaded.state_directory) if store.sqlite else None
    pages = private_app(store, url=loaded.url, now=_now, counters=counters, places=places, state=state)
    return ByListener({public_port: public_app(receiver), private_port: pages}, counters.answered)


def _now() -> datetime:
    return datetime.now(UTC)


def _mergeport(command: str) -> list[str]:
    """Give the argv of one of our commands; -P keeps the working directory from being searched for code."""
    return [sys.executable, "-P", "-m", "service.cli.main", command]


def _tell_of_builders(loaded: Settings) -> None:
    """Try to build, beside the other work, and log what a new user would otherwise find out at the first merge."""
    from service.bootstrap import missing_builder  # noqa: PLC0415 - heavy

    reason = missing_builder(loaded)
    if reason is not None:
        logger.warning(
            "this machine cannot build images",
            reason=reason,
            hint="build elsewhere: set `build` in mergeport.yaml to `kind: github-actions`, `codebuild` or `external`",
        )
