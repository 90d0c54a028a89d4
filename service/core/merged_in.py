"""Finds the numbers of pull requests in commit messages, as GitHub writes them when it merges.

Called by the code that lists the pull requests of a promotion. A number is only a hint: it may be an issue's, or of a
fork, so the caller looks up each of them.
"""

from __future__ import annotations

import re

_MERGED = re.compile(r"(?:\* )?Merge pull request #([1-9]\d{0,8}) from \S")
_SQUASHED = re.compile(r"\(#([1-9]\d{0,8})\)\s*\Z")
MOST_LISTED = 250
"""The most lines of a squashed message that are read; GitHub lists no more commits of a pull request."""


def number_told(message: str) -> int | None:
    """Give the pull request's number in a commit's subject: of a merge commit, or at the end of a squashed one's."""
    subject = message.partition("\n")[0]
    found = _MERGED.match(subject) or _SQUASHED.search(subject)
    return int(found[1]) if found else None


def numbers_listed(message: str) -> tuple[int, ...]:
    """Give the numbers in the list that GitHub writes below a squashed subject, one line for each commit."""
    lines = [one.strip() for one in message.partition("\n")[2].splitlines()]
    told = [number_told(one) for one in lines if one.startswith("* ")][:MOST_LISTED]
    return tuple(dict.fromkeys(number for number in told if number is not None))
