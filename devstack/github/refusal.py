"""How the GitHub double says no, as GitHub does: a status, a message, and at times a list of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONGEST_TITLE, LONGEST_BODY = 256, 65_536


class RefusalError(Exception):
    """Becomes an HTTP answer; raised to a test that calls the double from Python."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[dict[str, str]] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = dict(headers or {})


def not_found() -> RefusalError:
    """Return GitHub's answer for what does not exist or may not be seen."""
    return RefusalError(404, "Not Found")


def invalid(resource: str, field: str, message: str, code: str = "custom") -> RefusalError:
    """Return GitHub's answer for a body that is well formed but cannot be carried out."""
    error = {"resource": resource, "field": field, "code": code, "message": message}
    return RefusalError(422, "Validation Failed", [error])


def refuse_long(fields: Mapping[str, Any]) -> None:
    """Refuse a pull request's title or body that is longer than GitHub keeps."""
    for field, longest in (("title", LONGEST_TITLE), ("body", LONGEST_BODY)):
        if len(fields.get(field) or "") > longest:
            raise invalid("PullRequest", field, f"{field} is too long (maximum is {longest} characters)")
