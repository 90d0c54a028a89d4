"""`mergeport deliveries`: lists and shows deliveries, and has one processed again.

Speaks to the database that the settings name, and to nothing else.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from service.cli.printing import actor, as_json, moment, now, opened_store, print_json, print_pairs, print_rows, say

if TYPE_CHECKING:
    from service.store import Transaction
    from service.store.deliveries import StoredDelivery


@click.group()
def deliveries() -> None:
    """List deliveries, show one, and have one processed again.

    DELIVERY is a delivery's id (GitHub's X-GitHub-Delivery) or its beginning.
    """


@deliveries.command("list")
@click.option("--repository", default="", help="Only this repository, as owner/name.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many are shown.")
@as_json
def list_deliveries(repository: str, limit: int, json_wanted: bool) -> None:
    """List the newest deliveries."""
    from service.store import deliveries as rows  # noqa: PLC0415 - heavy

    with opened_store() as store, store.read() as tx:
        found = rows.newest(tx, limit=limit, repository=repository)
    if json_wanted:
        print_json(found)
        return
    print_rows(
        ["delivery", "state", "event", "repository", "received", "reason"],
        [
            [one.id, one.state, one.event, one.repository, moment(one.received_at), " ".join(one.reason.split())]
            for one in found
        ],
    )


@deliveries.command()
@click.argument("delivery_id", metavar="DELIVERY")
@as_json
def show(delivery_id: str, json_wanted: bool) -> None:
    """Show a delivery: what became of it, why, and the runs it made."""
    from service.store import runs  # noqa: PLC0415 - heavy

    with opened_store() as store, store.read() as tx:
        found = _find(tx, delivery_id)
        made = runs.of_change(tx, found.change_id) if found.change_id else []
    if json_wanted:
        print_json({"delivery": found, "runs": made})
        return
    print_pairs(
        [
            ("delivery", found.id),
            ("state", f"{found.state}: {found.reason}" if found.reason else found.state),
            ("source", found.source),
            ("event", found.event),
            ("repository", found.repository),
            ("received", found.received_at),
            ("again", found.repeats or ""),
            ("worked through", found.processed_at),
            ("looked at again", found.not_before),
            ("generation", found.generation or ""),
            ("routing", json.dumps(found.routing, indent=2, ensure_ascii=False) if found.routing else ""),
        ]
    )
    if made:
        say()
        print_rows(
            ["run", "state", "application", "environment"],
            [[run.id, run.state, run.application, run.environment] for run in made],
        )


@deliveries.command()
@click.argument("delivery_id", metavar="DELIVERY")
@as_json
def replay(delivery_id: str, json_wanted: bool) -> None:
    """Have a delivery processed again.

    It starts new runs, by the current configuration.
    """
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    with opened_store() as store, store.begin() as tx:
        found = actions.replay(tx, _find(tx, delivery_id).id, by=actor(), at=now())
    if json_wanted:
        print_json({"delivery": found.id})
        return
    say(f"{found.id} will be processed again")


def _find(tx: Transaction, beginning: str) -> StoredDelivery:
    from service.store import deliveries as rows  # noqa: PLC0415 - heavy
    from service.store import lookup  # noqa: PLC0415 - heavy

    found = rows.get(tx, lookup.delivery_id(tx, beginning))
    assert found is not None  # noqa: S101 - looked up in this transaction
    return found
