"""What all tables share: their metadata, and the types of times and of repositories' names on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from service.core.words import Repository


class Time(TypeDecorator[datetime]):
    """An aware time in UTC on both databases; SQLite has none of its own."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse naive times; they would mean another moment on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time reached the store")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """Give SQLite's naive answers their zone back."""
        if value is None:
            return None
        assert isinstance(value, datetime)  # noqa: S101 - the column's own type
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


NOCASE = "mergeport_nocase"
"""The collation of PostgreSQL under which texts that differ in case only are equal; SQLite has its own."""


class RepositoryName(TypeDecorator[Repository]):
    """A repository's name, kept as it was written, and equal in every other case, in keys as well."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Give the column the collation of its database."""
        return dialect.type_descriptor(sa.Text(collation=NOCASE if dialect.name == "postgresql" else "NOCASE"))

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Hand drivers the plain text that they know."""
        return None if value is None else str.__str__(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> Repository | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """Give the name its type back."""
        return None if value is None else Repository(value)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)
