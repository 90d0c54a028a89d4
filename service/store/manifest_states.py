"""The state of each manifest repository as it was last found good, and what is wrong with what is there now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import Repository, Sha
from service.store.database import Transaction
from service.store.rows import columns, insert_or_update, made, one
from service.store.tables import manifest_states as table


@dataclass(frozen=True, slots=True)
class KnownState:
    """What is known of a repository's state.

    `text` is the file at `commit`, the last good one; without a commit none was ever good. `trouble` is the code of
    what is wrong with what is there now, and `words` say it; empty if nothing is. `strays` are the entries whose names
    are not those of the configuration in force, as `core/state/astray.py` keeps them.
    """

    repository: Repository
    commit: Sha | None
    text: str
    at: datetime
    trouble: str
    words: str
    troubled_since: datetime | None
    strays: Any


_ALL = sa.select(*columns(KnownState, table))
_ONE = _ALL.where(table.c.repository == sa.bindparam("repository"))
_HELD = _ONE.with_for_update()


def get(tx: Transaction, repository: Repository) -> KnownState | None:
    """Give what is known of a repository's state; None if nothing was ever there."""
    return one(KnownState, tx.execute(_ONE, {"repository": repository}).first())


def hold(tx: Transaction, repository: Repository) -> KnownState | None:
    """Give what is known, which nobody changes until the transaction ends."""
    return one(KnownState, tx.execute(_HELD, {"repository": repository}).first())


def believe(tx: Transaction, repository: Repository, commit: Sha, text: str, *, at: datetime) -> None:
    """Remember a good state; nothing is wrong any more."""
    insert_or_update(
        tx, table, ["repository"], repository=repository, commit=commit, text=text, at=at, trouble="", words="",
        troubled_since=None,
    )  # fmt: skip


def doubt(tx: Transaction, repository: Repository, trouble: str, words: str, *, at: datetime) -> None:
    """Remember what is wrong with what is there; the last good state stays as it is."""
    known = hold(tx, repository)
    since = known.troubled_since if known is not None and known.trouble and known.troubled_since else at
    kept = (known.commit, known.text, known.at) if known is not None else (None, "", at)
    commit, text, good_at = kept
    insert_or_update(
        tx, table, ["repository"], repository=repository, commit=commit, text=text, at=good_at, trouble=trouble,
        words=words, troubled_since=since,
    )  # fmt: skip


def set_strays(tx: Transaction, repository: Repository, strays: Sequence[Mapping[str, Any]]) -> None:
    """Remember which entries have names that are not right."""
    tx.execute(sa.update(table).where(table.c.repository == repository).values(strays=list(strays)))


def forget(tx: Transaction, repository: Repository) -> None:
    """Forget a repository's state: what is there from now on is believed."""
    tx.execute(sa.delete(table).where(table.c.repository == repository))


def all_known(tx: Transaction) -> list[KnownState]:
    """List what is known of all repositories."""
    return [made(KnownState, row) for row in tx.execute(_ALL.order_by(table.c.repository))]


def troubled(tx: Transaction) -> list[KnownState]:
    """List the repositories whose state is in doubt."""
    return [known for known in all_known(tx) if known.trouble]
