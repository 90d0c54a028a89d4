"""The search for plain secrets in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from service.core.plain_secrets import Finding


class SecretDetector(Protocol):
    """Searches files, within bounds."""

    def search(self, files: Mapping[str, bytes]) -> Sequence[Finding]:
        """Give what looks like a secret; PermanentError `secrets-not-searched` where the search did not end well."""
        ...
