"""Changes the state: one commit on `mergeport/state` for each action, by the same loop as every other writer.

Called by the actions. It answers only after the commit was read back and no push is under way that may have read the
state before. The same action makes one commit, however often it is repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from service.core import trailers
from service.core.changes import STATE_BRANCH
from service.core.foreign_text import plain
from service.core.state import FILE, State, parse, tidied, write
from service.core.words import Repository, Sha
from service.errors import PermanentError
from service.pipeline.context import Context
from service.pipeline.manifest.branch_lease import LEASE_SECONDS, Holding
from service.pipeline.manifest.place import Place
from service.pipeline.manifest.state.gates import wake
from service.pipeline.manifest.state.state_reading import Seen, believe, seen_at
from service.pipeline.manifest.swap import Attempt, Basis, Bounds, Result, swap
from service.ports import Manifests
from service.store import leases, manifest_states, pushes
from service.store.manifest_states import KnownState

BOUNDS = Bounds(refusals=4, pauses=(0.1, 0.2, 0.4), failures=4)
LOOKED_THROUGH = 50
"""How many of the newest commits are looked through for the action."""
LONGEST_TURN_SECONDS, LONGEST_PUSH_SECONDS = 60.0, 150.0
"""How long an action waits for another one to end, and for pushes that began before it."""
_LOOK_SECONDS = 0.1
_REASON_IN_TRAILER = 200

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Change:
    """What an action does to the state: `apply` is pure, and repeated on every new tip.

    `id` is the action's own. `subject` is the first line of the commit, `words` its body, `who` asked for it at `at`.
    `pairs` are trailers beside those that every action has.
    """

    id: str
    subject: str
    words: str
    who: str
    why: str
    at: datetime
    apply: Callable[[State], State]
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """The commit that has the action, and the state there. `new` is False if it was there before."""

    commit: Sha
    state: State
    new: bool


def change_state(context: Context, repository: Repository, change: Change) -> Changed:
    """Bring the change onto the branch, and answer when it counts for every push from now on.

    Raises what `apply` raises, PermanentError if the state there cannot be believed, the branch refuses the push
    or a push from before does not end, and RetryableError if the repository does not answer.
    """
    place = Place(repository, STATE_BRANCH)
    manifests = context.outside.manifests.open(repository)
    with _turn(context, place, change):
        work = _Changing(context, manifests, repository, change)
        swapped = swap(manifests, STATE_BRANCH, work, bounds=BOUNDS, pause=context.pause)
        if swapped.result is Result.REFUSED or swapped.attempt is None:
            raise PermanentError(
                f"{repository} refuses the push of {STATE_BRANCH}, although nobody moved it",
                code="push-refused",
                hint=f"check for a hook or branch protection; allow Mergeport to push {STATE_BRANCH}",
            )
        changed = swapped.attempt.made
        _read_back(context, manifests, repository, changed.commit)
    _outwait(context, repository)
    wake(context, repository)
    return changed


@contextmanager
def _turn(context: Context, place: Place, change: Change) -> Iterator[None]:
    """Hold the branch's lease, after whoever has it now."""
    holder = f"{context.holder}/{change.id}"
    waited = 0.0
    while True:
        with context.store.begin() as tx:
            if leases.acquire(tx, place.lease, holder, now=context.now(), seconds=LEASE_SECONDS):
                break
        if waited >= LONGEST_TURN_SECONDS:
            raise PermanentError("another action changes the state", code="state-busy", hint="try again in a moment")
        context.pause(_LOOK_SECONDS)
        waited += _LOOK_SECONDS
    with Holding(context, place.lease, holder):
        yield


