"""Decides, before any view runs, who may see what on the private listener.

Everybody who reaches the private listener may read (it is on loopback unless the settings say otherwise). A later
sign-in only has to give another `role_of`. Nobody may use a route that is not named here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from enum import IntEnum
from urllib.parse import urlsplit

from flask import Flask, Request, abort, request


class Role(IntEnum):
    """What somebody may do; a higher role includes the lower ones."""

    ANYONE = 0
    READER = 1
    NOBODY = 99


NEEDED = {
    "healthz": Role.ANYONE,
    "readyz": Role.ANYONE,
    "metrics": Role.ANYONE,
    "style": Role.ANYONE,
    "run_list": Role.READER,
    "all_runs": Role.READER,
    "run_page": Role.READER,
    "run_log": Role.READER,
    "delivery_list": Role.READER,
    "delivery_page": Role.READER,
    "configuration_list": Role.READER,
    "configuration_page": Role.READER,
}
"""The role that each endpoint needs."""
_ANY_HOST = {"healthz", "style"}
"""Endpoints that reveal nothing to other sites; all others answer only under our own names."""


def role_of(asking: Request) -> Role:  # noqa: ARG001 - what a sign-in will read
    """Give the role of the client."""
    return Role.READER


def guard(app: Flask, url: str, role_of: Callable[[Request], Role]) -> None:
    """Put the check before every view; `url` is the base of our links, whose host is ours."""
    own_host = urlsplit(url).hostname or ""

    @app.before_request
    def check() -> None:
        if "\0" in request.path:
            abort(404)
        if any("\0" in text for pair in request.args.items(multi=True) for text in pair):
            abort(400, "A filter has a character that is not allowed")
        if request.endpoint is None:
            return
        needed = NEEDED.get(request.endpoint, Role.NOBODY)
        if role_of(request) < needed:
            abort(403)
        if request.endpoint not in _ANY_HOST and not _is_own_host(request.host, own_host):
            abort(421)


def _is_own_host(host: str, own: str) -> bool:
    """Tell whether a Host header names us, so that another site whose name points here (DNS rebinding) reads nothing.

    Addresses and `localhost` cannot be redirected; any other name must be the host of our links.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name in {own.lower(), "localhost"}:
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
