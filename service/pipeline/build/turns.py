"""How many builds a builder elsewhere has at once, of all sources and of one: those beyond it wait for their turn.

Called where a start is about to be asked for, and by the watch, which has them asked for as others end. A build that
waits for its turn is `started` without a time at which its start was asked for. Nothing is dropped.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from service.core.words import BuildState
from service.pipeline.context import Context
from service.store import Transaction, builds
from service.store.builds import Build


def no_room(context: Context, tx: Transaction, build: Build, most: int | None) -> str:
    """Say why the build may not be asked for now; empty if it may. `most` are those of its source.

    Nobody else decides on a build of this builder until the transaction ends.
    """
    builds.hold_turns(tx, build.builder)
    return _full(context, builds.asked_for(tx, build.builder), build, most)


def queue_up(context: Context, tx: Transaction, build: Build, why: str) -> None:
    """Let the build wait for its turn."""
    builds.update(
        tx, build.id, at=context.now(), state=BuildState.STARTED, message=why, external_id=None, started_at=None
    )


def _full(context: Context, asked: Counter[str], build: Build, most: int | None) -> str:
    if most is not None and asked[build.repository.key] >= most:
        return f"waits for its turn: {most} of {build.repository} may be built at once"
    if asked.total() >= context.elsewhere_concurrency:
        return (
            f"waits for its turn: {context.elsewhere_concurrency} builds by {build.builder} may be under way at once"
            " (MERGEPORT_ELSEWHERE_CONCURRENCY)"
        )
    return ""


@dataclass(slots=True)
class Turns:
    """The turns that one look gives, oldest build first."""

    context: Context
    asked: dict[str, Counter[str]] = field(default_factory=dict)

    def give(self, build: Build, most: int | None) -> str:
        """Give the build its turn, or say what it waits for.

        Who asks for it then looks once more, with nobody beside it.
        """
        if build.builder not in self.asked:
            with self.context.store.read() as tx:
                self.asked[build.builder] = builds.asked_for(tx, build.builder)
        asked = self.asked[build.builder]
        why = _full(self.context, asked, build, most)
        if not why:
            asked[build.repository.key] += 1
        return why
