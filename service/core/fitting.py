"""Texts of the configuration that have to fit a pattern, refused in words instead of by the pattern.

Used by the options of integrations, as `Annotated[str, *fitting(…)]`. The pattern stays in the JSON schema for editors.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

LONGEST_TOLD = 60


def fitting(pattern: str, what: str, allowed: str) -> tuple[Any, BeforeValidator]:
    """Take only texts that fit the pattern as a whole. `what` is expected, and `allowed` says how it is written."""
    wanted = re.compile(pattern)

    def check(value: object) -> object:
        if not isinstance(value, str) or wanted.fullmatch(value):
            return value
        found = value if len(value) <= LONGEST_TOLD else f"{value[: LONGEST_TOLD - 1]}…"
        raise PydanticCustomError(
            "does_not_fit", 'expected {what}, found "{found}"', {"what": what, "found": found, "hint": allowed}
        )

    return Field(pattern=pattern), BeforeValidator(check)
