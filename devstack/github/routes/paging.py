"""Lists in pages, with the Link header by which clients find the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from flask import Response, jsonify, request

from devstack.github import access
from devstack.github.shapes import Json

T = TypeVar("T")

MOST = 100
DEFAULT = 30


def numbers() -> tuple[int, int]:
    """Return the page and its size that the request asks for."""
    page = max(1, request.args.get("page", 1, int))
    return page, min(MOST, max(1, request.args.get("per_page", DEFAULT, int)))


def paged(items: Sequence[Json]) -> Response:
    """Answer with the requested page of a list."""
    return paged_of(items, lambda item: item)


def paged_of(items: Sequence[T], shape: Callable[[T], Json]) -> Response:
    """Answer with the requested page of a list, of which only that page is written out."""
    page, size = numbers()
    response = jsonify([shape(item) for item in items[(page - 1) * size : page * size]])
    link(response, len(items))
    return response


def link(response: Response, total: int) -> None:
    """Name the pages around this one."""
    page, size = numbers()
    last = max(1, -(-total // size))
    targets = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    wanted = [name for name, fits in (("prev", page > 1), ("next", page < last), ("last", page < last)) if fits]
    if page > 1:
        wanted.append("first")
    base = access.state().base_url + request.path
    parts = []
    for name in wanted:
        query = "&".join(f"{key}={value}" for key, value in request.args.items() if key != "page")
        parts.append(f'<{base}?{query}{"&" if query else ""}page={targets[name]}>; rel="{name}"')
    if parts:
        response.headers["Link"] = ", ".join(parts)
