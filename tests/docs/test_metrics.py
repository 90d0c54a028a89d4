"""Every metric that the documentation names is served, with its labels, and every metric that is served is named."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import Metric

from service.core.words import DeliveryId
from service.store import Store, deliveries
from service.store.migrate import migrate
from service.web.counters import Counters
from service.web.metrics import StoreCollector
from tests.docs.pages import all_pages, page

NAME = re.compile(r"\bmergeport_[a-z_]+[a-z]\b")
MATCHER = re.compile(r"\b(mergeport_[a-z_]+[a-z])\{([^}]*)\}")
ENDINGS = {"histogram": ("", "_bucket", "_sum", "_count"), "counter": ("_total",)}


def served(folder: Path) -> list[Metric]:
    """Ask as a scrape does, with one stored delivery."""
    store = Store(f"sqlite:///{folder}/mergeport.db")
    migrate(store)
    now = datetime.now(UTC)
    with store.begin() as tx:
        deliveries.accept(
            tx, id=DeliveryId("12345678"), source="github", event="push", repository="acme/checkout", body=b"{}", at=now
        )
    counters = Counters()
    counters.answered("accepted")
    counters.registry.register(StoreCollector(store, lambda: now))
    found = list(counters.registry.collect())
    store.close()
    return found


def names_of(metric: Metric) -> list[str]:
    return [f"{metric.name}{ending}" for ending in ENDINGS.get(metric.type, ("",))]


def test_every_metric_that_is_named_is_served(tmp_path: Path) -> None:
    known = {name for metric in served(tmp_path) for name in names_of(metric)}
    named = {name for one in all_pages() for name in NAME.findall(one.text)}
    assert named - known == set()


def test_every_metric_that_is_served_is_in_the_operating_page(tmp_path: Path) -> None:
    table = re.findall(r"^\| `(mergeport_\w+)` \|", page("docs/operate.md").text, re.MULTILINE)
    wanted = [names_of(metric)[0] for metric in served(tmp_path)]
    assert sorted(table) == sorted(wanted)


def test_every_label_in_an_example_is_one_of_the_metric(tmp_path: Path) -> None:
    labels = {
        name: {label for sample in metric.samples for label in sample.labels} | {"step", "le", "outcome"}
        for metric in served(tmp_path)
        for name in names_of(metric)
    }
    wrong = [
        (name, matcher)
        for one in all_pages()
        for name, matchers in MATCHER.findall(one.text)
        for matcher in re.findall(r"(\w+)\s*[=!]", matchers)
        if matcher not in labels[name]
    ]
    assert wrong == []
