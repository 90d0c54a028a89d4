"""A slice of the race in every test run: two workers on PostgreSQL, people, a bad line, killed and stopped workers.

`make soak` runs the same for longer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.race.plan import Plan
from tests.race.running import race

pytestmark = pytest.mark.prove

SEED = 20
SLICE = Plan(
    edits=400,
    seed=SEED,
    sources=2,
    applications=3,
    limit=22.0,
    settle=120.0,
    backlog=45,
    pause=2.0,
    haste=1.0,
    havoc=7.0,
    long_stops=False,
)


def test_every_promise_is_kept_while_workers_people_and_the_network_race(tmp_path: Path, postgresql_url: str) -> None:
    told: list[str] = []
    done = race(SLICE, tmp_path / "race", postgresql_url, told.append)
    assert done.verdict.findings == [], "\n".join([f"seed {SEED}", *told, *map(str, done.verdict.findings)])
    counts = done.verdict.counts
    assert {"lock", "hold", "block", "rollback", "promote", "lock by hand"} & done.done.keys(), done.done
    assert min(counts["commits"], counts["runs succeeded"], counts["people: a commit"], counts["pushes"]) > 0, counts
