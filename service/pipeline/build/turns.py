"""How many builds a builder elsewhere has at once, of all sources and of one: those beyond it wait for their turn.

Called where a start is about to be asked for, and by the watch, which has them asked for as others end. A build that
waits for its turn is `started` without a time at which its start was asked for. Nothing is dropped.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from service.core.words import BuildState
from service.pipeline.context import Context
from service.store import Transaction, build_turns, builds
from service.store.builds import Build


def no_room(context: Context, tx: Transaction, build: Build, most: int | None) -> str:
    """Say why the build may not be asked for now; empty if it may. `most` are those of its source.

    Nobody else decides on a build of this builder until the transaction ends.
    """
    build_turns.hold_turns(tx, build.builder)
    asked = build_turns.asked_for(tx, build.builder)
    return _full(context, asked, build, most, build_turns.in_line(tx, build))


def queue_up(context: Context, tx: Transaction, build: Build, why: str) -> None:
    """Let the build wait for its turn."""
    builds.update(
        tx, build.id, at=context.now(), state=BuildState.STARTED, message=why, external_id=None, started_at=None
    )


def _full(context: Context, asked: Counter[str], build: Build, most: int | None, line: Counter[str]) -> str:
    """Say what the build waits for, and how many wait before it; empty if there is room. `line` are those before it."""
    if most is not None and asked[build.repository.key] >= most:
        before = line[build.repository.key]
        return f"waits for its turn: {most} of {build.repository} may be built at once{_before(before)}"
    if asked.total() >= context.elsewhere_concurrency:
        return (
            f"waits for its turn: {context.elsewhere_concurrency} builds by {build.builder} may be under way at once"
            f" (MERGEPORT_ELSEWHERE_CONCURRENCY){_before(line.total())}"
        )
    return ""


def _before(number: int) -> str:
    return f", and {number} {'waits' if number == 1 else 'wait'} before it" if number else ""


@dataclass(slots=True)
class Turns:
    """The turns that one look gives, oldest build first."""

    context: Context
    asked: dict[str, Counter[str]] = field(default_factory=dict)
    line: dict[str, Counter[str]] = field(default_factory=dict)

    def give(self, build: Build, most: int | None) -> str:
        """Give the build its turn, or say what it waits for.

        Who asks for it then looks once more, with nobody beside it.
        """
        if build.builder not in self.asked:
            with self.context.store.read() as tx:
                self.asked[build.builder] = build_turns.asked_for(tx, build.builder)
        asked, line = self.asked[build.builder], self.line.setdefault(build.builder, Counter())
        why = _full(self.context, asked, build, most, line)
        (line if why else asked)[build.repository.key] += 1
        return why
