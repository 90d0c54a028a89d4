"""A user and a secret for one host, as adapters hand them to what speaks to it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a secret for one host; the secret never shows in a repr."""

    username: str
    secret: str = field(repr=False)
