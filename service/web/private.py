"""The application of the private listener: pages, readiness and metrics behind one access check."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog
from flask import Flask, Request, Response, jsonify, render_template, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.exceptions import HTTPException

from service.core import scans
from service.core.image_origin import origin_words
from service.errors import MergeportError, RetryableError
from service.state_files import Identity
from service.store import Store
from service.web import access, display
from service.web.access import Role
from service.web.advice import advice
from service.web.configuration_pages import add_configuration_pages
from service.web.counters import Counters
from service.web.health import Readiness
from service.web.metrics import StoreCollector
from service.web.pages import Pages, Places

logger = structlog.stdlib.get_logger(__name__)

_HERE = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def private_app(
    store: Store,
    *,
    url: str,
    now: Callable[[], datetime],
    counters: Counters,
    places: Places | None = None,
    state: Identity | None = None,
    role_of: Callable[[Request], Role] = access.role_of,
) -> Flask:
    """Make the application of the private listener; `url` is the base of our links.

    `state` is the state directory, where this process needs it.
    """
    app = Flask("mergeport-private", static_folder=None, template_folder=str(_HERE / "templates"))
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        {
            name: getattr(display, name)
            for name in ("ago", "between", "diff_lines", "moment", "safe_url", "short", "size", "with_code")
        }
    )
    app.jinja_env.filters["advice"] = advice
    app.jinja_env.filters["scan"] = scans.words_of
    app.jinja_env.filters["origin"] = origin_words
    counters.registry.register(StoreCollector(store, now))
    access.guard(app, url, role_of)
    places = places or Places()
    Pages(store, now, places).add_to(app)
    add_configuration_pages(app, store, now, places)
    _add_figures(app, Readiness(store, now, state), counters)
    _add_style(app)
    _answer_errors(app, now)

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return app


def _add_figures(app: Flask, readiness: Readiness, counters: Counters) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(ok=True)

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        checks = readiness.checks()
        ready = all(check.ok for check in checks)
        told = {
            check.name: {"ok": check.ok, "message": check.message} | ({"hint": check.hint} if check.hint else {})
            for check in checks
        }
        return jsonify(ready=ready, checks=told), 200 if ready else 503

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(counters.registry), content_type=CONTENT_TYPE_LATEST)


def _add_style(app: Flask) -> None:
    """Serve the one style sheet, under an address that changes with it, so that it is fetched once."""
    text = (_HERE / "static" / "style.css").read_bytes()
    version = hashlib.sha256(text).hexdigest()[:12]
    app.jinja_env.globals["style_version"] = version

    @app.get("/static/style.css")
    def style() -> Response:
        response = Response(text, mimetype="text/css")
        fits = request.args.get("v") == version
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if fits else "no-cache"
        response.set_etag(version)
        response.make_conditional(request)
        return response


def _answer_errors(app: Flask, now: Callable[[], datetime]) -> None:
    def page(status: int, title: str, words: str, hint: str = "") -> tuple[str, int]:
        return render_template("error.html", title=title, words=words, hint=hint, now=now(), refresh=0), status

    @app.errorhandler(MergeportError)
    def known(error: MergeportError) -> tuple[str, int]:
        away = isinstance(error, RetryableError)
        if not away:
            logger.warning("a page could not be shown", code=error.code)
        return page(503 if away else 500, "Not available now" if away else "Error", error.message, error.hint)

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> tuple[str, int]:
        words = {
            403: "You do not have access to this page",
            421: "Open Mergeport under the address in MERGEPORT_URL, or the listener's own: it has no other name",
        }.get(error.code or 500, error.description or "")
        return page(error.code or 500, error.name, words)

    @app.errorhandler(Exception)
    def internal(error: Exception) -> tuple[str, int]:
        logger.error("internal error in a page", exc_info=error)
        return page(500, "Internal error", "This is a bug of Mergeport; its log has the details")
