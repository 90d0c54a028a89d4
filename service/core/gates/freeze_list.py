"""Reads a list of freezes from a YAML file of the manifest repository. Called by the freeze gate; pure."""

from __future__ import annotations

from functools import lru_cache

from pydantic import ValidationError

from service.core.config.report import Report
from service.core.config.telling import in_short
from service.core.config.texts import TextError
from service.core.config.tree import Node, Scalar, Series, plain
from service.core.config.yaml_text import read_any
from service.core.gates.freeze_keys import Entry

_LONGEST = 1_000_000


@lru_cache(maxsize=64)
def list_entries(text: str) -> tuple[Entry, ...]:
    """Give the entries of a list; an empty file has none. Raise TextError with the first fault and its line."""
    if len(text) > _LONGEST:
        raise TextError("the file is longer than a megabyte")
    report = Report("")
    root = read_any(text, report)
    entries = _entries(root, report) if root is not None else ()
    if report.faults:
        raise TextError(in_short(report.faults))
    return entries


def _entries(root: Node, report: Report) -> tuple[Entry, ...]:
    if isinstance(root, Scalar) and root.value is None:
        return ()
    if not isinstance(root, Series):
        report.add_wrong_type(root, "a list")
        return ()
    entries = []
    for node in root.items:
        try:
            entry = Entry.model_validate(plain(node))
        except ValidationError as error:
            report.add_invalid(error, node, Entry)
            continue
        if entry.file:
            report.add(node.place, "names another file", "write its windows here")
        entries.append(entry)
    return tuple(entries)
