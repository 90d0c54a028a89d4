"""Reads values as Helm would see them: through aliases and `<<`, in whatever style.

Called by the command line and the pipeline. Never edits.
"""

from __future__ import annotations

from service.core.values.document import Document, read_document
from service.core.values.events import Kind
from service.core.values.locate import locate_effective
from service.core.values.lookup import Missing
from service.core.values.model import Scalar
from service.core.values.quoting import read_plain
from service.core.values.refusals import missing_error, not_scalar_error
from service.core.values_paths import parse_path

_CORE = "tag:yaml.org,2002:"


def read_value(text: str, path: str, *, file: str = "") -> Scalar | None:
    """Give the value at a path; text where YAML 1.1 and 1.2 disagree about its type; None for null.

    Raises ValuesEditError when there is nothing, or something that is not a scalar.
    """
    doc = read_document(text, file=file)
    steps = parse_path(path)
    place = locate_effective(doc, steps)
    if isinstance(place, Missing):
        raise missing_error(doc, steps, place)
    event = doc.events[place.node]
    if event.kind is not Kind.SCALAR:
        raise not_scalar_error(doc, place.node, steps)
    return scalar_of(doc, place.node)


def scalar_of(doc: Document, node: int) -> Scalar | None:
    """Give a scalar node's value, by its tag if it has one."""
    event = doc.events[node]
    if event.tag is None or event.tag == "!":
        return event.value if event.style or event.tag else read_plain(event.value)
    if event.tag == f"{_CORE}str":
        return event.value
    if event.tag in {f"{_CORE}{name}" for name in ("int", "float", "bool", "null")}:
        return read_plain(event.value)
    raise doc.error(
        f"The value has the tag {event.tag}, which is not read",
        code="values-tagged",
        node=node,
        hint="remove the tag first",
    )
