"""Fixtures for all tests come from these plugins; none is defined here."""

pytest_plugins = [
    "tests.fixtures.memory",
    "tests.fixtures.tools",
    "tests.fixtures.databases",
    "tests.fixtures.devstack",
    "tests.fixtures.service",
    "tests.fixtures.certificates",
    "tests.fixtures.kinds",
    "tests.fixtures.debian",
]
