"""Release managers at work: they lock, hold, block, go back, promote, and edit the state by hand.

Each one acts by the same code as the command line, over the same bad network as the workers, and writes down what was
asked for and when it returned. What several could close at once belongs to one of them, so that the order is known.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml

from devstack.bare import ZERO, GitError
from service import settings
from service.bootstrap import build_context
from service.cli.acting import Nobody
from service.core.state import Block, Hold, Lock
from service.core.words import RunState
from service.errors import MergeportError
from service.pipeline import actions
from service.pipeline.actions import Asked, Outcome
from service.pipeline.context import Context
from service.pipeline.promote.train.planning import Wish
from service.store import Store, runs
from tests.race.closings import STATE_BRANCH, STATE_FILE
from tests.race.plan import ENVIRONMENTS, LIVE, MANIFESTS, PRODUCTION, Plan, repository_of
from tests.race.records import Acted
from tests.race.world import World, commit_file

_EVERYWHERE = (MANIFESTS, PRODUCTION)
_OPEN = [state for state in RunState if not state.ended]
_REPEATED = 3
_LONGEST_CLOSING = 6.0
"""For how many pauses something stays closed at the longest."""
_LOOKED_AT = 200
"""How many of the newest runs a release manager looks at."""


@dataclass(slots=True)
class Desk:
    """Where a release manager acts: every action is written down with the moves of the branches around it."""

    world: World
    context: Context
    name: str
    done: Counter[str] = field(default_factory=Counter)

    def close(self, verb: str, environment: str = "", application: str = "", value: str = "") -> None:
        """Lock, hold or block."""
        self._state(verb, environment, application, value, closes=True)

    def open(self, verb: str, environment: str = "", application: str = "", value: str = "") -> None:
        """Unlock, unhold or unblock."""
        self._state(verb, environment, application, value, closes=False)

    def roll_back(self, environment: str, application: str) -> None:
        """Go back to the release before."""
        before = self.world.moves()
        run, held = "", False
        try:
            gone = actions.rollback(self.context, self._asked(), application=application, environment=environment)
            run, held = gone.run.id, gone.unheld is None
            self.done["rollback"] += 1
        except MergeportError as error:
            self.done[f"rollback: {error.code}"] += 1
        where = {repository_of(environment)}
        self._write(before, "rollback", environment, application, run, dict.fromkeys(where, held))

    def promote(self, *applications: str) -> None:
        """Promote to the last environment what is ready, or what is named; a name lifts a hold."""
        before, asked = self.world.moves(), self._asked()
        try:
            plan = actions.planned(self.context, asked, Wish(LIVE, applications, "", None))
            done = actions.promote(self.context, asked, plan)
            self.done["promote"] += len(done.started)
        except MergeportError as error:
            self.done[f"promote: {error.code}"] += 1
        where = dict.fromkeys((repository_of(LIVE),), True)
        for application in applications or ("",):
            self._write(before, "promote", LIVE, application, "", where)
        for application in applications:
            self._write(before, "unhold", LIVE, application, "", where)

    def edit(self, verb: str, environment: str, application: str) -> None:
        """Lock or unlock an application by hand, by a commit on top of the state's branch."""
        name = repository_of(environment)
        bare = self.world.manifests[name]
        entry = {"environment": environment, "application": application}
        before, moved = self.world.moves(), False
        for _ in range(20):
            tip = bare.branches().get(STATE_BRANCH, "")
            state = yaml.safe_load(bare.read(tip, STATE_FILE) or b"") if tip else None
            kept = [one for one in ((state or {}).get("locks") or []) if not entry.items() <= one.items()]
            at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            locks = [*kept, {**entry, "who": "ada", "since": at}] if verb == "lock" else kept
            whole = {key: value for key, value in {**(state or {}), "locks": locks}.items() if value}
            text = yaml.safe_dump(whole) if whole else "# nothing\n"
            commit = commit_file(bare, tip, {STATE_FILE: text.encode()}, f"{verb} by hand", draft=self.name)
            with suppress(GitError):
                bare.update_ref(f"refs/heads/{STATE_BRANCH}", commit, tip or ZERO)
                moved = True
                break
        self.done[f"{verb} by hand"] += moved
        self._write(before, verb, environment, application, "", {name: moved}, by_hand=True)

    def tidy(self) -> bool:
        """Take everything away that closes something; tell whether there was anything, or it could not be read."""
        found = actions.listed(self.context)
        for entry in {entry.subject: entry for one in found if one.seen for entry in one.seen.state.entries}.values():
            match entry:
                case Lock():
                    self.open("unlock", entry.environment, entry.application)
                case Hold():
                    self.open("unhold", entry.environment, entry.application)
                case Block():
                    self.open("unblock", value=entry.value)
        return any(one.seen is None or one.seen.trouble is not None or one.seen.state.entries for one in found)

    def _asked(self) -> Asked:
        return Asked(by=self.name, at=datetime.now(UTC), why="a race")

    def _state(self, verb: str, environment: str, application: str, value: str, *, closes: bool) -> None:
        """Ask for an action; one that failed is asked for again, as the same one or another one with the same aim."""
        asked = self._asked()
        for number in range(_REPEATED):
            before = self.world.moves()
            done: set[str] = set()
            over = True
            try:
                outcome = _call(self.context, asked, verb, environment, application, value)
                done = {repository for repository, _ in outcome.done}
                over = not outcome.failed
                self.done[verb] += 1
            except MergeportError as error:
                over = error.code.startswith(("already-", "not-"))
                self.done[f"{verb}: {error.code}"] += 1
            where = (repository_of(environment),) if closes and environment else _EVERYWHERE
            self._write(before, verb, environment, application, value, {name: name in done for name in where})
            if over:
                return
            asked = asked if number % 2 else self._asked()

    def _write(
        self, before: Mapping[str, int], verb: str, environment: str, application: str, value: str,
        done: Mapping[str, bool], *, by_hand: bool = False,
    ) -> None:  # fmt: skip
        after = self.world.moves()
        for name, was in done.items():
            act = Acted(name, verb, environment, application, value, before[name], after[name], was, by_hand)
            self.world.journal.add(act)