@dataclass(slots=True)
class _Changing:
    """The change as the loop's work."""

    context: Context
    manifests: Manifests
    repository: Repository
    change: Change
    known: KnownState | None = field(default=None)

    def look(self) -> Basis:
        """Bring the branch's newest commit here, after what is known of it was read."""
        with self.context.store.read() as tx:
            self.known = manifest_states.get(tx, self.repository)
        return (self.manifests.fetch(STATE_BRANCH),)

    def attempt(self, basis: Basis, *, moved: bool) -> Attempt[Changed]:  # noqa: ARG002 - the loop's
        """Make the commit on the tip, unless the branch has one of this action."""
        (tip,) = basis
        seen = seen_at(self.context, self.manifests, self.repository, self.known, tip)
        if tip is not None and (there := self._there(tip)) is not None:
            return Attempt(None, tip, Changed(there, seen.state, new=False))
        if seen.trouble is not None:
            raise seen.trouble
        return self._made(seen)

    def lost(self, attempt: Attempt[Changed]) -> None:
        """Leave everything as it is: nothing was stored."""

    def _made(self, seen: Seen) -> Attempt[Changed]:
        change = self.change
        state = tidied(change.apply(seen.state), change.at)
        text = write(state, seen.text)
        parse(text)  # a name that was read once may be refused by now: what nobody can read is not written
        commit = self.manifests.commit(
            seen.tip,
            {FILE: text.encode()},
            _message(change),
            author=self.context.author,
            committer=self.context.committer,
            at=change.at,
        )
        return Attempt(commit, seen.tip, Changed(commit, state, new=True))

    def _there(self, tip: Sha) -> Sha | None:
        """Find the action's commit on the branch, by its trailer."""
        for commit in self.manifests.history(tip, most=LOOKED_THROUGH):
            if trailers.value_of(trailers.parse(commit.message), trailers.ACTION) == self.change.id:
                return commit.id
        return None


def _message(change: Change) -> str:
    """Write the commit's message; nothing that people wrote has an effect on GitHub."""
    facts = trailers.format(
        [
            (trailers.ACTION, change.id),
            (trailers.ACTOR, plain(change.who)),
            (trailers.REASON, plain(change.why, _REASON_IN_TRAILER)),
            *change.pairs,
        ]
    )
    return f"{plain(change.subject, 100)}\n\n{plain(change.words, 1000)}\n\n{facts}"


def _read_back(context: Context, manifests: Manifests, repository: Repository, commit: Sha) -> None:
    """Make sure that the branch has the commit, and remember what it says."""
    for _ in range(20):
        with context.store.read() as tx:
            known = manifest_states.get(tx, repository)
        tip = manifests.fetch(STATE_BRANCH)
        if tip is not None and manifests.ancestors(tip, {commit}):
            if seen_at(context, manifests, repository, known, tip).trouble is None:
                return
            break
        context.pause(_LOOK_SECONDS * 5)
    raise PermanentError(
        f"{commit[:12]} was pushed to {STATE_BRANCH} of {repository}, and is not there when it is read back",
        code="state-not-read-back",
        hint="somebody may have pushed it away; `mergeport locks` shows what is there",
    )


def _outwait(context: Context, repository: Repository) -> None:
    """Wait for the pushes that began before now: they may have read the state before it was changed."""
    with context.store.read() as tx:
        before = pushes.under_way(tx, repository, now=context.now())
    waited = 0.0
    while before:
        if waited >= LONGEST_PUSH_SECONDS:
            raise PermanentError(
                f"the state of {repository} is changed, but a push that began before has not ended yet",
                code="push-not-ended",
                hint="what it brings may still go in; nothing after it does. `mergeport locks` shows the state",
            )
        context.pause(_LOOK_SECONDS)
        waited += _LOOK_SECONDS
        with context.store.read() as tx:
            before &= pushes.under_way(tx, repository, now=context.now())


def accept_state(context: Context, repository: Repository) -> Seen:
    """Take what is on the branch as the state in force, although it does not follow from what was known.

    PermanentError `state-broken` if it cannot be read, `state-believed` if nothing is in doubt.
    """
    manifests = context.outside.manifests.open(repository)
    tip = manifests.fetch(STATE_BRANCH)
    with context.store.read() as tx:
        known = manifest_states.get(tx, repository)
    doubted = seen_at(context, manifests, repository, known, tip)
    if doubted.trouble is None:
        raise PermanentError(
            f"the state of {repository} is not in doubt", code="state-believed", hint="`mergeport locks` shows it"
        )
    if doubted.trouble.code == "state-broken":
        raise doubted.trouble
    believe(context, repository, None, "")
    seen = seen_at(context, manifests, repository, None, tip)
    if seen.trouble is not None:
        raise seen.trouble
    wake(context, repository)
    log.warning("the state was accepted", repository=repository, commit=tip)
    return seen
