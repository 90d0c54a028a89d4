"""The checks: commit statuses and check runs of the source commit that must have passed.

A failed check is a wait, because a re-run can make it green. Our own statuses never count: they would wait for
themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, Field

from service.core.config.texts import TextError
from service.core.gates.facts import Facts
from service.core.gates.gate_keys import GateKeys
from service.core.gates.gate_verdict import Allow, Evidence, Traits, Verdict, Wait
from service.core.gates.seen_checks import Check, CheckState
from service.core.gates.unknown import Unknown, wait_for

TRAITS = Traits(frozenset({Evidence.CHECKS}), of_release=True)
OURS = "mergeport/"
_FEW = 5
_OLD = datetime.min.replace(tzinfo=UTC)


def _pattern(text: str) -> str:
    if not text.strip():
        raise TextError("a check's name cannot be empty", 'write "*" for every check')
    if text.startswith(OURS):
        raise TextError(f'"{text}" names our own statuses, which never count', "name the checks of your pipeline")
    return text


class Options(GateKeys):
    """Checks of the source commit that must have passed."""

    contexts: list[Annotated[str, AfterValidator(_pattern)]] = Field(
        min_length=1, description="Names of commit statuses or check runs; * stands for any text. Each must be there."
    )
    required: int = Field(default=1, ge=1, description="How many of them must be there and have passed, at least.")


def judge(options: Options, facts: Facts) -> Verdict:
    """Wait until a check is there for each pattern, enough of them are there, and all of them have passed."""
    if isinstance(facts.checks, Unknown):
        return wait_for(f"the checks of {facts.commit[:12]}", facts.checks)
    there = _newest(check for check in facts.checks if not check.name.startswith(OURS))
    wanted = [check for check in there if any(_matches(pattern, check.name) for pattern in options.contexts)]
    missing = [one for one in options.contexts if not any(_matches(one, check.name) for check in there)]
    failed = [check for check in wanted if check.state is CheckState.FAILED]
    running = [check for check in wanted if check.state is CheckState.RUNNING]
    words = [f"{_named(check)} failed" for check in failed[:_FEW]]
    words += [f"{_named(check)} is running" for check in running[:_FEW]]
    words += [f"no check {pattern} on {facts.commit[:12]} yet" for pattern in missing]
    if more := len(failed[_FEW:]) + len(running[_FEW:]):
        words.append(f"{more} more are not green")
    green = len(wanted) - len(failed) - len(running)
    if not words and green < options.required:
        words.append(f"{green} checks passed, {options.required} are required")
    return Wait("; ".join(words)) if words else Allow(_passed(wanted))


def _passed(checks: Sequence[Check]) -> str:
    skipped = sum(check.state is CheckState.SKIPPED for check in checks)
    names = ", ".join(check.name for check in checks[:_FEW]) + (" and others" if len(checks) > _FEW else "")
    passed = f"{len(checks) - skipped} passed" + (f", {skipped} skipped" if skipped else "")
    return f"{passed}: {names}"


def _named(check: Check) -> str:
    return f"{check.name} ({check.link})" if check.link else check.name


def _newest(checks: Iterable[Check]) -> list[Check]:
    """Keep the newest report of each producer and name, in the order of names.

    Of two reports at the same time, or without a time, the worse one counts.
    """
    worst = list(CheckState)[::-1]
    worst.remove(CheckState.RUNNING)
    worst.insert(1, CheckState.RUNNING)
    newest: dict[tuple[str, str], Check] = {}
    for check in sorted(checks, key=lambda one: (one.at or _OLD, -worst.index(one.state))):
        newest[check.producer, check.name] = check
    return sorted(newest.values(), key=lambda check: (check.name, check.producer))


def _matches(pattern: str, name: str) -> bool:
    return _expression(pattern).fullmatch(name) is not None


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    """Give the pattern's expression; only * is special, since names of checks have brackets in them."""
    parts = re.sub(r"\*+", "*", pattern).split("*")
    return re.compile(".*".join(re.escape(part) for part in parts), re.DOTALL)
