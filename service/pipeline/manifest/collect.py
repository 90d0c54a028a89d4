"""Collects the edits that one push takes: all that are pending, and those that arrive while the first are computed.

Called by the push. Reads rows only: nothing is computed and nothing is written here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from service.core.words import EditState, Publish, RunId, Sha
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.manifest.branch_lease import Holding
from service.pipeline.manifest.place import Place, place_of
from service.ports import Manifests
from service.store import Transaction, edits, pushes
from service.store.edits import Edit

LARGEST_PUSH = 200
"""How many edits one push has at most."""
GROWING_SECONDS = 3.0
"""How long a push takes in edits that arrive while its first commits are made."""
QUIET_SECONDS, LOOK_SECONDS = 0.3, 0.03
"""How long it waits for the next edit while runs are on their way here, and how often it looks."""
JUST_NOW = timedelta(seconds=10)

OPEN = frozenset({EditState.PENDING, EditState.PUSHING})
"""The states of an edit that is still to be written."""

Pending = Callable[[Transaction], list[Edit]]
"""Lists the edits to be written as they are now, in the order in which their runs were accepted."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that this worker may write to now: its repository, and the lease that says so."""

    context: Context
    manifests: Manifests
    place: Place
    holding: Holding

    def marks_push(self, tx: Transaction) -> None:
        """Mark that the next push begins: whoever changes the state from now on waits for it, and for none before."""
        pushes.begin(tx, self.place.repository, self.place.lease, self.holding.holder)

    def pending(self, tx: Transaction) -> list[Edit]:
        """List all edits to be written there, in the order in which their runs were accepted."""
        return edits.open_at(tx, self.place.repository, self.place.branch)

    def only(self, some: Iterable[Edit]) -> Pending:
        """Give a function that lists only these edits, as they are when it is called."""
        wanted = {edit.run_id for edit in some}
        return lambda tx: [edit for edit in self.pending(tx) if edit.run_id in wanted]


def arriving(branch: Branch, pending: Pending, *, most: int, gathers: bool) -> Iterator[list[Edit]]:
    """Give what is pending in portions, each edit once, until nothing new is there or `most` are given.

    With `gathers` it waits a moment for runs that were accepted just now and have no edit yet.
    """
    seen: set[RunId] = set()
    until, quiet = time.monotonic() + GROWING_SECONDS, 0.0
    while not seen or time.monotonic() < until:
        waits = gathers and bool(seen) and quiet < QUIET_SECONDS
        with branch.context.store.read() as tx:
            new = [edit for edit in pending(tx) if edit.run_id not in seen][: most - len(seen)]
            under_way = edits.expected_soon(tx, since=branch.context.now() - JUST_NOW) if waits and not new else ()
        if new:
            quiet = 0.0
            seen |= {edit.run_id for edit in new}
            yield new
        elif any(_writes_to(branch, *run) for run in under_way):
            branch.context.pause(LOOK_SECONDS)
            quiet += LOOK_SECONDS
        else:
            return


def _writes_to(branch: Branch, application: str, environment: str, configuration: Sha) -> bool:
    """Tell whether a run of that place will write to this branch."""
    try:
        target = branch.context.configurations.at(configuration).target(application, environment)
        return (
            target is not None and target.publish is Publish.COMMIT and place_of(branch.context, target) == branch.place
        )
    except MergeportError:
        return False
