"""The Flask application of the GitHub double: what is the same for every route.

Joins the routes, turns refusals into GitHub's error bodies, and puts the rate-limit headers on every answer.
"""

from __future__ import annotations

import functools
import hashlib
import uuid
from http import HTTPStatus
from typing import Any

from flask import Flask, Request, Response, g, jsonify, request
from werkzeug.exceptions import HTTPException

from devstack.github import access
from devstack.github.refusal import RefusalError
from devstack.github.routes import (
    apps,
    belonging,
    commits,
    gitdata,
    graphql,
    hooks,
    issues,
    judging,
    pulls,
    repositories,
    statuses,
    workflows,
)


class _Request(Request):
    """A request whose body is JSON whatever its Content-Type says, as GitHub takes what `curl --data` sends."""

    def get_json(self, force: bool = True, silent: bool = False, cache: bool = True) -> Any:  # noqa: ANN401 - Flask's own
        """Read the body."""
        return super().get_json(force=force and bool(self.get_data()), silent=silent, cache=cache)


@functools.cache
def shared_app() -> Flask:
    """Build the application, only once per process because its many routes take long; each request brings its state."""
    app = Flask("devstack.github")
    app.request_class = _Request
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined] # the default provider has it
    for module in (repositories, belonging, commits, gitdata, statuses, judging, pulls, issues, apps, hooks, workflows):
        app.register_blueprint(module.blueprint, url_prefix="/api/v3")
    app.register_blueprint(graphql.blueprint, url_prefix="/api")
    app.before_request(access.identify)
    app.after_request(_headers)
    app.after_request(_conditional)  # before the headers: the last that is named comes first
    app.register_error_handler(RefusalError, _refused)
    app.register_error_handler(HTTPException, _http_error)
    return app


def _refused(error: RefusalError) -> tuple[Response, int, dict[str, str]]:
    body: dict[str, Any] = {"message": error.message, "documentation_url": "https://docs.github.com/rest"}
    if error.errors:
        body["errors"] = error.errors
    body["status"] = str(error.status)
    return jsonify(body), error.status, error.headers


def _http_error(error: HTTPException) -> tuple[Response, int, dict[str, str]]:
    status = error.code or 500
    message = "Problems parsing JSON" if status == 400 else "Not Found"  # noqa: PLR2004 # HTTP's own number
    return _refused(RefusalError(400 if status == 400 else 404, message))  # noqa: PLR2004 # HTTP's own number


def _conditional(response: Response) -> Response:
    """Name the answer to a read, and say only that it is unchanged to whoever has it; that costs no call of the hour.

    https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
    """
    if request.method != "GET" or response.status_code != HTTPStatus.OK or not response.is_json:
        return response
    seen_by = request.headers.get("Authorization", "").encode()
    response.set_etag(hashlib.sha256(seen_by + b"\n" + response.get_data()).hexdigest(), weak=True)
    response.headers["Vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP"
    if response.headers["ETag"] in request.headers.get("If-None-Match", "").split(", "):
        response.status_code = HTTPStatus.NOT_MODIFIED
        response.set_data(b"")
        response.headers.pop("Content-Type", None)
        if g.token is not None:
            access.actions().limits.give_back(g.token)
    return response


def _headers(response: Response) -> Response:
    response.headers.update(
        {
            **access.actions().limits.headers(getattr(g, "token", None)),
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-GitHub-Request-Id": uuid.uuid4().hex[:24].upper(),
            "X-GitHub-Api-Version-Selected": "2022-11-28",
        }
    )
    return response
