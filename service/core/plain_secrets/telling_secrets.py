"""Tells of plain secrets: as faults, as what is allowed and why, and in the one line of a status."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.core.plain_secrets.suspicion import Finding
from service.errors import Fault

_HINT = (
    "change it where it is used, for it is known now, and bring it as docs/secrets.md says; "
    "if it is none, say why behind it: # pragma: allowlist secret WHY"
)
_NO_REASON = "write the reason behind the comment: # pragma: allowlist secret WHY"


def faults_of(findings: Iterable[Finding]) -> list[Fault]:
    """Give a fault for each finding that no comment with a reason allows."""
    return [
        Fault(one.file, f"allowed without a reason: {one.what}", _NO_REASON, line=one.line, key=one.key)
        if one.allowed
        else Fault(one.file, f"looks like a plain secret: {one.what}", _HINT, line=one.line, key=one.key)
        for one in findings
        if not (one.allowed and one.reason)
    ]


def allowed_words(findings: Iterable[Finding]) -> list[str]:
    """Give what is allowed, each with its place and reason."""
    return [
        ": ".join(filter(None, [f"{one.file}:{one.line}", one.key, one.reason]))
        for one in findings
        if one.allowed and one.reason
    ]


def tell_in_short(faults: Sequence[Fault], allowed: Sequence[str], left: Sequence[str]) -> str:
    """Say it in one line, the place first, because a status is cut at 140 characters."""
    if faults:
        first = faults[0]
        place = f"{first.where}:{first.line}: {first.key}".removesuffix(": ")
        more = f"{len(faults)} plain secrets; " if len(faults) > 1 else ""
        return f"{more}{place}: {first.message}"
    if left:
        return f"not searched: {left[0]}"
    told = f"; allowed: {allowed[0]}" if allowed else ""
    more = f" and {len(allowed) - 1} more" if len(allowed) > 1 else ""
    return f"no plain secrets{told}{more}"
