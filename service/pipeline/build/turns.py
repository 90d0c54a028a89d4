"""How many builds of one source repository a builder elsewhere has at once: those beyond it wait for their turn.

Called where a start is about to be asked for, and by the watch, which has them asked for as others end. A build that
waits for its turn is `started` without a time at which its start was asked for. Nothing is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from service.core.words import BuildState
from service.pipeline.context import Context
from service.ports import ElsewhereBuilder
from service.store import Transaction, builds
from service.store.builds import Build


def has_room(tx: Transaction, build: Build, most: int | None) -> bool:
    """Tell whether the build may be asked for now; nobody else decides on another until the transaction ends."""
    if most is None:
        return True
    builds.hold_turns(tx, build.builder, build.repository)
    return builds.asked_for(tx, build.builder, build.repository) < most


def queue_up(context: Context, tx: Transaction, build: Build, most: int) -> None:
    """Let the build wait for its turn."""
    builds.update(
        tx, build.id, at=context.now(), state=BuildState.STARTED, message=words(build, most), external_id=None,
        started_at=None,
    )  # fmt: skip


def words(build: Build, most: int) -> str:
    """Say what such a build waits for."""
    return f"waits for its turn: {most} of {build.repository} may be built at once"


@dataclass(slots=True)
class Turns:
    """The turns that one look gives, oldest build first."""

    context: Context
    builder: ElsewhereBuilder
    given: dict[str, int] = field(default_factory=dict)

    def comes(self, build: Build, most: int | None) -> bool:
        """Tell whether it is the build's turn. Who asks for it then looks once more, with nobody beside it."""
        if most is None:
            return True
        key = build.repository.key
        with self.context.store.read() as tx:
            asked = builds.asked_for(tx, build.builder, build.repository)
        if asked + self.given.get(key, 0) >= most:
            return False
        self.given[key] = self.given.get(key, 0) + 1
        return True