@contextmanager
def desk(world: World, store: Store, environment: Mapping[str, str], directory: Path, name: str) -> Iterator[Desk]:
    """Join what a release manager acts with; the clones are its own, as on a machine of its own."""
    whole = {**environment, "MERGEPORT_STATE_DIRECTORY": str(directory / name)}
    loaded = settings.load(whole, settings.Need.WORKER)
    with build_context(loaded, store, Nobody(), name) as context:
        yield Desk(world, context, name)


def _call(context: Context, asked: Asked, verb: str, environment: str, application: str, value: str) -> Outcome:
    match verb:
        case "lock":
            return actions.lock(context, asked, environment=environment, application=application)
        case "unlock":
            return actions.unlock(context, asked, environment=environment, application=application)
        case "hold":
            return actions.hold(context, asked, environment=environment, application=application)
        case "unhold":
            return actions.unhold(context, asked, environment=environment, application=application)
        case "block":
            return actions.block(context, asked, value)
        case _:
            return actions.unblock(context, asked, value)


class Manager(threading.Thread):
    """A release manager, who acts until `stop` is set; the first one also closes whole environments."""

    def __init__(self, number: int, plan: Plan, at: Desk, store: Store, stop: threading.Event) -> None:
        super().__init__(name=f"manager-{number}", daemon=True)
        self.error: Exception | None = None
        self.done: dict[str, int] = at.done
        self._desk = at
        self._store = store
        self._stopped = stop
        self._haste = plan.haste
        self._random = random.Random(f"{plan.seed} manager {number}")  # noqa: S311 - a race, no secret
        mine = range(number, plan.sources, plan.managers)
        self._applications = [name for source in mine for name in plan.names(source)]
        self._first = number == 0

    def run(self) -> None:
        """Act, with pauses, until told to stop; what was closed is opened again each time."""
        acts = [self._lock, self._hold, self._block, self._by_hand, self._train] + [self._back] * 3
        acts += [self._close_environment] * 3 if self._first else []
        try:
            while self._applications and not self._stopped.wait(self._random.expovariate(1.0 / self._haste)):
                self._random.choice(acts)()
        except Exception as error:  # noqa: BLE001 - told by who joins this thread
            self.error = error

    def _somewhere(self) -> tuple[str, str]:
        """Choose a place, mostly one where something is under way."""
        with self._store.read() as tx:
            under_way = runs.newest(tx, limit=_LOOKED_AT, states=_OPEN)
        mine = sorted(
            {(run.environment, run.application) for run in under_way if run.application in self._applications}
        )
        if mine and self._random.random() < 0.8:
            return self._random.choice(mine)
        return self._random.choice(ENVIRONMENTS), self._random.choice(self._applications)

    def _meanwhile(self) -> None:
        """Pause, mostly until the branches have moved some times: a closing is proved by what comes meanwhile."""
        moves, before = self._random.randint(0, 4), sum(self._desk.world.moves().values())
        deadline = time.monotonic() + _LONGEST_CLOSING * self._haste
        while sum(self._desk.world.moves().values()) < before + 2 * moves and time.monotonic() < deadline:
            if self._stopped.wait(0.1):
                return

    def _for_a_while(self, close: Callable[[], None], open_again: Callable[[], None]) -> None:
        close()
        self._meanwhile()
        open_again()

    def _lock(self) -> None:
        where = self._somewhere()
        self._for_a_while(lambda: self._desk.close("lock", *where), lambda: self._desk.open("unlock", *where))

    def _close_environment(self) -> None:
        where = self._random.choice(["", *ENVIRONMENTS])
        self._for_a_while(lambda: self._desk.close("lock", where), lambda: self._desk.open("unlock", where))

    def _hold(self) -> None:
        where = self._somewhere()
        self._for_a_while(lambda: self._desk.close("hold", *where), lambda: self._desk.open("unhold", *where))

    def _by_hand(self) -> None:
        where = self._somewhere()
        if self._random.random() < 0.5:
            self._for_a_while(lambda: self._desk.edit("lock", *where), lambda: self._desk.edit("unlock", *where))
        else:
            self._for_a_while(lambda: self._desk.edit("lock", *where), lambda: self._desk.open("unlock", *where))

    def _back(self) -> None:
        """Go back where several releases were, and let newer releases in again after a while."""
        with self._store.read() as tx:
            ended = runs.newest(tx, limit=_LOOKED_AT, states=[RunState.SUCCEEDED])
        counted = Counter((run.environment, run.application) for run in ended if run.application in self._applications)
        places = sorted(place for place, count in counted.items() if count > 1)
        where = self._random.choice(places) if places else self._somewhere()
        self._for_a_while(lambda: self._desk.roll_back(*where), lambda: self._desk.open("unhold", *where))

    def _train(self) -> None:
        some = self._random.sample(self._applications, min(2, len(self._applications)))
        self._desk.promote(*(some if self._random.random() < 0.4 else ()))

    def _block(self) -> None:
        """Block what is under way, by its commit or its image."""
        application = self._random.choice(self._applications)
        with self._store.read() as tx:
            found = runs.newest(tx, limit=1, application=application, states=_OPEN)
        if not found:
            return
        digest = str(found[0].images.get("", {}).get("digest") or "")
        value = digest if digest and self._random.random() < 0.5 else found[0].commit
        self._for_a_while(
            lambda: self._desk.close("block", value=value), lambda: self._desk.open("unblock", value=value)
        )
