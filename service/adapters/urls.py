"""Splits addresses from outside into parts. An invalid address has no parts; the library would raise an error.

Called by adapters and the command line. It calls nobody.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def parts_of(url: str) -> SplitResult:
    """Split an address; one that cannot be split, such as `https://[x`, gives empty parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
