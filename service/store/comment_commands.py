"""Commands that people gave in comments, each with its answer once there is one, and where the answers are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from service.core.words import Repository
from service.store.database import Transaction
from service.store.rows import columns, insert_new, insert_or_update, made, one
from service.store.tables import command_replies, comment_commands

KEPT_FOR = timedelta(days=90)
"""How long a command is remembered. An older comment that is delivered again is too old to be obeyed."""


@dataclass(frozen=True, slots=True)
class CommentCommand:
    """One command of a comment: `position` counts from 0 in the comment, `at` is when we took it first.

    `helped` says that the answer is help for words that nobody knows; `done` that what was asked for was done.
    """

    repository: Repository
    comment: str
    position: int
    number: int
    login: str
    text: str
    at: datetime
    answered_at: datetime | None = None
    answer: str = ""
    helped: bool = False
    done: bool = False


_ALL = sa.select(*columns(CommentCommand, comment_commands))


def take(tx: Transaction, wanted: CommentCommand) -> tuple[CommentCommand, bool]:
    """Keep a command, or give the one that was kept before; and whether it is new."""
    new = insert_new(tx, comment_commands, **{name: getattr(wanted, name) for name in CommentCommand.__slots__})
    found = one(CommentCommand, tx.execute(_ALL.where(*_is(wanted))).first())
    assert found is not None  # noqa: S101 - kept above
    return found, new


def answer(tx: Transaction, command: CommentCommand, text: str, *, at: datetime, helped: bool, done: bool) -> None:
    """Keep the answer of a command; the first one stays. Forget old commands."""
    tx.execute(
        sa.update(comment_commands)
        .where(*_is(command), comment_commands.c.answered_at.is_(None))
        .values(answered_at=at, answer=text, helped=helped, done=done)
    )
    tx.execute(sa.delete(comment_commands).where(comment_commands.c.at < at - KEPT_FOR))
    still_there = sa.exists().where(
        comment_commands.c.repository == command_replies.c.repository,
        comment_commands.c.number == command_replies.c.number,
    )
    tx.execute(sa.delete(command_replies).where(~still_there))


def was_helped(tx: Transaction, repository: Repository, number: int) -> bool:
    """Tell whether help was given on a pull request for words that nobody knows."""
    table = comment_commands
    query = sa.select(table.c.comment).where(table.c.repository == repository, table.c.number == number, table.c.helped)
    return tx.execute(query.limit(1)).first() is not None


def answered(tx: Transaction, repository: Repository, number: int, *, limit: int) -> list[CommentCommand]:
    """List the newest commands of a pull request that have an answer, oldest first."""
    table = comment_commands
    query = (
        _ALL.where(table.c.repository == repository, table.c.number == number, table.c.answer != "")
        .order_by(table.c.at.desc(), table.c.comment.desc(), table.c.position.desc())
        .limit(limit)
    )
    return [made(CommentCommand, row) for row in tx.execute(query)][::-1]


def reply(tx: Transaction, repository: Repository, number: int) -> int | None:
    """Give the id of our comment that has the answers, if it was kept."""
    table = command_replies
    query = sa.select(table.c.comment).where(table.c.repository == repository, table.c.number == number)
    return tx.execute(query).scalar_one_or_none()


def keep_reply(tx: Transaction, repository: Repository, number: int, comment: int) -> None:
    """Keep the id of our comment that has the answers."""
    insert_or_update(
        tx, command_replies, ["repository", "number"], repository=repository, number=number, comment=comment
    )


def _is(command: CommentCommand) -> tuple[sa.ColumnElement[bool], ...]:
    table = comment_commands
    return (
        table.c.repository == command.repository,
        table.c.comment == command.comment,
        table.c.position == command.position,
    )
