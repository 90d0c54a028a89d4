"""Chooses the document of a text that a path is about: by its first step, where the root is no list.

Called by the editor, the reading and the listing. A plain path means the only document: Helm reads no other than the
first, and an edit of one of several must say which.
"""

from __future__ import annotations

from service.core.values.document import Document, Stream
from service.core.values.events import Kind
from service.core.values.locate import locate
from service.core.values.lookup import Missing, field, meets
from service.core.values_paths import Condition, Index, Key, Selector, Step, ValuesPath, format_path
from service.errors import ValuesEditError

_NAMES = (("kind",), ("metadata", "name"), ("metadata", "namespace"))
_SHOWN = 3


def choose(stream: Stream, path: ValuesPath) -> tuple[Document, ValuesPath]:
    """Give the document, under the path that names it, and the steps within it. Raises ValuesEditError for none."""
    first, *rest = path.steps
    if isinstance(first, Key) or (stream.has_one and _is_filled(stream.documents[0])):
        if not stream.has_one:
            raise _several(stream, path)
        return stream.documents[0], path
    if not stream.has_one and any(_is_list(document) for document in stream.documents):
        raise _refusal(
            stream,
            path,
            "values-several-documents",
            f"{format_path((first,))} may be a document or an item: one of the several documents is a list",
            "split the file",
        )
    document = _by_index(stream, path, first) if isinstance(first, Index) else _by_selector(stream, path, first)
    if not rest:
        raise _refusal(
            stream,
            path,
            "values-not-scalar",
            f"{path.text} is a whole document, not a scalar",
            f"name a scalar in it; `mergeport values paths {stream.file or 'FILE'}` lists them",
            document,
        )
    return document.named((*stream.prefix, first)), ValuesPath(path.text, tuple(rest))


def document_step(stream: Stream, document: Document) -> Step:
    """Give the first step that names a document: kind and name if no other has them, else its index."""
    there = {keys: value for keys in _NAMES if (value := _field(document, keys)) is not None}
    for count in (2, 3, 1):
        conditions = tuple(Condition(keys, there[keys]) for keys in _NAMES[:count] if keys in there)
        if len(conditions) == count and len(_matching(stream, conditions)) == 1:
            return Selector(conditions)
    return Index(document.number)


def _by_index(stream: Stream, path: ValuesPath, step: Index) -> Document:
    if step.number < len(stream.documents):
        return stream.documents[step.number]
    count = len(stream.documents)
    raise _refusal(
        stream,
        path,
        "values-missing",
        f"There is no document {format_path((step,))}",
        f"the file has {count} document{'' if count == 1 else 's'}, counted from 0",
    )


def _by_selector(stream: Stream, path: ValuesPath, step: Selector) -> Document:
    found = _matching(stream, step.conditions)
    if len(found) > 1:
        lines = ", ".join(str(document.events[0].line + 1) for document in found)
        raise _refusal(
            stream,
            path,
            "values-selector",
            f"{len(found)} documents match {format_path((step,))}, in lines {lines}",
            f"name one by more of its fields, or by its index such as [{found[0].number}]",
            found[1],
        )
    if not found:
        raise _refusal(
            stream, path, "values-missing", f"There is no document {format_path((step,))}", _documents(stream)
        )
    return found[0]


def _matching(stream: Stream, conditions: tuple[Condition, ...]) -> list[Document]:
    return [one for one in stream.documents if _is_mapping(one) and all(meets(one, 0, each) for each in conditions)]


def _several(stream: Stream, path: ValuesPath) -> ValuesEditError:
    """Say that the path must begin with a document, and show how for the documents in which it leads somewhere."""
    filled = [document for document in stream.documents if not document.is_empty]
    starts = [document_step(stream, document) for document in filled if _leads(document, path)][:_SHOWN]
    helms = "" if any(_field(document, ("kind",)) for document in filled) else ", and Helm reads only the first one"
    whole = [format_path((*stream.prefix, start, *path.steps)) for start in starts]
    hint = f"name the document first: {' or '.join(whole)}" if whole else _documents(stream)
    where = format_path(stream.prefix) or "The file"
    return _refusal(
        stream,
        path,
        "values-several-documents",
        f"{where} holds several YAML documents{helms}",
        hint,
        next(document for document in stream.documents[1:] if not document.is_empty),
    )


def _leads(document: Document, path: ValuesPath) -> bool:
    try:
        return not isinstance(locate(document, path), Missing)
    except ValuesEditError:
        return False


def _documents(stream: Stream) -> str:
    filled = [document for document in stream.documents if not document.is_empty]
    if not filled:
        return "nothing is written in the file"
    named = [format_path((document_step(stream, document),)) for document in filled[:_SHOWN]]
    return f"the path begins with one of its documents: {', '.join(named)}{'' if len(filled) <= _SHOWN else ', …'}"


def _field(document: Document, keys: tuple[str, ...]) -> str | None:
    return field(document, 0, keys) if _is_mapping(document) else None


def _is_mapping(document: Document) -> bool:
    return bool(document.events) and document.events[0].kind is Kind.MAPPING


def _is_filled(document: Document) -> bool:
    """Tell whether a document is a list or a scalar, so that it has no keys and no room for any."""
    return not (document.is_empty or _is_mapping(document))


def _is_list(document: Document) -> bool:
    return bool(document.events) and document.events[0].kind is Kind.SEQUENCE


def _refusal(
    stream: Stream, path: ValuesPath, code: str, message: str, hint: str, document: Document | None = None
) -> ValuesEditError:
    one = stream.documents[0] if document is None else document
    return one.error(message, code=code, node=0 if one.events else None, hint=hint, path=path.text)
