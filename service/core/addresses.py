"""GitHub's addresses: where its pages are, told from where its API is. Called by the forge and by our own pages."""

from __future__ import annotations

from urllib.parse import urlsplit


def pages_of(api_url: str) -> str:
    """Give the address of the pages: `api.github.com` and `HOST/api/v3` both name it.

    https://docs.github.com/en/enterprise-server/rest/quickstart
    """
    parts = urlsplit(api_url)
    path = parts.path.rstrip("/").removesuffix("/api/v3")
    return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}{path}"
