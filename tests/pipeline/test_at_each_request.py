"""A slice of letting every request go wrong once; `python -m tests.pipeline.at_each_request` is the whole."""

from __future__ import annotations

import pytest

from devstack.ecr import Ecr
from tests.pipeline.at_each_request import perform


@pytest.mark.parametrize(
    ("scenario", "server", "fault", "number"),
    [
        ("dev", "argocd", "list", 2),
        pytest.param("rolled", "git", "cut", 40, marks=pytest.mark.prove),
        pytest.param("built_in_actions", "github", "empty", 8, marks=pytest.mark.prove),
        pytest.param("cancelled", "github", "404", 45, marks=pytest.mark.prove),
        pytest.param("locked", "git", "cut", 6, marks=pytest.mark.prove),
        ("rolled_back", "git", "cut", 44),
        pytest.param("asked_in_comments", "github", "cut", 14, marks=pytest.mark.prove),
        pytest.param("grouped", "git", "cut", 100, marks=pytest.mark.prove),
        pytest.param("merged_together", "github", "502", 29, marks=pytest.mark.prove),
        pytest.param("merged_together", "github", "cut", 36, marks=pytest.mark.prove),
    ],
)
def test_scenario_ends_as_if_no_request_had_gone_wrong(
    ecr: Ecr, scenario: str, server: str, fault: str, number: int
) -> None:
    told, hit, _ = perform(scenario, server, ecr, fault=fault, number=number)
    assert told.wrong == [], hit
