"""The sentences in which an edit is refused: what is there, in which line, and what to do next.

Called by the locator and the editor. Decides nothing but the words.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from service.core.values.document import Document
from service.core.values.events import Kind
from service.core.values.lookup import Missing, behind, can_override, field, image_name, is_empty, key_name, meets
from service.core.values_paths import Condition, Index, Key, Selector, Step, ValuesPath, format_path
from service.errors import ValuesEditError

_SHOWN = 40
SET_WITH_SOPS = 'set it with sops: `sops set FILE \'["image"]["tag"]\' \'"v2"\'`'
_NOT_CREATED = "a new list begins at [0], and a new item needs a key other than that of its selector"


def missing_error(
    doc: Document,
    path: ValuesPath,
    missing: Missing,
    *,
    create: bool = False,
    reading: bool = False,
    elsewhere: Sequence[str] = (),
) -> ValuesEditError:
    """Say what is missing, and name the most similar thing that exists.

    `create`: it could not be created either; `reading`: it was only to be read; `elsewhere`: paths with the same end.
    """
    step = format_path(missing.steps[:1])
    place = f"in {doc.name(missing.done)}" if doc.name(missing.done) else "at the top of the file"
    if missing.node is None:
        empty = "name a file that has it" if reading else "create the key with create (--create)"
        return doc.error("The file is empty", code="values-missing", hint=empty, path=path.text)
    if missing.merged is not None:
        return merged_error(doc, path, missing)
    what = "key" if isinstance(missing.steps[0], Key) else "item"
    last = _NOT_CREATED if create else "add it with create (--create)"
    if reading:
        last = f"`mergeport values paths {doc.file or 'FILE'}` lists what is there"
    nearest = _nearest(doc, missing) or (f"did you mean {' or '.join(elsewhere)}?" if elsewhere else "")
    return doc.error(
        f"There is no {what} {step} {place}",
        code="values-missing",
        node=missing.node,
        hint=nearest or last,
        path=path.text,
    )


def merged_error(doc: Document, path: ValuesPath, missing: Missing) -> ValuesEditError:
    """Say that a key is there only through `<<`. Only a scalar can be overridden without hiding its neighbours."""
    merged = doc.events[missing.merged or 0]
    line = merged.line + 1
    place = f"in {doc.name(missing.done)}" if doc.name(missing.done) else "at the top of the file"
    hint = f"set it where it is written (line {line})"
    if can_override(doc, missing):
        hint += ", or override it here with create (--create)"
    return doc.error(
        f"{place} has no key {format_path(missing.steps[:1])} of its own: it comes through << from line {line}",
        code="values-missing",
        node=missing.node,
        hint=hint,
        path=path.text,
    )


def hidden_error(
    doc: Document, key: int, what: str, hiding: tuple[int | None, int], path: ValuesPath
) -> ValuesEditError:
    """Say that Helm reads another value than the path names; `hiding` are the `<<` that brings it, if any, and it."""
    merge, value = hiding
    read = doc.events[value].line + 1
    hint = f"set the value in line {read}"
    if merge is None:
        why = f"{what} is overridden: Helm reads the value of line {read}"
    else:
        why = (
            f"{what} is overridden by the << in line {doc.events[merge].line + 1}: Helm reads the value of line {read}"
        )
        hint += f", or move the << above {what}"
    return doc.error(why, code="values-hidden", node=key, hint=hint, path=path.text)


def no_colon_error(doc: Document, key: int | None, path: ValuesPath) -> ValuesEditError:
    """Say that a key has no colon."""
    return doc.error(
        f"The key of {path.text} has no colon",
        code="values-no-colon",
        node=key,
        hint="write `key:` there first",
        path=path.text,
    )


def no_newline_error(doc: Document, path: ValuesPath) -> ValuesEditError:
    """Say that one more line would change the block scalar that the file ends in."""
    return doc.error(
        f"{path.text} cannot follow a block scalar that ends the file without a line end: it would add one to its text",
        code="values-no-final-newline",
        hint="end the file with a line end first",
        path=path.text,
    )


def no_place_error(doc: Document, path: ValuesPath, missing: Missing) -> ValuesEditError:
    """Say that there is no place to add it."""
    return doc.error(
        f"There is no place where one can add {path.text}",
        code="values-no-colon",
        node=missing.key,
        hint="write its key there first",
        path=path.text,
    )


def _nearest(doc: Document, missing: Missing) -> str:
    node, step = missing.node, missing.steps[0]
    if node is None or is_empty(doc, node):
        return ""
    if isinstance(step, Index):
        count = sum(1 for _ in doc.items(node))
        return f"the list has {count} item{'' if count == 1 else 's'}, counted from 0"
    options: list[Step] = []
    if isinstance(step, Selector):
        last = step.conditions[-1]
        items = [item for item in doc.items(node) if all(meets(doc, item, one) for one in step.conditions[:-1])]
        there = [value for item in items if (value := _shown_to(doc, item, last)) is not None]
        options += [
            Selector((*step.conditions[:-1], Condition(last.keys, value))) for value in _close(last.value, there)
        ]
    else:
        names = [name for key, _ in doc.entries(node) if (name := key_name(doc, key)) is not None]
        options += [Key(name) for name in _close(step.name, names)]
    paths = [doc.name((*missing.done, option, *missing.steps[1:])) for option in options]
    return f"did you mean {' or '.join(paths)}?" if paths else ""


def _shown_to(doc: Document, item: int, condition: Condition) -> str | None:
    """Give what a condition compares with an item's value."""
    node = behind(doc, item)
    if node is not None and doc.events[node].kind is Kind.SCALAR:
        value = doc.events[node].value
        return image_name(value) if condition.keys == ("image",) else None if condition.keys else value
    return field(doc, item, condition.keys) if condition.keys else None


