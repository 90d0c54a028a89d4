"""What the search for plain secrets gives: a place and what is there, never the secret itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Finding:
    """A text that looks like a secret. `key` is its path in the values, empty in a comment or a file of another kind.

    `allowed`: a comment beside it says that it is none; `reason` is why, empty where the comment does not say.
    """

    file: str
    line: int
    key: str
    what: str
    allowed: bool = False
    reason: str = ""


class Forms(Protocol):
    """Knows the forms of secrets: tokens of well-known services, private keys, passwords in addresses."""

    def known(self, line: str) -> tuple[str, str] | None:
        """Give what a line has in it and the text that shows it, or None."""
        ...

    def random(self, text: str) -> bool:
        """Tell whether a text looks as if a machine had drawn it by lot."""
        ...
