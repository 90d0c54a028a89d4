"""`mergeport rebuild`: after the loss of the database, brings back what the manifest repositories tell.

Reads the configuration and the manifest repositories, and writes to the database that the settings name, which is made
if it is missing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from service.cli.history import DEPTH, reading
from service.cli.printing import as_json, moment, print_json, say

if TYPE_CHECKING:
    from service.pipeline.asked.rebuilding import Found, Known, Lost

NOT_BACK = (
    "Deliveries that were not processed, runs under way and earlier ones, build logs, the audit, approvals by command, "
    "and since when something is healthy do not come back."
)


@click.command()
@click.option("--plan", "only_plan", is_flag=True, help="Only say what would come back.")
@DEPTH
@as_json
def rebuild(depth: int, *, only_plan: bool, json_wanted: bool) -> None:
    """Bring back from Git what is live where since when, and what is locked, held and blocked.

    For a database that was lost. What is in the database already is left alone.
    """
    from service.pipeline.asked import rebuilding  # noqa: PLC0415 - heavy

    if not only_plan:
        _migrate()
    with reading(depth) as past:
        configuration = past.context.configurations.current()
        wanted = rebuilding.plan(past, configuration)
        lost, not_back = list(wanted.lost), list[rebuilding.Lost]()
        if not only_plan:
            not_back = rebuilding.bring_back(past.context, configuration, wanted)
        lost += not_back
        missing = {(one.application, one.environment) for one in not_back}
        back = [one for one in wanted.found if (one.target.application, one.target.environment) not in missing]
        states = rebuilding.states_back(past.context, configuration)
    if json_wanted:
        entries = {name: len(seen.state.entries) for name, seen, _ in states if seen is not None}
        print_json(
            {
                "done": not only_plan,
                "live": [_plain(one) for one in back],
                "known": wanted.known,
                "lost": lost,
                "state_entries": entries,
                "state_errors": {name: str(error) for name, _, error in states if error is not None},
            }
        )
    else:
        _print(back, wanted.known, lost, only_plan=only_plan)
        for name, seen, error in states:
            if seen is not None:
                say(f"the state of {name}: {len(seen.state.entries)} locks, holds and blocks")
            else:
                say(f"error: the state of {name} could not be read: {error}", err=True)
        say(NOT_BACK, err=True)
    if any(error is not None for _, _, error in states):
        sys.exit(1)


def _migrate() -> None:
    """Make the database, or bring its tables up to this version."""
    from service import settings  # noqa: PLC0415 - heavy
    from service.store import Store  # noqa: PLC0415 - heavy
    from service.store.migrate import migrate  # noqa: PLC0415 - heavy

    loaded = settings.load(os.environ, settings.Need.WORKER)
    loaded.state_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store(loaded.database_url)
    try:
        migrate(store)
    finally:
        store.close()


def _print(found: Sequence[Found], known: Sequence[Known], lost: Sequence[Lost], *, only_plan: bool) -> None:
    verb = "would be" if only_plan else "is"
    for one in found:
        target, origin = one.target, one.origin
        place = f"{target.application} in {target.environment}"
        say(f"{place} {verb} live again: {origin.source_commit[:12]} since {moment(one.at)} ({one.commit[:12]})")
    for there in known:
        place = f"{there.application} in {there.environment}"
        other = f"; {there.otherwise}" if there.otherwise else ""
        say(f"{place} is known and left alone: {there.commit[:12]} is live since {moment(there.since)}{other}")
    for missing in lost:
        say(f"{missing.application} in {missing.environment} does not come back: {missing.words}", err=True)


def _plain(one: Found) -> dict[str, Any]:
    return {
        "application": one.target.application,
        "environment": one.target.environment,
        "source_commit": one.origin.source_commit,
        "run": one.origin.run,
        "manifest_commit": one.commit,
        "promoted_by": one.promoted_by,
        "since": one.at,
        "images": {name: str(image) for name, image in one.images.items()},
    }
