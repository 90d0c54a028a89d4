"""`mergeport status`: what is live where, since when and how well, what is closed, behind and on its way.

Speaks to the database that the settings name, and to nothing else.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from service.cli.printing import as_json, moment, now, opened_store, print_json, print_rows, say

if TYPE_CHECKING:
    from service.pipeline.asked.status_matrix import Cell

_SHORT = 12
_HEADS = ["application", "environment", "live", "tag", "since", "health", "behind", "closed", "coming"]
_GAP = 2
_MINUTES_OF_HOUR, _HOURS_OF_TWO_DAYS = 60, 48


@click.command()
@click.argument("application", metavar="[APP]", required=False, default="")
@as_json
def status(application: str, json_wanted: bool) -> None:
    """Show what is live of each application, or of APP, in each environment.

    On a terminal it is a table with a column for each environment, or a list where that is too wide. Elsewhere it is
    one line for each application and environment.
    """
    from service import settings  # noqa: PLC0415 - heavy
    from service.bootstrap import known_configuration  # noqa: PLC0415 - heavy
    from service.errors import NotFoundError  # noqa: PLC0415 - beside the others
    from service.pipeline.asked.status_matrix import status as ask  # noqa: PLC0415 - heavy
    from service.pipeline.manifest.state.remembered import told_astray  # noqa: PLC0415 - heavy

    default, at = settings.load(os.environ).configuration_repository, now()
    with opened_store() as store, store.read() as tx:
        configuration = known_configuration(tx)
        cells, astray = ask(tx, configuration, default, at, application), told_astray(tx)
    if application and not cells:
        raise NotFoundError(
            f"there is no application {application}",
            code="application-unknown",
            hint="`mergeport status` lists them",
        )
    for words in astray:
        say(f"warning: {words}", err=True)
    if json_wanted:
        print_json(cells)
    elif not sys.stdout.isatty():
        of_models = any(cell.alias for cell in cells)
        heads = [*_HEADS, "alias"] if of_models else _HEADS
        print_rows(heads, [[*_line(cell), *([cell.alias or "-"] if of_models else [])] for cell in cells])
    else:
        _print(cells, at, detailed=bool(application))


def _line(cell: Cell) -> list[str]:
    """Give one place as words that a script can take apart; `-` stands for nothing."""
    coming = f"{cell.coming.commit[:_SHORT]} {cell.coming.doing}" if cell.coming else "-"
    return [
        cell.application, cell.environment, cell.commit[:_SHORT] or "-", ",".join(cell.tags) or "-",
        moment(cell.since) or "-", cell.health or "-", _behind(cell) or "-",
        ",".join(one.kind for one in cell.closed) or "-", coming,
    ]  # fmt: skip


def _behind(cell: Cell) -> str:
    return f"{cell.behind} behind" if cell.behind else ""


def _print(cells: Sequence[Cell], at: datetime, *, detailed: bool) -> None:
    heads = ["application", *dict.fromkeys(cell.environment for cell in cells)]
    rows: dict[str, list[str]] = {}
    for cell in cells:
        row = rows.setdefault(cell.application, [cell.application, *[""] * (len(heads) - 1)])
        row[heads.index(cell.environment)] = _in_short(cell, at)
    widths = [max(len(row[number]) for row in ([*rows.values(), heads])) for number in range(len(heads))]
    if not detailed and sum(widths) + _GAP * len(heads) <= shutil.get_terminal_size().columns:
        print_rows(heads, list(rows.values()))
        return
    for number, (application, _) in enumerate(rows.items()):
        if number:
            say()
        say(application)
        for cell in cells:
            if cell.application == application:
                _print_cell(cell, at, detailed=detailed)


def _in_short(cell: Cell, at: datetime) -> str:
    if cell.since is None:
        parts = ["-"]
    else:
        parts = [cell.commit[:7], _age(cell.since, at)]
        parts += [] if cell.well else [cell.health]
    parts += [one.kind for one in cell.closed]
    parts += [f"({cell.alias})"] if cell.alias else []
    parts += [f"-{cell.behind}"] if cell.behind else []
    parts += [f"> {cell.coming.commit[:7]}"] if cell.coming else []
    return " ".join(parts)


def _print_cell(cell: Cell, at: datetime, *, detailed: bool) -> None:
    if cell.since is None:
        say(f"  {cell.environment}: nothing is live")
    else:
        say(f"  {cell.environment}: {cell.commit[:_SHORT]} for {_age(cell.since, at)}, {cell.health}")
        if cell.behind:
            say(f"    {cell.behind} change{'' if cell.behind == 1 else 's'} behind")
    if cell.since is not None and detailed:
        for name, value in (
            ("since", moment(cell.since)), ("healthy since", moment(cell.healthy_since)), ("tag", ", ".join(cell.tags)),
            ("digest", ", ".join(cell.digests)), ("manifest commit", cell.manifest_commit), ("run", cell.run),
        ):  # fmt: skip
            if value:
                say(f"    {name}: {value}")
    if cell.alias:
        say(f"    {cell.alias} in the registry")
    for one in cell.closed:
        say(f"    {one.words if detailed else one.kind}")
    if cell.coming:
        words = f": {cell.coming.words}" if detailed and cell.coming.words else ""
        say(f"    coming: {cell.coming.commit[:_SHORT]}, {cell.coming.doing}{words}")


def _age(since: datetime, at: datetime) -> str:
    minutes = max(0, int((at - since).total_seconds() // 60))
    if minutes < _MINUTES_OF_HOUR:
        return f"{minutes}m"
    hours = minutes // _MINUTES_OF_HOUR
    return f"{hours}h" if hours < _HOURS_OF_TWO_DAYS else f"{hours // 24}d"
