"""Makes every text storable before it reaches a database: no NUL, and no half of a surrogate pair.

It is done in the cursors that the store gives to the drivers: events of SQLAlchemy for each statement would cost a
quarter of the statement. Logs, labels and names of strangers may have such characters. PostgreSQL refuses
the first and both databases refuse the second, so that one build's log would stop the look at all builds.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Self

import psycopg
from psycopg import Column

REPLACEMENT = "\ufffd"
_HALF = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """Give a text with what cannot be stored replaced; the very same text if there is nothing."""
    if "\0" in text:
        text = text.replace("\0", REPLACEMENT)
    return text if text.isascii() else _HALF.sub(REPLACEMENT, text)


class _Columns(Sequence[Column]):
    """The columns of a result, described when somebody asks: SQLAlchemy does for the first of many executions."""

    def __init__(self, count: int, described: Callable[[], Sequence[Column]]) -> None:
        self._count = count
        self._described = described

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: Any) -> Any:  # noqa: ANN401 - an index or a slice
        return self._described()[at]

    def __iter__(self) -> Iterator[Column]:
        return iter(self._described())


class StorableCursor(psycopg.Cursor[Any]):
    """PostgreSQL's cursor, which sends storable texts alone."""

    @property
    def description(self) -> Any:  # noqa: ANN401 - as the driver's, which is a list
        """Describe the columns of the result; None if there are none."""
        result = self.pgresult
        if result is None or not result.nfields:
            return super().description
        return _Columns(result.nfields, lambda: super(StorableCursor, self).description or [])

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:  # noqa: ANN401 - the driver's signature
        """Send a statement."""
        return super().execute(query, _clean(params), **options)

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:  # noqa: ANN401 - as above
        """Send a statement with several sets of parameters."""
        super().executemany(query, [_clean(one) for one in params_seq], **options)


class _SqliteCursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> Self:  # noqa: ANN401 - as above
        return super().execute(sql, _clean(parameters))

    def executemany(self, sql: str, parameters: Any, /) -> Self:  # noqa: ANN401 - as above
        return super().executemany(sql, [_clean(one) for one in parameters])


class StorableConnection(sqlite3.Connection):
    """SQLite's connection, whose cursors send storable texts alone."""

    def cursor(self, factory: Any = _SqliteCursor) -> Any:  # noqa: ANN401 - as above
        """Make a cursor."""
        return super().cursor(factory)


def _clean(given: Any) -> Any:  # noqa: ANN401 - a parameter is anything
    if isinstance(given, str):
        return storable(given)
    if isinstance(given, tuple | list):
        return type(given)([_clean(value) for value in given])
    if isinstance(given, Mapping):
        return {name: _clean(value) for name, value in given.items()}
    return given
