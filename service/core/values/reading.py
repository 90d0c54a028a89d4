"""Reads values as Helm would see them: through aliases and `<<`, in whatever style.

Called by the command line and the pipeline. Never edits.
"""

from __future__ import annotations

import base64

from service.core.values.choose import choose
from service.core.values.document import Document, Stream, read_stream
from service.core.values.events import Kind, Origin
from service.core.values.helm import helm_plain
from service.core.values.locate import locate_effective
from service.core.values.lookup import Found, Missing
from service.core.values.model import Scalar
from service.core.values.refusals import missing_error, not_scalar_error, shown
from service.core.values_paths import ValuesPath, parse_path
from service.errors import ValuesEditError

_CORE = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}


def read_value(text: str, path: str, *, file: str = "") -> Scalar | None:
    """Give the value at a path as Helm reads it; None for null.

    Raises ValuesEditError if there is nothing, or something that is not a scalar.
    """
    doc, node, steps = _find(read_stream(text, file=file), parse_path(path))
    if doc.events[node].kind is not Kind.SCALAR:
        raise not_scalar_error(doc, node, steps)
    return scalar_of(doc, node)


def _find(stream: Stream, path: ValuesPath) -> tuple[Document, int, ValuesPath]:
    """Walk the path through documents and blocks."""
    doc, within = choose(stream, path)
    place = locate_effective(doc, within)
    if isinstance(place, Missing):
        raise missing_error(doc, within, place, reading=True)
    if isinstance(place, Found):
        return doc, place.node, within
    event = doc.events[place.node]
    origin = Origin(event.line + 1, doc.stream.origin.column)
    inner = read_stream(event.value, file=doc.file, origin=origin, prefix=(*doc.prefix, *place.done))
    return _find(inner, ValuesPath(path.text, place.steps))


def scalar_of(doc: Document, node: int) -> Scalar | None:
    """Give a scalar node's value as Helm reads it, by its tag if it has one."""
    event = doc.events[node]
    if event.tag is None:
        return event.value if event.style else helm_plain(event.value)
    name = event.tag.removeprefix(_CORE) if event.tag.startswith(_CORE) else ""
    if name == "binary":
        return _decoded(doc, node)
    if name not in _TYPES:
        return event.value
    value = helm_plain(event.value)
    if isinstance(value, _TYPES[name]) and not (isinstance(value, bool) and name != "bool"):
        return value
    raise _unread(doc, node, f"{shown(event.value)} is not of its type {name}")


def _decoded(doc: Document, node: int) -> str:
    try:
        return base64.b64decode(doc.events[node].value, validate=True).decode("utf-8")
    except ValueError:
        raise _unread(doc, node, "it does not decode to text") from None


def _unread(doc: Document, node: int, why: str) -> ValuesEditError:
    return doc.error(f"The value has a tag, and {why}", code="values-tagged", node=node, hint="correct it first")
