"""The title of a promotion's pull request: what changes, and whether somebody gave it another one.

Called by what writes pull requests. Pure text in, text out. A title has no Markdown, but becomes a commit's subject
when it is merged, where GitHub closes issues, mentions people and links.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Protocol

from service.core.foreign_text import ZERO_WIDTH_SPACE, cut, line, plain
from service.core.graphemes import whole_before
from service.core.step_back import StepBack
from service.core.words import Sha

TITLE_LENGTH = 256
"""GitHub's limit. It is counted in UTF-16 units, in which an emoji is two, to be on the safe side."""
SHORT = 7
NAMED = 10
"""The most applications that the title of a shared pull request names."""
_APPLICATION_LENGTH, _ENVIRONMENT_LENGTH = 80, 60
_MARK = re.compile(r"<!-- mergeport title ([0-9a-f]{16}) -->")


class Told(Protocol):
    """What a title needs from a promotion."""

    @property
    def application(self) -> str:
        """Name the application."""
        ...

    @property
    def environment(self) -> str:
        """Name the environment."""
        ...

    @property
    def source_commit(self) -> Sha:
        """Give what is promoted."""
        ...

    @property
    def newest(self) -> str:
        """Give the title of the newest change; empty where none is known."""
        ...

    @property
    def newest_number(self) -> int | None:
        """Give the number of its pull request, if it has one."""
        ...

    @property
    def more(self) -> int:
        """Count the other changes."""
        ...

    @property
    def back(self) -> StepBack | None:
        """Tell whether it goes back to a former release."""
        ...

    @property
    def unread(self) -> int:
        """Count the commits that may contain further changes."""
        ...


def title_of(every: Sequence[Told]) -> str:
    """Give the title of a pull request: of one application its change, of several their names.

    `3 applications → prod: billing, catalog, checkout`.
    """
    if len(every) == 1:
        return pull_request_title(every[0])
    names = ", ".join(one.application for one in every[:NAMED])
    more = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    lead = f"{len(every)} applications → {_environment(every[0])}: "
    room = TITLE_LENGTH - _units(lead) - len(more)
    return f"{lead}{_cut(cut(plain(names, TITLE_LENGTH), room), room)}{more}"


def pull_request_title(told: Told) -> str:
    """Give the title: `checkout 4f2c1e9 → prod: Show prices with tax (#41) and 3 more`.

    One that goes back says so: `Rollback: checkout 4f2c1e9 → prod: payments fail`.
    """
    if told.back is not None:
        lead = f"Rollback: {_lead(told)}"
        why = plain(told.back.why, TITLE_LENGTH)
        return f"{lead}: {_cut(why, TITLE_LENGTH - _units(f'{lead}: '))}" if why else lead
    lead = _lead(told)
    number = f" (#{ZERO_WIDTH_SPACE}{told.newest_number})" if told.newest_number else ""
    least = "at least " if told.unread and told.more else ""
    more = f" and {least}{told.more} more" if told.more else ""
    what = plain(told.newest, TITLE_LENGTH)
    if not what:
        return lead
    return f"{lead}: {_cut(what, TITLE_LENGTH - _units(f'{lead}: {number}{more}'))}{number}{more}"


def mark_of(title: str) -> str:
    """Give the invisible mark in a body that tells which title was written with it."""
    return f"<!-- mergeport title {_digest(title)} -->"


def is_ours(every: Sequence[Told], title: str, body: str) -> bool:
    """Tell whether a pull request still has our title; a person's title is kept.

    If the body has no mark, because somebody rewrote it or an earlier version opened the pull request, the title is
    ours if it looks like ours.
    """
    marks = _MARK.findall(body)
    if marks:
        return _digest(title) in marks
    return any(re.fullmatch(shape, title) for told in every for shape in _shapes(told))


def _shapes(told: Told) -> tuple[str, ...]:
    application, environment = re.escape(_application(told)), re.escape(_environment(told))
    return (
        rf"Rollback: {application} (?:[0-9a-f]{{{SHORT}}}|v[0-9]+) → {environment}(: .*)?",
        rf"{application} (?:[0-9a-f]{{{SHORT}}}|v[0-9]+) → {environment}(: .*)?",
        rf"Promote {application} [0-9a-f]{{12}} to {environment}",
        rf"[0-9]+ applications → {environment}: .*",
    )


def _lead(told: Told) -> str:
    return f"{_application(told)} {told.source_commit[:SHORT]} → {_environment(told)}"


def _application(told: Told) -> str:
    return plain(told.application, _APPLICATION_LENGTH)


def _environment(told: Told) -> str:
    return plain(told.environment, _ENVIRONMENT_LENGTH)


def _digest(title: str) -> str:
    return hashlib.sha256(line(title).encode()).hexdigest()[:16]


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2


def _cut(text: str, length: int) -> str:
    """Cut a text to so many UTF-16 units; the last one then shows that there was more."""
    if _units(text) <= length:
        return text
    kept = text
    while kept and _units(kept) > length - 1:
        kept = kept[: whole_before(text, min(len(kept) - 1, length - 1))]
    return f"{kept.rstrip()}…"
