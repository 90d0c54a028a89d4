"""Metrics computed from the store when they are asked for, beside the counters of this process.

Registered on the counters' registry; read by `/metrics` on the private listener.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from service.core.words import DeliveryState, RunState, WaitKind
from service.errors import MergeportError
from service.store import (
    Store,
    Transaction,
    call_budgets,
    configurations,
    deliveries,
    edits,
    figures,
    manifest_states,
    runs,
    waits,
)

logger = structlog.stdlib.get_logger(__name__)

STEP_BOUNDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
"""Upper bounds of the steps' histogram, in seconds: a step is an API call or a build."""


SETTLED_SECONDS = 10.0
"""After this time an ended step is surely in the database, whichever worker's clock set its time."""


class StepTimes:
    """The times of all ended steps: the first scrape reads all, later ones only what has ended since."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._lock = threading.Lock()
        self._counted: dict[str, figures.StepSeconds] = {}
        self._until: datetime | None = None

    def read(self, tx: Transaction, now: datetime) -> list[figures.StepSeconds]:
        """Count what ended since the last reading; give all by name."""
        with self._lock:
            until = now - timedelta(seconds=SETTLED_SECONDS)
            if self._until is None or until > self._until:
                for step in figures.step_seconds(tx, STEP_BOUNDS, after=self._until, until=until):
                    known = self._counted.get(step.name)
                    self._counted[step.name] = known.and_(step) if known else step
                self._until = until
            return [self._counted[name] for name in sorted(self._counted)]


class StoreCollector(Collector):
    """Reads the store once for each scrape; if the database does not answer, it reports only that."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        """Take the store and the clock."""
        self._store = store
        self._now = now
        self._steps = StepTimes()

    def describe(self) -> Iterable[Metric]:
        """Name nothing before the first scrape, so that registering asks the store nothing."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Give the figures of this moment."""
        reachable = GaugeMetricFamily("mergeport_store_reachable", "Whether the database answers: 1 or 0.")
        try:
            with self._store.read() as tx:
                told = list(_figures(tx, self._now(), self._steps))
        except MergeportError as error:
            logger.debug("no figures", code=error.code)
            reachable.add_metric([], 0)
            return [reachable]
        reachable.add_metric([], 1)
        return [reachable, *told]


def _figures(tx: Transaction, now: datetime, steps: StepTimes) -> Iterable[Metric]:
    yield _by_state("mergeport_deliveries", "Deliveries by outcome.", DeliveryState, deliveries.counts(tx))
    oldest = deliveries.oldest_stored(tx)
    age = GaugeMetricFamily(
        "mergeport_delivery_queue_age_seconds", "Age of the oldest delivery that is not processed; 0 if none."
    )
    age.add_metric([], max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
    yield age
    yield _by_state("mergeport_runs", "Runs by state.", RunState, runs.counts(tx))
    yield _steps(steps.read(tx, now))
    newest = configurations.last(tx)
    faults = GaugeMetricFamily(
        "mergeport_configuration_faults", "Faults of the newest mergeport.yaml; above 0 an older one is in force."
    )
    faults.add_metric([], len(newest.faults) if newest else 0)
    yield faults
    doubts = GaugeMetricFamily(
        "mergeport_state_in_doubt",
        "Whether the state of a manifest repository is in doubt, so that nothing is promoted there: 1 or 0.",
        labels=["repository"],
    )
    for known in manifest_states.all_known(tx):
        doubts.add_metric([known.repository], 1 if known.trouble else 0)
    yield doubts
    pushes = CounterMetricFamily(
        "mergeport_push_attempts", "Pushes tried to manifest repositories, the refused ones included."
    )
    pushes.add_metric([], edits.attempts_total(tx))
    yield pushes
    yield from _waits(tx, now)
    yield from _budgets(tx, now)


def _by_state(
    name: str, words: str, states: type[DeliveryState | RunState], counts: dict[str, int]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=["state"])
    for state in states:
        family.add_metric([state.value], counts.get(state.value, 0))
    return family


def _steps(times: Iterable[figures.StepSeconds]) -> HistogramMetricFamily:
    family = HistogramMetricFamily("mergeport_step_seconds", "How long ended steps took, by name.", labels=["step"])
    for step in times:
        bounded = [(str(float(bound)), count) for bound, count in zip(STEP_BOUNDS, step.within, strict=True)]
        family.add_metric([step.name], [*bounded, ("+Inf", step.count)], step.total)
    return family


def _waits(tx: Transaction, now: datetime) -> Iterable[Metric]:
    known = {kind: (count, age) for kind, count, age in waits.ages(tx, now)}
    counts = GaugeMetricFamily("mergeport_waits", "What runs wait for outside, by kind.", labels=["kind"])
    oldest = GaugeMetricFamily("mergeport_wait_oldest_seconds", "Age of the oldest wait of a kind.", labels=["kind"])
    for kind in WaitKind:
        count, age = known.get(kind, (0, 0.0))
        counts.add_metric([kind.value], count)
        oldest.add_metric([kind.value], max(0.0, age))
    yield counts
    yield oldest


def _budgets(tx: Transaction, now: datetime) -> Iterable[Metric]:
    labels = ["login", "installation"]
    left = GaugeMetricFamily(
        "mergeport_github_calls_remaining", "Calls that GitHub still takes from a login in this hour.", labels=labels
    )
    held = GaugeMetricFamily(
        "mergeport_github_held_seconds", "For how long no call of a login goes out, because of a limit.", labels=labels
    )
    for one in call_budgets.known(tx):
        if one.most:
            left.add_metric([one.login, one.installation], one.left(now))
        held.add_metric([one.login, one.installation], one.held_for(now))
    yield left
    yield held
