"""The public listener: takes webhooks in, and tells that it is alive. Everything else there is 404.

A delivery is verified on its raw bytes, stored in one transaction, and answered. What becomes of it is the
worker's to decide: nothing here knows the engine or calls anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog
from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from service.core.changes import Ignored, Ping, needless
from service.errors import DeliveryError, RetryableError
from service.ports import Source, StoredRequest
from service.store import Store
from service.store.inbox import Arrival, Inbox
from service.web.body import MOST_BYTES, read_body
from service.web.counters import Counters

logger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """What receiving needs: the sources by kind, which verify and read deliveries.

    `url` is the base of the links in answers.
    """

    store: Store
    sources: Mapping[str, Source] = field(repr=False)
    url: str
    now: Callable[[], datetime]
    counters: Counters
    most_bytes: int = MOST_BYTES


def public_app(receiver: Receiver) -> Flask:
    """Make the application of the public listener; each source has `/webhooks/KIND`."""
    app = Flask("mergeport-public", static_folder=None, template_folder=None)
    inbox = Inbox(receiver.store)

    def take(source: Source) -> Response:
        return _receive(receiver, source, inbox, read_body(request, most=receiver.most_bytes))

    for kind, source in receiver.sources.items():
        app.add_url_rule(
            f"/webhooks/{kind}", endpoint=f"webhooks-{kind}", view_func=partial(take, source), methods=["POST"]
        )

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(ok=True)

    _answer_errors(app, receiver.counters)
    return app


def _receive(receiver: Receiver, source: Source, inbox: Inbox, raw: bytes) -> Response:
    """Verify, store and answer one delivery."""
    head = source.verify({name.lower(): value for name, value in request.headers.items()}, raw)
    events = source.read(StoredRequest(head.event, raw)) or [Ignored("it reports no event")]
    pings = [event for event in events if isinstance(event, Ping)]
    if pings:
        receiver.counters.answered("pong")
        return jsonify(pong=pings[0].words)
    reasons = [needless(event) for event in events]
    reason = "" if None in reasons else "; ".join(filter(None, reasons))
    body = b"" if reason else raw
    arrival = Arrival(head.id, source.kind, head.event, head.repository, body, receiver.now(), reason)
    new = _store(inbox, arrival)
    logger.info(
        "delivery stored",
        delivery=head.id,
        source=source.kind,
        source_event=head.event,
        repository=head.repository,
        ignored=reason,
        repeated=not new,
    )
    if reason:
        receiver.counters.answered("ignored")
        return jsonify(ignored=reason)
    receiver.counters.answered("accepted" if new else "repeated")
    answer = jsonify(delivery=head.id, url=f"{receiver.url}/deliveries/{head.id}")
    answer.status_code = 202
    return answer


def _store(inbox: Inbox, arrival: Arrival) -> bool:
    """Write the one row to disk; tell whether it is new. Raises RetryableError when the database does not answer."""
    try:
        return inbox.accept(arrival)
    except SQLAlchemyError as error:
        logger.exception("a delivery could not be stored", delivery=arrival.id)
        raise RetryableError(
            "The delivery could not be stored", code="store-unavailable", hint="redeliver it later", retry_after=5
        ) from error


# --- errors --------------------------------------------------------------------------------------


def _answer_errors(app: Flask, counters: Counters) -> None:
    """Answer every error as JSON `{"error", "message", "hint"}`, and count it by its code."""

    @app.errorhandler(DeliveryError)
    def refused(error: DeliveryError) -> Response:
        counters.answered(error.code)
        logger.warning("delivery refused", code=error.code, status=error.status)
        return _error(error.status, error.code, error.message, error.hint)

    @app.errorhandler(RetryableError)
    def later(error: RetryableError) -> Response:
        counters.answered(error.code)
        logger.debug("delivery cannot be taken now", code=error.code)  # the store logs its outage, once
        response = _error(503, error.code, error.message, error.hint)
        response.headers["Retry-After"] = str(max(1, round(error.retry_after or 1)))
        return response

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        status = error.code or 500
        response = _error(status, error.name.lower().replace(" ", "-"), error.name, "")
        if status == 405:  # noqa: PLR2004 - it must name what is allowed (RFC 9110, 15.5.6)
            response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return response

    @app.errorhandler(Exception)
    def internal(error: Exception) -> Response:
        counters.answered("internal-error")
        logger.error("internal error in a webhook", exc_info=error)
        return _error(500, "internal-error", "This is a bug of Mergeport", "its log has the details")


def _error(status: int, code: str, message: str, hint: str) -> Response:
    response = jsonify(error=code, message=message, hint=hint)
    response.status_code = status
    return response
