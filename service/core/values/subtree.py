"""Reads a value of a file, or each value below a mapping, to be written into another environment's file.

Called by what is carried along with a release. Never edits. What could not be written as it is read is refused here:
null, lists, what is encrypted, and what comes through `<<`.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.core.secret_looking import is_secret_name, is_secret_text
from service.core.values.choose import choose
from service.core.values.document import Document, read_stream
from service.core.values.events import Kind, Origin
from service.core.values.locate import locate_effective
from service.core.values.lookup import Found, Missing, behind, is_merge, key_name
from service.core.values.model import Scalar
from service.core.values.reading import scalar_of
from service.core.values.refusals import is_ciphertext
from service.core.values_paths import Key, Step, ValuesPath, format_path, parse_path
from service.errors import ValuesEditError


def read_subtree(text: str, path: str, *, file: str = "") -> tuple[tuple[str, Scalar], ...] | None:
    """Give the value at a path, or each one below it, with its path; None if there is nothing.

    Raises ValuesEditError `carry-refused` for what does not go along, and what reading raises.
    """
    stream, steps = read_stream(text, file=file), parse_path(path)
    doc, within = choose(stream, steps)
    while not isinstance(place := locate_effective(doc, within), Found):
        if isinstance(place, Missing):
            return None
        event = doc.events[place.node]
        origin = Origin(event.line + 1, doc.stream.origin.column)
        inner = read_stream(event.value, file=doc.file, origin=origin, prefix=(*doc.prefix, *place.done))
        doc, within = choose(inner, ValuesPath(steps.text, place.steps))
    return tuple(_below(doc, place.node, steps.steps, frozenset()))


def _below(doc: Document, node: int, steps: tuple[Step, ...], seen: frozenset[int]) -> Iterator[tuple[str, Scalar]]:
    target = behind(doc, node)
    path = format_path(steps)
    if target is None or target in seen:
        raise _refused(doc, node, path, "is an alias of something around it", "write it out")
    match doc.events[target].kind:
        case Kind.SCALAR:
            yield path, _scalar(doc, target, path, steps)
        case Kind.MAPPING:
            for key, value in doc.entries(target):
                name = key_name(doc, key)
                if is_merge(doc, key) or name is None:
                    raise _refused(doc, key, path, "has a `<<`, or a key that is no text", "name each value below it")
                yield from _below(doc, value, (*steps, Key(name)), seen | {target})
        case _:
            raise _refused(doc, node, path, "is a list, whose items may be others downstream", "name values in it")


def _scalar(doc: Document, node: int, path: str, steps: tuple[Step, ...]) -> Scalar:
    if is_ciphertext(doc.events[node].value):
        raise _refused(doc, node, path, "is encrypted", "each environment keeps its own secrets")
    value = scalar_of(doc, node)
    if value is None:
        raise _refused(doc, node, path, "is null", "give it a value")
    named = any(isinstance(step, Key) and is_secret_name(step.name) for step in steps)
    if named or (isinstance(value, str) and is_secret_text(value)):
        raise _refused(doc, node, path, "looks like a secret", "what is carried is shown in commits and pull requests")
    return value


def _refused(doc: Document, node: int, path: str, why: str, hint: str) -> ValuesEditError:
    return doc.error(f"{path} {why}, and does not go along", code="carry-refused", node=node, hint=hint, path=path)
