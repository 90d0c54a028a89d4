"""The one call that turns the code of a new GitHub App into its id, its key and its web hook's secret.

Called by `mergeport init app`, through bootstrap. It needs no login, and works once for each code, within an hour.
https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

import requests
from pydantic import BaseModel, ValidationError

from service.errors import PermanentError, RetryableError

TIMEOUT = 20
_CREATED = 201
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class NewApp:
    """A GitHub App that was just made; its key and secret never show in a repr."""

    id: int
    address: str
    private_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)


class _Conversion(BaseModel):
    id: int
    html_url: str
    pem: str
    webhook_secret: str | None = None


def new_app(api_url: str, code: str, *, ca_file: str | None = None) -> NewApp:
    """Exchange the code. Raises RetryableError if GitHub does not answer, PermanentError if it refuses the code."""
    try:
        answer = requests.post(
            f"{api_url.rstrip('/')}/app-manifests/{quote(code, safe='')}/conversions",
            headers={"Accept": "application/vnd.github+json"},
            timeout=TIMEOUT,
            verify=ca_file or True,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise RetryableError("GitHub does not answer", code="github-unreachable", hint="load the page again") from error
    if answer.status_code >= _SERVER_ERROR:
        raise RetryableError(
            f"GitHub answers {answer.status_code}", code="github-unavailable", hint="load the page again"
        )
    if answer.status_code != _CREATED:
        raise PermanentError(
            f"GitHub does not take the code of the new App: {answer.status_code}",
            code="app-code-refused",
            hint="a code works once, within an hour: make a new key and secret on the App's page, or register it again",
        )
    try:
        made = _Conversion.model_validate_json(answer.content)
    except ValidationError as error:
        raise RetryableError("GitHub's answer has another shape", code="github-unexpected-answer") from error
    return NewApp(made.id, made.html_url, made.pem, made.webhook_secret or "")
