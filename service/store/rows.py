"""Turns database rows into our frozen dataclasses, and inserts that may meet their own row again."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_type_hints

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Transaction

T = TypeVar("T")


def one(kind: type[T], row: sa.Row[Any] | None) -> T | None:
    """Make the dataclass from a row of its `columns`; None if there is no row."""
    return None if row is None else made(kind, row)


def made(kind: type[T], row: sa.Row[Any]) -> T:
    """Make the dataclass from a row of its `columns`; a column of words becomes its StrEnum."""
    shape: Any = kind
    values = list(row)
    for position, word in _words(shape):
        values[position] = word(values[position])
    return kind(*values)


@cache
def _words(kind: type[Any]) -> tuple[tuple[int, type[StrEnum]], ...]:
    hints = [get_type_hints(kind)[field.name] for field in fields(kind)]
    return tuple((at, hint) for at, hint in enumerate(hints) if isinstance(hint, type) and issubclass(hint, StrEnum))


def columns(kind: type[Any], table: sa.Table) -> list[sa.Column[Any]]:
    """Name the table's columns that the dataclass has, in its order; large ones are read only where wanted."""
    return [table.c[field.name] for field in fields(kind)]


def insert_new(tx: Transaction, table: sa.Table, **values: Any) -> bool:  # noqa: ANN401 - a row's values
    """Insert a row unless one with the same unique key is there; tell whether it was inserted.

    It uses RETURNING, because PostgreSQL's driver tells no row count when the database makes the key.
    """
    return tx.execute(_inserting(table, tx.dialect.name), values).first() is not None


@cache
def _inserting(table: sa.Table, dialect: str) -> sa.Executable:
    """Build the statement once, because building it costs more than running it."""
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    statement: sa.Executable = insert.on_conflict_do_nothing().returning(sa.literal_column("1"))
    return statement


def insert_or_update(tx: Transaction, table: sa.Table, keys: list[str], **values: Any) -> None:  # noqa: ANN401 - a row's values
    """Insert a row, or bring the one with the same keys to these values."""
    tx.execute(_bringing(table, tx.dialect.name, tuple(keys), tuple(values)), values)


@cache
def _bringing(table: sa.Table, dialect: str, keys: tuple[str, ...], names: tuple[str, ...]) -> sa.Executable:
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    changed = {name: insert.excluded[name] for name in names if name not in keys}
    statement: sa.Executable = insert.on_conflict_do_update(index_elements=list(keys), set_=changed)
    return statement
