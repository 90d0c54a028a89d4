"""How commands print rows: a table on a terminal, plain aligned lines elsewhere, JSON where it is asked for.

Also opens the database that the commands speak to. Called by the commands on runs and deliveries.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.core.visible import HARMFUL, one_line, visible
from service.errors import NotFoundError

if TYPE_CHECKING:
    from service.store import Store

as_json = click.option("--json", "json_wanted", is_flag=True, help="Print JSON.")


@contextmanager
def opened_store() -> Iterator[Store]:
    """Open the database that the settings name; raise NotFoundError if there is none, rather than create one."""
    from service import settings  # noqa: PLC0415 - for those who have a store
    from service.store import Store  # noqa: PLC0415 - heavy

    store = Store(settings.load(os.environ).database_url)
    if store.sqlite and store.url.database and not Path(store.url.database).exists():
        raise NotFoundError(
            f"There is no database at {store.url.database}",
            code="database-missing",
            hint="set MERGEPORT_STATE_DIRECTORY or MERGEPORT_DATABASE_URL as for `mergeport serve`",
        )
    try:
        yield store
    finally:
        store.close()


def now() -> datetime:
    """Give the time now."""
    return datetime.now(UTC)


def actor() -> str:
    """Name the person at the keyboard, for the audit."""
    import getpass  # noqa: PLC0415 - asks the system only when it is needed

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id without a name
        return f"uid {os.getuid()}"


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text of any origin: characters that a terminal would obey are shown as escapes.

    All printing goes through this function. Redirected output is escaped too, because people may read it on a terminal.
    """
    click.echo(visible(text), err=err, nl=nl)


def print_json(value: object) -> None:
    """Print a value as JSON; rows by their fields, times as ISO 8601; what a terminal would obey as JSON escapes it."""
    click.echo(HARMFUL.sub(_in_json, json.dumps(value, default=_plain, indent=2, ensure_ascii=False)))


def _in_json(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else json.dumps(found[0])[1:-1]  # noqa: PLR2004 - four digits


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def print_rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows: a table on a terminal, aligned lines without heads elsewhere."""
    if sys.stdout.isatty():
        _print_table(heads, [[one_line(text) for text in row] for row in rows])
        return
    rows = [[one_line(text) for text in row] for row in rows]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(len(heads))]
    for row in rows:
        say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def print_pairs(pairs: Sequence[tuple[str, Any]]) -> None:
    """Print names and values under each other; what is empty is left out."""
    known = [(name, _text(value)) for name, value in pairs if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in known), default=0)
    for name, text in known:
        first, *more = text.split("\n") or [""]
        say(f"{name.ljust(width)}  {first}")
        for line in more:
            say(f"{' ' * width}  {line}")


def _text(value: Any) -> str:  # noqa: ANN401 - whatever a row has
    return moment(value) if isinstance(value, datetime) else str(value)


def moment(at: datetime | None) -> str:
    """Give a time as people and scripts read it, in UTC."""
    return "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - heavy, and for terminals only
    from rich.table import Table  # noqa: PLC0415 - heavy, and for terminals only
    from rich.text import Text  # noqa: PLC0415 - heavy, and for terminals only

    colours = {
        "succeeded": "green", "processed": "green", "failed": "red", "running": "blue", "queued": "blue",
        "stored": "blue", "waiting": "yellow",
    }  # fmt: skip
    table = Table(*heads, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(Text(text, style=colours.get(text, "")) for text in row))
    Console().print(table)
