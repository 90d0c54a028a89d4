"""What PyGithub and requests raise, as ours. Called by the connection alone.

Limits and refusals are told apart by headers: both are 403. Rate limits:
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import requests
from github import GithubException

from service.errors import DoubtfulError, PermanentError, RetryableError

SECONDARY_LIMIT_WAIT = 60.0
"""What GitHub asks for where it names no time."""

_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_THROTTLED = 429
_CLIENT_ERROR = 400
_SERVER_ERROR = 500


class _Refusal(NamedTuple):
    """A part of GitHub's words for a 403 in which no permission is missing, our code for it, and the next action."""

    sign: str
    code: str
    hint: str


_REFUSALS = (
    _Refusal(
        "ip allow list",
        code="github-address-refused",
        hint="add this worker's address to the organisation's IP allow list",
    ),
    _Refusal("saml", code="github-sign-on-missing", hint="authorise the token for the organisation's single sign-on"),
    _Refusal(
        "archived",
        code="github-repository-archived",
        hint="unarchive the repository, or take it out of mergeport.yaml",
    ),
    _Refusal(
        "suspended",
        code="github-app-suspended",
        hint="unsuspend the App's installation in the organisation's settings",
    ),
)


class NotFoundAnswerError(DoubtfulError):
    """GitHub's 404: it is not there, our token may not see it, or GitHub does not know it yet."""


def ours(
    error: Exception, *, doing: str, repository: str, permission: str, now: datetime
) -> RetryableError | PermanentError:
    """Give our error for one of theirs; anything unknown comes back as an unexpected answer.

    `doing` completes "GitHub refused to …"; `permission` is what the call needs, for the hint.
    """
    if isinstance(error, GithubException) and error.status:
        return _answered(error, doing=doing, repository=repository, permission=permission, now=now)
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return PermanentError(
            "GitHub's certificate is not trusted",
            code="github-certificate-refused",
            hint="name its certificate authority's file in MERGEPORT_CA_FILE",
            repository=repository,
        )
    if isinstance(error, requests.exceptions.Timeout):
        return RetryableError("GitHub does not answer in time", code="github-timeout", repository=repository)
    if isinstance(error, requests.exceptions.RequestException):
        return RetryableError("GitHub cannot be reached", code="github-unreachable", repository=repository)
    return unexpected(doing, repository)


def unexpected(doing: str, repository: str) -> DoubtfulError:
    """Give the error for an answer of another shape than GitHub's."""
    return DoubtfulError(
        f"This is not GitHub's API: its answer when asked to {doing} has another shape",
        code="github-unexpected-answer",
        hint="check the API's address in the settings, e.g. https://api.github.com or https://HOST/api/v3",
        repository=repository,
    )


def cut_answer(doing: str, repository: str) -> RetryableError:
    """Give the error for JSON that ends in the middle."""
    return RetryableError(
        f"GitHub's answer when asked to {doing} is cut", code="github-answer-cut", repository=repository
    )


def reasons(error: GithubException) -> str:
    """Give GitHub's own words: its message, and those of its list of errors."""
    data = error.data if isinstance(error.data, dict) else {}
    listed = data.get("errors")
    details = [_reason(one) for one in listed] if isinstance(listed, list) else []
    return "; ".join(text for text in (str(data.get("message") or ""), *details) if text)[:500]


def _invalid_field(error: GithubException) -> str | None:
    """Give the field that GitHub names as invalid, where it names one."""
    listed = error.data.get("errors") if isinstance(error.data, dict) else None
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("code") == "invalid":
            return str(one.get("field"))
    return None


def _reason(one: object) -> str:
    if isinstance(one, dict):
        return str(one.get("message") or " ".join(str(one[key]) for key in ("field", "code") if key in one))
    return str(one)


def _answered(
    error: GithubException, *, doing: str, repository: str, permission: str, now: datetime
) -> RetryableError | PermanentError:
    headers: Mapping[str, str] = {name.lower(): str(value) for name, value in (error.headers or {}).items()}
    words = reasons(error) or f"status {error.status}"
    wait = _limit_wait(error, headers, now)
    if wait is not None:
        return RetryableError(
            f"GitHub limits our calls: {words}", code="github-rate-limited", retry_after=wait, repository=repository
        )
    match error.status:
        case status if status == _UNAUTHORIZED:
            return DoubtfulError(
                f"GitHub refused the token: {words}",
                code="github-token-refused",
                hint="give a new token, or the App's id and current private key, in the settings",
                repository=repository,
            )
        case status if status == _FORBIDDEN:
            return _forbidden(words, headers, doing=doing, repository=repository, permission=permission)
        case status if status == _NOT_FOUND:
            return NotFoundAnswerError(
                f"GitHub answered 404 when asked to {doing}",
                code="github-not-found",
                hint="check the name, and that the App is installed on the repository or the token may see it",
                repository=repository,
            )
        case status if status < _CLIENT_ERROR:
            return unexpected(doing, repository)
        case status if status >= _SERVER_ERROR:
            return RetryableError(
                f"GitHub answered {status}",
                code="github-unavailable",
                retry_after=_number(headers.get("retry-after")),
                repository=repository,
            )
        case status:
            return PermanentError(
                f"GitHub refused to {doing}: {words}",
                code="github-refused",
                repository=repository,
                status=status,
                field=_invalid_field(error),
            )


def _forbidden(
    words: str, headers: Mapping[str, str], *, doing: str, repository: str, permission: str
) -> PermanentError:
    """Tell the kinds of 403 apart that GitHub tells by its words alone; a permission is asked for only where none fits.

    https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
    """
    known = next((one for one in _REFUSALS if one.sign in words.lower()), None)
    wanted = headers.get("x-accepted-github-permissions", "").replace("=", ": ") or permission
    usual = f"give the App or token `{wanted}`" if wanted else "look at the App's or token's permissions"
    return PermanentError(
        f"GitHub refused to {doing}: {words}",
        code=known.code if known else "github-permission-missing",
        hint=known.hint if known else usual,
        repository=repository,
    )


def _limit_wait(error: GithubException, headers: Mapping[str, str], now: datetime) -> float | None:
    """Give the seconds that a limit asks for; None when this is no limit."""
    if error.status not in {_FORBIDDEN, _THROTTLED}:
        return None
    asked = _number(headers.get("retry-after"))
    if asked is not None:
        return max(1.0, asked)
    reset = _number(headers.get("x-ratelimit-reset"))
    if headers.get("x-ratelimit-remaining") == "0" and reset is not None:
        return max(1.0, reset - now.timestamp() + 1)
    if error.status == _THROTTLED or "rate limit" in reasons(error).lower():
        return SECONDARY_LIMIT_WAIT
    return None


def _number(header: str | None) -> float | None:
    try:
        return float(header) if header else None
    except ValueError:
        return None
