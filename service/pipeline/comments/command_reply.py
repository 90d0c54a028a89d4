"""Keeps the one comment of ours on a pull request that answers commands: the newest answers, edited in place."""

from __future__ import annotations

from service.core.comments.command_answers import ANSWERS_KEPT, MARK_OF_ANSWERS, comment_of
from service.core.words import Repository
from service.pipeline.context import Context
from service.ports import Forge
from service.store import comment_commands


def reply(context: Context, forge: Forge, repository: Repository, number: int) -> None:
    """Bring our comment to the newest answers. A comment that is not known is looked for before one is made."""
    with context.store.read() as tx:
        kept = comment_commands.answered(tx, repository, number, limit=ANSWERS_KEPT)
        known = comment_commands.reply(tx, repository, number)
    if not kept:
        return
    body = comment_of([one.answer for one in kept])
    found = forge.tell(repository, number, body, mark=MARK_OF_ANSWERS, comment=known)
    if found == known:
        return
    with context.store.begin() as tx:
        comment_commands.keep_reply(tx, repository, number, found)
