"""Tells of a file's faults in little room: how many there are, and first the one that helps most.

Called for statuses and deliveries; pages and the command line show all of them, in the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.errors import Fault


def in_short(faults: Sequence[Fault]) -> str:
    """Count the faults and quote the most helpful one, without the file's name."""
    first = next(iter(most_helpful(faults)), None)
    if first is None:
        return "no faults"
    hint = f" ({first.hint})" if first.hint else ""
    told = ": ".join(filter(None, [f"line {first.line}" if first.line else "", first.key, f"{first.message}{hint}"]))
    return told if len(faults) == 1 else f"{len(faults)} faults; {told}"


def most_helpful(faults: Iterable[Fault]) -> list[Fault]:
    """Order faults by how much they help: first those with a likely meaning, then others, then missing keys."""
    return sorted(faults, key=_rank)


def _rank(fault: Fault) -> int:
    if fault.hint.startswith(("did you mean", "write ")):
        return 0
    return 2 if fault.message == "is missing" else 1
