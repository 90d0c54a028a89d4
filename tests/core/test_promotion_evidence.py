"""What a pull request tells of its release: where it runs, and which files deserve a second look."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.core.gates.seen_checks import Check, CheckState
from service.core.promotion_evidence import RunsIn, marks_of, what_checks_say, what_it_touches, where_it_runs

AT = datetime(2026, 11, 28, 10, 2, tzinfo=UTC)


def test_each_stay_has_its_times_and_its_standing() -> None:
    stays = [RunsIn("stage", AT, AT.replace(minute=5), None, "Healthy"), RunsIn("dev", AT, None, AT.replace(hour=11))]
    assert where_it_runs(stays).splitlines()[4:] == [
        "| stage | 2026-11-28 10:02 UTC | 2026-11-28 10:05 UTC | now |",
        "| dev | 2026-11-28 10:02 UTC | not yet | until 2026-11-28 11:02 UTC |",
    ]


def test_broken_stay_is_told_by_its_health() -> None:
    assert where_it_runs([RunsIn("dev", AT, None, None, "Degraded")]).endswith("| Degraded |")


def test_checks_are_counted_and_those_that_have_not_passed_are_named() -> None:
    checks = [
        *(Check(f"ci/{number}", CheckState.PASSED) for number in range(12)),
        Check("lint", CheckState.FAILED),
        Check("docs @ann", CheckState.RUNNING),
        Check("mergeport/stage", CheckState.RUNNING),
    ]
    assert (
        what_checks_say("4f2c1e9", checks)
        == "Checks of `4f2c1e9`: 1 running (`docs @ann`), 12 passed, 1 failed (`lint`)."
    )
    assert what_checks_say("4f2c1e9", checks[-1:]) == ""


def test_no_stay_is_said() -> None:
    assert "no other environment yet" in where_it_runs([])


@pytest.mark.parametrize(
    ("path", "mark"),
    [
        ("app/migrations/0007_add_tax.py", "database migrations"),
        ("db/migrate/2026_tax.rb", "database migrations"),
        ("docker/web.Dockerfile", "Dockerfile"),
        ("Dockerfile.prod", "Dockerfile"),
        ("api/requirements-dev.txt", "dependencies"),
        ("package-lock.json", "dependencies"),
        ("renv.lock", "dependencies"),
        (".github/workflows/ci.yml", "workflows"),
    ],
)
def test_path_has_its_mark(path: str, mark: str) -> None:
    assert marks_of([path]) == (mark,)


@pytest.mark.parametrize("path", ["app.py", "docs/Dockerfiles.md", "src/package.json.py", "migration.md"])
def test_other_path_has_none(path: str) -> None:
    assert marks_of([path]) == ()


def test_marks_are_one_sentence_and_nothing_without_any() -> None:
    assert (what_it_touches(("Dockerfile", "dependencies")), what_it_touches(())) == (
        "It touches `Dockerfile`, `dependencies`.", "",
    )  # fmt: skip
