"""Fixtures for all tests come from these plugins; none is defined here. And how many processes run tests at once.

Each process keeps thousands of collected tests, so the collector of garbage looks more seldom: that saves a tenth.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.fixtures.memory",
    "tests.fixtures.logs",
    "tests.fixtures.tools",
    "tests.fixtures.databases",
    "tests.fixtures.devstack",
    "tests.fixtures.service",
    "tests.fixtures.certificates",
    "tests.fixtures.kinds",
    "tests.fixtures.debian",
    "tests.fixtures.mlflow_server",
]
gc.set_threshold(100_000, 20, 100)
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")


_LONG = ("pipeline", "integration", "race", "demo")
_SHORT = ("charts", "repository", "devstack", "benchmarks", "core")
"""Files that take long come first and those of a moment last, so that no process is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that take long before those that are done in a moment; the order within a file stays."""
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return 0 if folder in _LONG else 2 + _SHORT.index(folder) if folder in _SHORT else 1

    items.sort(key=place)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run one process more than there are processors: some tests wait, and each one collects anew.

    The tests that are long by nature keep processors busy with whole services, and so get one each.
    """
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors if config.option.markexpr == "prove" else processors + 1
