"""The pages of the Argo CD double for people, without a login: every application, and one.

Joined to the API by `server`. Links that Mergeport shows lead here.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request

from devstack.argocd.application import Application
from devstack.showing import HEADERS, HTML, show

NAMESPACE = "argocd"
"""The page that lists all applications of the double."""


def is_page(path: str) -> bool:
    """Tell whether a path is a page for people; everything else belongs to the API."""
    return path in {"/", "/applications"} or path.startswith("/applications/")


def add_pages(app: Flask, now: Callable[[], list[Application]]) -> None:
    """Give the double its pages; `now` gives every application as it is now."""

    @app.get("/")
    @app.get("/applications")
    def show_all() -> Response:
        return _page("argocd_applications.html", applications=sorted(now(), key=lambda one: one.name))

    @app.get("/applications/<path:name>")
    def show_one(name: str) -> Response:
        found = next((one for one in now() if name in {one.name, f"{NAMESPACE}/{one.name}"}), None)
        if found is None:
            return _page("not_found.html", status=404, path=request.path)
        return _page("argocd_application.html", app=found)


def _page(template: str, *, status: int = 200, **values: object) -> Response:
    text = show(template, double="Argo CD", namespace=NAMESPACE, **values)
    return Response(text, status, headers=HEADERS, content_type=HTML)
