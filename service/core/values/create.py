"""Adds a missing value where a person would have put it. Called by the editor, for `create` only."""

from __future__ import annotations

from dataclasses import dataclass

from service.core.values.document import Document
from service.core.values.lookup import Missing
from service.core.values.model import Scalar
from service.core.values.paths import ValuesPath
from service.core.values.refusals import missing_error


@dataclass(frozen=True, slots=True)
class Created:
    """The new document, the new scalar's node, and how far the events from `at` on have moved."""

    doc: Document
    node: int
    at: int
    shift: int


def create_value(doc: Document, path: ValuesPath, missing: Missing, value: Scalar) -> Created:
    """Add the value and what leads to it."""
    del value
    raise missing_error(doc, path, missing)
