"""Makes every text storable before it reaches a database: no NUL, and no half of a surrogate pair.

Called by the store for each statement. Logs, labels and names of strangers may have such characters. PostgreSQL refuses
the first and both databases refuse the second, so that one build's log would stop the look at all builds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

REPLACEMENT = "\ufffd"
_HALF = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """Give a text with what cannot be stored replaced; the very same text if there is nothing."""
    if "\0" in text:
        text = text.replace("\0", REPLACEMENT)
    return text if text.isascii() else _HALF.sub(REPLACEMENT, text)


def keep_storable(engine: sa.Engine) -> None:
    """Have every statement of an engine sent with storable texts."""
    sa.event.listen(engine, "before_cursor_execute", _before, retval=True)


def _before(
    connection: sa.Connection,  # noqa: ARG001 - SQLAlchemy's signature
    cursor: Any,  # noqa: ANN401, ARG001 - as above
    statement: str,
    parameters: Any,  # noqa: ANN401 - one set of them, or a list of sets
    context: Any,  # noqa: ANN401, ARG001 - as above
    executemany: bool,  # noqa: ARG001 - as above
) -> tuple[str, Any]:
    return statement, _clean(parameters)


def _clean(given: Any) -> Any:  # noqa: ANN401 - a parameter is anything
    if isinstance(given, str):
        return storable(given)
    if isinstance(given, Mapping):
        return {name: _clean(value) for name, value in given.items()}
    if isinstance(given, list | tuple):
        return type(given)(_clean(value) for value in given)
    return given
