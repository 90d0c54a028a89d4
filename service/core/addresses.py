"""GitHub's addresses: where its pages are, told from where its API is. Called by the forge and by our own pages."""

from __future__ import annotations


def pages_of(api_url: str) -> str:
    """Give the address of the web pages for an API's address, `api.github.com` or `HOST/api/v3`.

    https://docs.github.com/en/enterprise-server/rest/quickstart
    """
    scheme, _, rest = api_url.rstrip("/").partition("://")
    return f"{scheme}://{rest.removesuffix('/api/v3').removeprefix('api.')}"
