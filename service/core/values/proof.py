"""The last word on every edit: parse the new text and show that only what was wanted has changed.

Called by the editor after each splice. It trusts neither the splice nor the quoting: it compares what the
parser finds in both texts, event by event, and the characters outside the edited spans.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.core.values.document import Document, Stream, read_stream
from service.core.values.events import MEANING, Kind
from service.core.values.model import Scalar, Splice, apply_splices
from service.core.values.quoting import is_string, same_value
from service.errors import ValuesEditError


@dataclass(frozen=True, slots=True)
class Part:
    """One expected event that replaces others: its kind and, for a scalar, its value.

    `name` is a key's text, in any quote style; `value` is what a scalar must be.
    """

    kind: Kind
    value: Scalar | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """Events `start` up to `end` of the old text are replaced by these parts; an anchor on the first is kept."""

    start: int
    end: int
    parts: tuple[Part, ...]


def prove(before: Document, splices: Sequence[Splice], expected: Mapping[int, Expectation]) -> Document:
    """Apply the splices and give the document in the new text, or raise ValuesEditError (`values-unproven`).

    `expected` is keyed by the event where each replacement starts.
    """
    old = before.stream
    text = apply_splices(old.text, list(splices))
    try:
        new = read_stream(old.bom + text, file=old.file, origin=old.origin, prefix=old.prefix)
    except ValuesEditError as error:
        raise _unproven(before, f"the new text would not parse: {error.message}") from None
    _compare_outside(before, new, splices)
    if len(new.documents) != len(old.documents):
        raise _unproven(before, "the file would hold other documents")
    for one, other in zip(old.documents, new.documents, strict=True):
        _compare_events(one, other, expected if one.number == before.number else {})
    return new.documents[before.number].named(before.prefix)


def _compare_outside(before: Document, after: Stream, splices: Sequence[Splice]) -> None:
    old = new = 0
    for splice in sorted(splices, key=lambda one: (one.start, one.end)):
        kept = splice.start - old
        if before.text[old : splice.start] != after.text[new : new + kept]:
            raise _unproven(before, "text outside the edit would change")
        old, new = splice.end, new + kept + len(splice.text)
    if before.text[old:] != after.text[new:] or before.stream.bom != after.bom:
        raise _unproven(before, "text outside the edit would change")


def _compare_events(before: Document, after: Document, expected: Mapping[int, Expectation]) -> None:
    old = new = 0
    while old < len(before.events) or old in expected:
        wanted = expected.get(old)
        if wanted is not None:
            anchor = before.events[old].anchor if wanted.end > old else None
            for place, part in enumerate(wanted.parts):
                if new >= len(after.events) or not _fits(after, new, part, anchor if place == 0 else None):
                    raise _unproven(before, "the new value would not be read as what is wanted")
                new += 1
            if wanted.end > old:
                old = wanted.end
                continue
            if old >= len(before.events):
                break
        if new >= len(after.events) or before.events[old][:MEANING] != after.events[new][:MEANING]:
            raise _unproven(before, f"line {before.events[old].line + 1} would be read differently")
        old, new = old + 1, new + 1
    if new != len(after.events):
        raise _unproven(before, "the file would hold more than is wanted")


def _fits(after: Document, node: int, part: Part, anchor: str | None) -> bool:
    event = after.events[node]
    if event.kind is not part.kind or event.anchor != anchor or event.tag is not None:
        return False
    if part.name is not None:
        return event.value == part.name and (bool(event.style) or is_string(part.name))
    if part.kind is not Kind.SCALAR:
        return True
    return part.value is not None and same_value(after, node, part.value)


def _unproven(doc: Document, why: str) -> ValuesEditError:
    return ValuesEditError(
        f"The edit is refused because {why}",
        code="values-unproven",
        hint="nothing was changed; edit this place by hand, and please report the file",
        file=doc.file,
    )
