"""Strangers' addresses taken apart: one that is none has no parts, instead of an error of the library.

Called by adapters and the command line. It asks nobody.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def parts_of(url: str) -> SplitResult:
    """Split an address; one that cannot be split, such as `https://[x`, has no parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
