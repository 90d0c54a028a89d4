"""Keeps the log of a build elsewhere as if it had been made here, piece by piece, each once.

Called by the watch that follows such builds. What is absurdly long is cut: its newest part stays. What looks like a
secret is replaced.
"""

from __future__ import annotations

from service.core.visible import unstyled
from service.core.words import BuildState
from service.logs import redact
from service.pipeline.context import Context
from service.ports import ElsewhereBuilder
from service.store import builds
from service.store.builds import Build

LONGEST_PIECE = 1_000_000
MOST_PIECES = 50
"""How many pieces of a log one look reads, so that a builder which always has one more does not hold up the others."""


def read_log(context: Context, builder: ElsewhereBuilder, build: Build, *, to_its_end: bool = False) -> None:
    """Read the next piece, or all that is there; if two workers look at once, each piece is still stored only once."""
    assert build.external_id is not None  # noqa: S101 - as the watch chose it
    after = build.log_after
    for _ in range(MOST_PIECES if to_its_end else 1):
        piece = builder.log(build.external_id, after)
        if not piece.text or piece.after == after:
            return
        text = redact(unstyled(piece.text))  # a colour right before a secret would hide it
        if len(text) > LONGEST_PIECE:
            text = f"[log cut here: it is too long]\n{text[-LONGEST_PIECE:]}"
        with context.store.begin() as tx:
            now_at = builds.hold(tx, build.id)
            if now_at is None or (now_at.attempt, now_at.state) != (build.attempt, BuildState.STARTED):
                return
            if now_at.log_after != after:
                return
            builds.log(tx, build.id, build.attempt, text)
            builds.update(tx, build.id, at=context.now(), log_after=piece.after)
        after = piece.after
