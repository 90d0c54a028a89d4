"""Fixtures for all tests come from these plugins; none is defined here. And how many processes run tests at once.

Each process keeps thousands of collected tests, so the collector of garbage looks more seldom: that saves a tenth.
"""

from __future__ import annotations

import gc
import os

import pytest

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


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run one process more than there are processors: some tests wait, and each one collects anew.

    The tests that are long by nature keep processors busy with whole services, and so get one each.
    """
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return processors if config.option.markexpr == "prove" else processors + 1
