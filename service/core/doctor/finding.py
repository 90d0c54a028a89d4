"""What an examination found: one finding for each thing that was looked at, good or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a thing is. `UNKNOWN`: it could not be looked at, which is no proof that it is well."""

    GOOD = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing: the part of the set-up, what was looked at, how it is in words, and how to mend it."""

    part: str
    subject: str
    verdict: Verdict
    words: str
    hint: str = ""


def good(part: str, subject: str, words: str) -> Finding:
    """Give a finding that asks for nothing."""
    return Finding(part, subject, Verdict.GOOD, words)


def worst(findings: Iterable[Finding]) -> Verdict:
    """Give the worst verdict of all; good where there are none."""
    order = list(Verdict)
    return max((one.verdict for one in findings), key=order.index, default=Verdict.GOOD)
