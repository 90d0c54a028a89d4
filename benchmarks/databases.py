"""A PostgreSQL for the benchmarks that want one; where the machine has none they say so and leave those rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from devstack.postgresql import Postgresql, PostgresqlMissingError


@contextmanager
def postgresql(say: Callable[[str], None]) -> Iterator[Postgresql | None]:
    """Run a server for the block, or tell what is missing and give None."""
    try:
        server = Postgresql()
    except PostgresqlMissingError as error:
        say(f"left out: {error}")
        yield None
        return
    with server:
        yield server
