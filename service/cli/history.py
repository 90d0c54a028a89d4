"""`mergeport history` and `mergeport diff`: what ran where and when, and what differs between two points.

Both read Git alone: the configuration and the manifest repositories. The database may be empty, or missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import Nobody
from service.cli.printing import as_json, moment, now, opened_store, print_json, say
from service.errors import NotFoundError

if TYPE_CHECKING:
    from service.core.asked.release_history import Written
    from service.pipeline.asked.manifest_history import Past
    from service.store import Store

_SHORT = 12
_SHOWN = 20
_HOW = {"promotion": "promoted for", "revert": "reverted by", "person": "committed by"}
DEPTH = click.option(
    "--depth", default=5_000, show_default=True, type=click.IntRange(1), help="How many manifest commits are read."
)


@click.command()
@click.argument("application", metavar="APP")
@click.argument("environment", metavar="[ENV]", required=False, default="")
@click.option("--limit", default=_SHOWN, show_default=True, type=click.IntRange(1), help="How many are shown.")
@DEPTH
@as_json
def history(application: str, environment: str, limit: int, depth: int, json_wanted: bool) -> None:
    """Show what ran of APP, in ENV or everywhere: when, old and new, by whom, from which source change.

    It is read from the manifest repository. What a person committed is shown as that.
    """
    from service.pipeline.asked.manifest_history import history as ask  # noqa: PLC0415 - heavy
    from service.pipeline.asked.manifest_history import targets_of  # noqa: PLC0415 - heavy

    with reading(depth) as past:
        targets = targets_of(past.context.configurations.current(), application, environment)
        found = ask(past, targets, most=limit)
    if json_wanted:
        print_json([_plain(one) for one in found])
        return
    for one in found:
        _print(one)
    if not found:
        say(f"nothing was ever written for {application} in {environment or 'any environment'}", err=True)


@click.command()
@click.argument("before", metavar="ENV@TIME")
@click.argument("after", metavar="ENV@TIME")
@click.option("--app", "application", default="", help="Only this application.")
@DEPTH
@as_json
def diff(before: str, after: str, application: str, depth: int, json_wanted: bool) -> None:
    """Show what differs between two environments, or between two times, in all applications.

    TIME is now, how long ago (3d), a day or a time (2026-11-01, 2026-11-01T08:00:00Z), or a manifest commit. Without
    @TIME it is now.
    """
    from service.core.asked.points import point  # noqa: PLC0415 - heavy
    from service.pipeline.asked.manifest_history import difference  # noqa: PLC0415 - heavy

    points = [point(text, now()) for text in (before, after)]
    with reading(depth) as past:
        configuration = past.context.configurations.current()
        for asked in points:
            configuration.target(application or configuration.applications[0], asked.environment)
        found = difference(past, configuration, points[0], points[1], application)
    if json_wanted:
        print_json(
            [
                {
                    "application": one.application,
                    "changes": [{"path": path, "before": old, "after": new} for path, old, new in one.changes],
                }
                for one in found
            ]
        )
        return
    for one in found:
        say(one.application)
        for path, old, new in one.changes:
            say(f"  {path}: {_value(old)} -> {_value(new)}")
    if not found:
        say(f"{before} and {after} have the same artifacts", err=True)


@contextmanager
def reading(depth: int) -> Iterator[Past]:
    """Give what reads the manifest repositories' past, beside the database, or beside an empty one if there is none."""
    from service import logs, settings  # noqa: PLC0415 - heavy
    from service.bootstrap import build_context, histories  # noqa: PLC0415 - heavy
    from service.pipeline.asked.manifest_history import Past  # noqa: PLC0415 - heavy
    from service.store.ids import new_id  # noqa: PLC0415 - heavy

    loaded = settings.load(os.environ, settings.Need.WORKER)
    logs.configure(level="error")
    with _some_store() as store, build_context(loaded, store, Nobody(), f"command-{new_id()}") as context:
        yield Past(context, histories(loaded, context), depth)


@contextmanager
def _some_store() -> Iterator[Store]:
    from pathlib import Path  # noqa: PLC0415 - rarely needed
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - rarely needed

    from service.store import Store  # noqa: PLC0415 - heavy
    from service.store.migrate import migrate  # noqa: PLC0415 - heavy

    try:
        with opened_store() as store:
            yield store
    except NotFoundError as error:
        if error.code != "database-missing":
            raise
        with TemporaryDirectory() as place:
            store = Store(f"sqlite:///{Path(place) / 'empty.db'}")
            try:
                migrate(store)
                yield store
            finally:
                store.close()


def _value(text: str) -> str:
    """Give a value in short: of a digest, its first characters."""
    name, at, digest = text.rpartition("sha256:")
    return f"{name}{at}{digest[:_SHORT]}" if at else text or "nothing"


def _print(one: Written) -> None:
    origin = one.origin
    number = f", pull request #{one.pull_request}" if one.pull_request else ""
    older = " (or earlier: older commits were not read)" if one.cut_off else ""
    say(f"{moment(one.at)} {one.application} in {one.environment}: {one.words}{older}")
    for path, old, new in one.changes:
        say(f"    {path}: {_value(old)} -> {_value(new)}")
    back_from = origin.back_from if origin is not None else ""
    how = f"rolled back from {back_from} by" if back_from else _HOW[one.kind]
    say(f"    {how} {one.by or 'somebody'} in manifest commit {one.commit[:_SHORT]}{number}")
    if origin is not None and back_from and origin.reason:
        say(f"    because: {origin.reason}")
    if origin is not None:
        numbers = "".join(f" #{pull}" for pull in origin.pull_requests)
        say(f"    from {origin.source_repository}@{origin.source_commit[:_SHORT]}{numbers}, run {origin.run}")


def _plain(one: Written) -> dict[str, Any]:
    origin = one.origin
    return {
        "at": one.at,
        "application": one.application,
        "environment": one.environment,
        "kind": one.kind,
        "changes": [{"path": path, "before": old, "after": new} for path, old, new in one.changes],
        "by": one.by,
        "words": one.words,
        "manifest_commit": one.commit,
        "manifest_pull_request": one.pull_request,
        "perhaps_older": one.cut_off,
        "run": origin.run if origin else None,
        "source_repository": origin.source_repository if origin else None,
        "source_commit": origin.source_commit if origin else None,
        "source_pull_requests": list(origin.pull_requests) if origin else [],
        "back_from": origin.back_from or None if origin else None,
        "reason": origin.reason or None if origin else None,
    }
