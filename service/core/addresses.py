"""Addresses: where GitHub's pages are, told from where its API is, and strangers' addresses taken apart.

Called by adapters, the command line and our own pages.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def parts_of(url: str) -> SplitResult:
    """Split an address; one that cannot be split, such as `https://[x`, has no parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def pages_of(api_url: str) -> str:
    """Give the address of the pages: `api.github.com` and `HOST/api/v3` both name it.

    https://docs.github.com/en/enterprise-server/rest/quickstart
    """
    scheme, _, rest = api_url.rstrip("/").partition("://")
    return f"{scheme}://{rest.removesuffix('/api/v3').removeprefix('api.')}"
