"""Divides a bounded room among texts, so that none is long at the cost of the others. Pure.

Called by what writes the pull requests of many applications.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.core.foreign_text import fitting


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """Give each as much as it wants, but none more than an equal part of what those that want less leave over."""
    given, left = [0] * len(wanted), max(room, 0)
    for place, index in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        given[index] = min(wanted[index], left // (len(wanted) - place))
        left -= given[index]
    return given


def fullest(levels: Sequence[Sequence[str]], room: int) -> list[str]:
    """Give all lines of the fullest level that fits into so many bytes, so that all are shortened alike.

    The first level is the fullest. If not even the last one fits, only its first lines are given.
    """
    for level in levels:
        if sum(len(line.encode()) + 1 for line in level) <= room:
            return list(level)
    return fitting(list(levels[-1]), room)
