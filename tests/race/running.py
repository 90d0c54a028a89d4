"""A race from its first edit to the verdict: sends the edits, lets people, weather and havoc loose, waits for the end.

Called by the test and by `make soak`. It decides nothing about what is right: that is the checker's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import requests

from devstack.stack import WEBHOOK_SECRET
from service.core.words import DeliveryState, RunState
from service.store import Store, deliveries, runs, step_backs
from tests.race import records
from tests.race.checker import Verdict, check
from tests.race.crew import Crew, Havoc
from tests.race.managers import Desk, Manager, desk
from tests.race.people import People
from tests.race.plan import ENVIRONMENTS, LIVE, UPSTREAM, Plan, repository_of, source_of, wanted
from tests.race.records import Accepted, Ended
from tests.race.weather import Weather
from tests.race.world import World

Actor = People | Weather | Havoc | Manager


_LAST_ACT = 120.0
"""Seconds for which an actor's last act may take: an action waits for pushes of workers that were killed."""


@dataclass(frozen=True, slots=True)
class Race:
    """The result of a race: the verdict, the seconds for sending and ending, and what was done to it."""

    verdict: Verdict
    seconds: float
    settled_seconds: float
    done: dict[str, int]


def race(plan: Plan, directory: Path, database_url: str, say: Callable[[str], None]) -> Race:
    """Run a whole race; when it returns, everything that it started has ended. Its files stay in the directory."""
    with ExitStack() as stack:
        world = World(plan, directory)
        stack.callback(world.stop)
        store = Store(database_url)
        stack.callback(store.close)
        crew = Crew(plan, directory / "mergeport", database_url, world.settings())
        stack.callback(crew.stop)
        crew.command("migrate")
        crew.start_all()
        say("Mergeport is ready")
        began = time.monotonic()
        desks = [
            stack.enter_context(desk(world, store, crew.environment, crew.directory, f"manager-{number}"))
            for number in range(plan.managers)
        ]
        done = _run(plan, world, crew, store, desks, say)
        seconds, began = time.monotonic() - began, time.monotonic()
        _settle(plan, crew, store, desks, say)
        settled = time.monotonic() - began
        for ended in _ended(plan, crew):
            world.journal.add(ended)
    say("checking")
    evidence = records.read(directory / "records", world.repositories().items())
    return Race(check(evidence), seconds, settled, done)


def _run(
    plan: Plan, world: World, crew: Crew, store: Store, desks: list[Desk], say: Callable[[str], None]
) -> dict[str, int]:
    """Send all edits while the others act; give what they did."""
    stop = threading.Event()
    actors: list[Actor] = []
    if plan.people:
        actors += [People(name, bare, plan, world.journal, store, stop) for name, bare in world.manifests.items()]
    if plan.weather:
        actors.append(Weather(world, plan, stop))
    if plan.kills:
        actors.append(Havoc(crew, plan, world, stop))
    actors += [Manager(number, plan, one, store, stop) for number, one in enumerate(desks)]
    for actor in actors:
        actor.start()
    sender = Sender(plan, world, crew, store, say)
    try:
        sender.send_all()
    finally:
        stop.set()
        for actor in actors:
            actor.join(_LAST_ACT)
    for actor in actors:
        if actor.error is not None:
            raise actor.error
    done: Counter[str] = Counter()
    for actor in actors:
        done.update(actor.done if not isinstance(actor, People) else {})
    return dict(done)


def _under_way(store: Store) -> int:
    """Count the runs that have not ended, and the deliveries that have not become runs yet."""
    with store.read() as tx:
        counts, stored = runs.counts(tx), deliveries.counts(tx).get(DeliveryState.STORED, 0)
    return sum(count for state, count in counts.items() if not RunState(state).ended) + stored