def _close(name: str, names: list[str]) -> list[str]:
    same = [one for one in dict.fromkeys(names) if one.casefold() == name.casefold()]
    return same or difflib.get_close_matches(name, dict.fromkeys(names[:5000]), n=2, cutoff=0.6)


def alias_error(doc: Document, node: int, what: str, path: ValuesPath) -> ValuesEditError:
    """Say that something is an alias, and where its anchor is."""
    target = doc.anchored(node)
    line = 0 if target is None else doc.events[target].line + 1
    return doc.error(
        f"{what} is the alias *{doc.events[node].value} of the anchor in line {line}",
        code="values-alias",
        node=node,
        hint=f"edit the anchor in line {line}, or write the value out here",
        path=path.text,
    )


def not_scalar_error(doc: Document, node: int, path: ValuesPath) -> ValuesEditError:
    """Say that the target holds other values."""
    what = "mapping" if doc.events[node].kind is Kind.MAPPING else "list"
    return doc.error(
        f"{path.text} is a {what}, not a scalar",
        code="values-not-scalar",
        node=node,
        hint=f"name a scalar in it; `mergeport values paths {doc.file or 'FILE'}` lists them",
        path=path.text,
    )


def shown(text: str) -> str:
    """Give a file's text short enough for an error message."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def target_error(doc: Document, node: int, path: ValuesPath) -> ValuesEditError | None:
    """Say why a node cannot be edited as a scalar; None when it can."""
    event = doc.events[node]
    if event.kind is Kind.ALIAS:
        return alias_error(doc, node, path.text, path)
    if event.kind is not Kind.SCALAR:
        return not_scalar_error(doc, node, path)
    if event.tag is not None:
        return tagged_error(doc, node, path.text, path)
    if is_ciphertext(event.value):
        return encrypted_error(doc, node, path)
    if event.style in {"|", ">"}:
        return doc.error(
            f"{path.text} is a block scalar ({event.style})",
            code="values-block-scalar",
            node=node,
            hint="write it on one line first"
            + (f"; or name a scalar in the YAML that it holds: {path.text}.KEY" if event.style == "|" else ""),
            path=path.text,
        )
    return None


def is_ciphertext(value: str) -> bool:
    """Tell whether a scalar is what SOPS (or hiera-eyaml) writes in place of a text."""
    return value.lstrip().startswith("ENC[")


def encrypted_error(doc: Document, node: int, path: ValuesPath) -> ValuesEditError:
    """Say that a value is encrypted."""
    return doc.error(
        f"{path.text} is encrypted by SOPS (ENC[…]), and plain text would be written over it",
        code="values-encrypted",
        node=node,
        hint=SET_WITH_SOPS,
        path=path.text,
    )


def tagged_error(doc: Document, node: int, what: str, path: ValuesPath) -> ValuesEditError:
    """Say that something has an explicit tag."""
    return doc.error(
        f"{what} has the explicit tag {_written_tag(doc, node)}",
        code="values-tagged",
        node=node,
        hint="remove the tag first",
        path=path.text,
    )


def _written_tag(doc: Document, node: int) -> str:
    event = doc.events[node]
    words = doc.text[event.start : event.end].split(maxsplit=3)
    return next((word for word in words if word.startswith("!")), str(event.tag))
