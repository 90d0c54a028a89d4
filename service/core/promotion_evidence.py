"""Tells in a promotion's pull request where its release runs already, and what kind of files it touches.

Called with the other parts of the text. Pure text in, text out: facts of the moment at which the text is written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.core.foreign_text import NAME_LENGTH, code, cut, markdown
from service.core.gates.seen_checks import Check, CheckState

STAYS_SHOWN, SCAN_LENGTH, CHECKS_NAMED = 20, 400, 10
_NOT_PASSED = frozenset({CheckState.RUNNING, CheckState.FAILED})
_LOCKS = (
    r"requirements[^/]*\.(txt|in)", r"pyproject\.toml", r"(poetry|uv|yarn|renv|Cargo|Gemfile|composer|Pipfile)\.lock",
    r"Pipfile", r"package(-lock)?\.json", r"pnpm-lock\.yaml", r"go\.(mod|sum)", r"Cargo\.toml", r"Gemfile", r"pom\.xml",
    r"build\.gradle(\.kts)?", r"composer\.json",
)  # fmt: skip
_MARKS = (
    ("database migrations", r"(^|/)(migrations?|alembic|flyway|liquibase)/|(^|/)db/migrate/"),
    ("Dockerfile", r"(^|/)([^/]*\.)?(Docker|Container)file(\.[^/]*)?$"),
    ("dependencies", f"(^|/)({'|'.join(_LOCKS)})$"),
    ("workflows", r"^\.github/workflows/"),
)
"""What reviewers look at twice, by the paths that show it."""


@dataclass(frozen=True, slots=True)
class RunsIn:
    """A release being live in another environment: `healthy_since` without a break, `until` None while it is live."""

    environment: str
    since: datetime
    healthy_since: datetime | None
    until: datetime | None
    health: str = ""


def where_it_runs(stays: Sequence[RunsIn]) -> str:
    """Write where the very images of the release are or were live, the newest first; say so if that is nowhere."""
    if not stays:
        return "These images were live in no other environment yet, as far as Mergeport knows."
    rows = [
        f"| {markdown(one.environment)} | {_moment(one.since)} | {_moment(one.healthy_since)} | {_standing(one)} |"
        for one in stays[:STAYS_SHOWN]
    ]
    return "\n".join(
        ["Where these images run:\n", "| Environment | Live since | Healthy since | |", "|---|---|---|---|", *rows]
    )


def marks_of(paths: Collection[str] | None) -> tuple[str, ...]:
    """Name what reviewers look at twice among changed paths; nothing if the paths are not known."""
    return tuple(name for name, pattern in _MARKS if any(re.search(pattern, path) for path in paths or ()))


def what_it_touches(marks: Sequence[str]) -> str:
    """Write the marks; empty if there are none."""
    return f"It touches {', '.join(map(code, marks))}." if marks else ""


def what_checks_say(commit: str, checks: Sequence[Check]) -> str:
    """Count the checks of a commit by their state, and name those that have not passed; empty if there are none."""
    others = [one for one in checks if not one.name.startswith("mergeport/")]
    states = [(state, [one.name for one in others if one.state is state]) for state in CheckState]
    told = [
        f"{len(names)} {state.value}" + (f" ({_named(names)})" if state in _NOT_PASSED else "")
        for state, names in states
        if names
    ]
    return f"Checks of {code(commit)}: {', '.join(told)}." if told else ""


def _named(names: Sequence[str]) -> str:
    shown = [code(cut(name, NAME_LENGTH)) for name in sorted(names)[:CHECKS_NAMED]]
    return ", ".join([*shown, *(["…"] if len(names) > CHECKS_NAMED else [])])


def what_scans_found(scans: Sequence[str]) -> str:
    """Write what the registry's scans found in the images; empty if nothing is known of them."""
    return "\n".join(f"Scan of {markdown(one, SCAN_LENGTH)}." for one in scans)


def _standing(one: RunsIn) -> str:
    if one.until is not None:
        return f"until {_moment(one.until)}"
    return markdown(one.health) if one.health and one.health != "Healthy" else "now"


def _moment(at: datetime | None) -> str:
    return "not yet" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