def _settle(plan: Plan, crew: Crew, store: Store, desks: list[Desk], say: Callable[[str], None]) -> None:
    """Open everything, and wait until every run has ended, within the plan's bound; the checker reports the others."""
    deadline, told = time.monotonic() + plan.settle, 0.0
    while time.monotonic() < deadline:
        if gone := crew.ended():
            raise RuntimeError(f"ended by itself: {', '.join(gone)}")
        closed = any(one.tidy() for one in desks[:1])
        with store.read() as tx:
            closed |= bool(step_backs.listed(tx))
        left = _under_way(store)
        if not left and not closed:
            return
        if time.monotonic() - told > 5.0:
            told = time.monotonic()
            say(f"{left} runs have not ended yet")
        time.sleep(0.5)


def _ended(plan: Plan, crew: Crew) -> list[Ended]:
    """Ask the public command for every run."""
    asked = ["runs", "list", "--json", "--limit", "10000"]
    answers = [json.loads(crew.command(*asked, "--environment", environment)) for environment in ENVIRONMENTS]
    names = ("id", "application", "environment", "commit", "state", "code", "message")
    return [Ended(**{name: one[name] for name in names}) for answer in answers for one in answer]


class Sender:
    """Merges at random, sends the webhooks and keeps what was accepted; it waits if the backlog is too long."""

    def __init__(self, plan: Plan, world: World, crew: Crew, store: Store, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._world = world
        self._store = store
        self._say = say
        self._random = random.Random(f"{plan.seed} sender")  # noqa: S311 - a race, no secret
        self._session = requests.Session()
        self._hook = f"http://{crew.public}/webhooks/github"
        self._position = dict.fromkeys(world.lines, 0)
        self.accepted = 0
        self._number = 0

    def send_all(self) -> None:
        """Send until all edits are accepted or the time is up."""
        began, told = time.monotonic(), 0.0
        while self.accepted < self._plan.edits and time.monotonic() - began < self._plan.limit:
            self._burst()
            if self._random.random() < 0.5:
                time.sleep(self._random.expovariate(4.0))
            while _under_way(self._store) > self._plan.backlog and time.monotonic() - began < self._plan.limit:
                time.sleep(0.05)
            if time.monotonic() - told > 10.0:
                told = time.monotonic()
                self._say(f"{self.accepted} of {self._plan.edits} edits accepted, {_under_way(self._store)} under way")
        self._session.close()

    def _burst(self) -> None:
        """Merge one to three times on one branch, or once each on several; now and then tell of the newer one first."""
        lines = sorted(self._world.lines)
        one = self._random.choice(lines)
        chosen = (
            [one] * self._random.choice([1, 1, 2, 3]) if self._random.random() < 0.7 else self._random.sample(lines, 3)
        )
        merged = [self._merge(*line) for line in chosen]
        if self._plan.disorder and self._random.random() < 0.15:
            merged.reverse()
        for source, environment, position, body in merged:
            self._tell(source, environment, position, body)

    def _merge(self, source: int, environment: str) -> tuple[int, str, int, bytes]:
        self._position[source, environment] += 1
        position = self._position[source, environment]
        body = self._world.push_source(source, environment, position)
        late = self._random.random() < 0.12
        commit = self._world.lines[source, environment][position]
        self._world.registry.add(commit, after=self._random.uniform(0.3, 4.0) if late else 0.0)
        return source, environment, position, body

    def _tell(self, source: int, environment: str, position: int, body: bytes) -> None:
        digest = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            "X-Hub-Signature-256": f"sha256={digest}",
        }
        self._session.post(self._hook, data=body, headers=headers, timeout=10).raise_for_status()
        for application in self._plan.names(source):
            self._accept(source, application, environment, position)
            if environment == UPSTREAM:
                self._accept(source, application, LIVE, position, upstream=UPSTREAM)
            self.accepted += 1

    def _accept(self, source: int, application: str, environment: str, position: int, *, upstream: str = "") -> None:
        commit = self._world.lines[source, upstream or environment][position]
        image = self._world.registry.reference(application, commit)
        edit = Accepted(
            number=self._number,
            position=position,
            application=application,
            environment=environment,
            source=source_of(source),
            commit=commit,
            repository=repository_of(environment),
            image=image,
            files=wanted(application, environment, commit, image),
            upstream=upstream,
        )
        self._world.journal.add(edit)
        self._number += 1
