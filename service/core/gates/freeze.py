"""The freeze: windows in which nothing is promoted, by cron, by dates, or from a calendar in the manifest repository.

Windows that overlap or touch are one: it says when the last of them ends. While it is open it tells when the next
one begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import Field, RootModel

from service.core.config.surroundings import Misplaced, Surroundings
from service.core.config.texts import TextError
from service.core.gates.calendar_file import calendar_spans
from service.core.gates.facts import Facts
from service.core.gates.freeze_keys import Entry, ExceptKeys
from service.core.gates.freeze_list import list_entries
from service.core.gates.gate_keys import zone_of
from service.core.gates.gate_verdict import Allow, Evidence, Traits, Verdict, Wait
from service.core.gates.moments import earliest, moment
from service.core.gates.spans import Span, Spans, Union, next_span, union_at
from service.core.gates.unknown import Unknown, wait_for

TRAITS = Traits(frozenset({Evidence.FILES, Evidence.LABELS}))
_ANY = datetime.min.replace(tzinfo=UTC)


class Options(RootModel[list[Entry]]):
    """Windows in which nothing is promoted."""

    root: list[Entry] = Field(description="The windows.")

    def misplaced(self, around: Surroundings) -> Iterator[Misplaced]:
        """Give the exceptions that name no application."""
        for index, entry in enumerate(self.root):
            for at, name in enumerate(entry.excepted.applications):
                if name not in around.applications:
                    where = (index, "except", "applications", at)
                    yield Misplaced(where, f'there is no application "{name}"', around.nearest_application(name))

    def files(self) -> frozenset[str]:
        """Give the files of the manifest repository that must be read before it is judged."""
        return frozenset(entry.file for entry in self.root if entry.file)

    def reads_labels(self) -> bool:
        """Tell whether labels may change the answer: a list in a file may have exceptions as well."""
        return any(entry.excepted.labels or entry.file for entry in self.root)


class _Window(NamedTuple):
    """Spans of one origin, and whom they do not concern."""

    spans: Spans
    exceptions: tuple[ExceptKeys, ...]


def judge(options: Options, facts: Facts) -> Verdict:
    """Wait while a window is on that concerns the release, and until it is known whether one is."""
    read = [_windows(entry, facts) for entry in options.root]
    waits = [one for one in read if isinstance(one, Wait)]
    windows = [window for one in read if not isinstance(one, Wait) for window in one]
    concerned = [window.spans for window in windows if not _is_excepted(window, facts)]
    union = union_at(concerned, facts.now)
    if union.covering:
        doubts = [doubt for window in windows if (doubt := _doubt(window, facts))]
        waits = [_frozen(union), *waits, *doubts[:1]]
    if waits:
        return Wait("; ".join(wait.words for wait in waits), earliest(wait.until for wait in waits))
    passed = [span for one in windows if _is_excepted(one, facts) and (span := one.spans.covering(facts.now))]
    return _open(next_span(concerned, facts.now), passed)


def _windows(entry: Entry, facts: Facts) -> list[_Window] | Wait:
    """Give the windows of an entry; a wait if its file could not be understood, unless it concerns others anyway."""
    found = _read(entry, facts)
    return [] if isinstance(found, Wait) and _means((entry.excepted,), facts) else found


def _read(entry: Entry, facts: Facts) -> list[_Window] | Wait:
    if not entry.file:
        return [_Window(entry.spans(), (entry.excepted,))]
    text = facts.file(entry.file)
    if isinstance(text, Unknown):
        return wait_for(f"whether {entry.file} has a freeze", text)
    try:
        if entry.file.lower().endswith(".ics"):
            spans = calendar_spans(text, zone_of(entry.timezone), entry.reason, facts.now.year)
            return [_Window(one, (entry.excepted,)) for one in spans]
        return [_Window(one.spans(), (entry.excepted, one.excepted)) for one in list_entries(text)]
    except TextError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return wait_for(f"whether {entry.file} has a freeze", Unknown(f"{error.message}{hint}"))


def _is_excepted(window: _Window, facts: Facts) -> bool:
    return _means(window.exceptions, facts)


def _means(exceptions: Iterable[ExceptKeys], facts: Facts) -> bool:
    """Tell whether an exception means the release: by its application, or by a label, whose case GitHub ignores."""
    labels = set() if isinstance(facts.labels, Unknown) else {label.lower() for label in facts.labels}
    return any(
        not {facts.application, facts.application.partition(".")[0]}.isdisjoint(one.applications)
        or not labels.isdisjoint(map(str.lower, one.labels))
        for one in exceptions
    )


def _doubt(window: _Window, facts: Facts) -> Wait | None:
    """Give the wait for labels which would let the release pass a window that is on, if nobody could read them."""
    if isinstance(facts.labels, Unknown) and any(one.labels for one in window.exceptions):
        return wait_for("whether it has an excepted label", facts.labels) if window.spans.covering(facts.now) else None
    return None


def _frozen(union: Union) -> Wait:
    last = max(union.covering, key=lambda span: (span.end is None, span.end or _ANY))
    reasons = dict.fromkeys(span.reason for span in union.covering if span.reason)
    frozen = f"frozen: {', '.join(reasons)}" if reasons else "frozen"
    if union.opens:
        return Wait(f"{frozen}; opens {moment(union.opens, last.zone)}", union.opens)
    if union.looked:
        return Wait(f"{frozen}; its windows leave no gap up to {moment(union.looked, last.zone)}", union.looked)
    return Wait(f"{frozen}; without an end")


def _open(upcoming: Span | None, passed: Sequence[Span]) -> Allow:
    words = ["no freeze"]
    if passed:
        reasons = ", ".join(dict.fromkeys(span.reason for span in passed if span.reason))
        words = [f"excepted from the freeze{f': {reasons}' if reasons else ''}"]
    if upcoming and upcoming.start:
        reason = f": {upcoming.reason}" if upcoming.reason else ""
        words.append(f"the next one begins {moment(upcoming.start, upcoming.zone)}{reason}")
        return Allow("; ".join(words), upcoming.start)
    return Allow("; ".join(words))
