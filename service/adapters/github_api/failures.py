"""Turns GitHub's error answers and the exceptions of requests into our errors. Called only by the connection.

Limits and refusals are told apart by headers: both are 403. Rate limits:
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import requests

from service.adapters.github_api.limits import limit_wait, retry_after
from service.adapters.github_api.transport import Answer, NoJsonError, RedirectedAwayError
from service.errors import DoubtfulError, LimitedError, MergeportError, PermanentError, RetryableError

REFUSED = "github-refused"
"""The code of a refusal for which GitHub gives only its words."""
BAD_REQUEST = 400
_REDIRECT = 300
_TIMED_OUT = 408
_MAY_PASS = frozenset({409, 421, 423, 425})
"""Conflict, Misdirected, Locked, Too Early: something else goes on there now, and nothing was done."""
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_NOT_FOUND = 404
_UNPROCESSABLE = 422
_SERVER_ERROR = 500


class NotFoundAnswerError(DoubtfulError):
    """GitHub's 404: it is not there, our token may not see it, or the replica that answered does not know it yet."""


class UnprocessableAnswerError(PermanentError):
    """GitHub's 422: the request is well formed but cannot be carried out in the present state."""


class UnprocessableReadError(DoubtfulError):
    """GitHub's 422 to a GET: it cannot show that; or something else is wrong for a moment, so it is asked again."""


def ours(error: Exception, *, doing: str, repository: str) -> MergeportError:
    """Give our error for an exception instead of an answer; `doing` completes "when asked to …"."""
    match error:
        case NoJsonError() if error.status >= _SERVER_ERROR or error.status == _TIMED_OUT:
            return _unavailable(repository, error.status)
        case NoJsonError() if error.cut:
            words = f"GitHub's answer when asked to {doing} is cut"
            return RetryableError(words, code="github-answer-cut", repository=repository)
        case RedirectedAwayError():
            return RetryableError(
                f"GitHub's API sends us to {error.to} when asked to {doing}",
                code="github-redirected",
                hint="check the API's address in the settings, and whether a proxy or login page stands in between",
                repository=repository,
            )
        case requests.exceptions.SSLError() if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return PermanentError(
                "GitHub's certificate is not trusted",
                code="github-certificate-refused",
                hint="name its certificate authority's file in MERGEPORT_CA_FILE",
                repository=repository,
            )
        case requests.exceptions.Timeout():
            return RetryableError("GitHub did not answer in time", code="github-timeout", repository=repository)
        case requests.exceptions.RequestException():
            return RetryableError("GitHub cannot be reached", code="github-unreachable", repository=repository)
        case _:
            return unexpected(doing, repository)


def unexpected(doing: str, repository: str) -> RetryableError:
    """Give the error for an answer of another shape than GitHub's: a proxy's page, or a wrong address."""
    return RetryableError(
        f"This is not GitHub's API: its answer when asked to {doing} has another shape",
        code="github-unexpected-answer",
        hint="check the API's address in the settings, e.g. https://api.github.com or https://HOST/api/v3, "
        "and whether a proxy or login page stands in between",
        repository=repository,
    )


def refusal(
    answer: Answer, *, doing: str, repository: str, permission: str, now: datetime, reads: bool = False
) -> RetryableError | PermanentError | None:
    """Give the error that an answer means; None for a good one. `permission` is what the call needs, for the hint.

    A call that only `reads` asks for nothing that could be wrong, so a refusal without a known reason is doubted.
    """
    if answer.status < _REDIRECT:
        return None
    if answer.status < BAD_REQUEST:
        return unexpected(doing, repository)  # a redirect that leads nowhere does nothing
    words = reasons(answer.data) or f"status {answer.status}"
    wait = limit_wait(answer, words, now)
    if wait is not None:
        return limited(wait, words, repository=repository, now=now)
    if answer.status >= _SERVER_ERROR or answer.status == _TIMED_OUT:
        return _unavailable(repository, answer.status, retry_after(answer.headers, now))
    if not isinstance(answer.data, dict | None):
        return unexpected(doing, repository)
    match answer.status:
        case status if status == _UNAUTHORIZED:
            return DoubtfulError(
                f"GitHub refused the token: {words}",
                code="github-token-refused",
                hint="give a new token, or the App's id and current private key, in the settings",
                repository=repository,
                date=answer.headers.get("date", ""),
            )
        case status if status == _FORBIDDEN:
            return _forbidden(answer, words, doing=doing, repository=repository, permission=permission)
        case status if status == _NOT_FOUND:
            return NotFoundAnswerError(
                f"GitHub answered 404 when asked to {doing}",
                code="github-not-found",
                hint="check the name, and that the App is installed on the repository or the token may see it",
                repository=repository,
            )
        case status:
            return _refused(status, reads=reads)(
                f"GitHub refused to {doing}: {words}",
                code="github-refused",
                repository=repository,
                status=status,
                field=_invalid_field(answer.data),
            )


def graphql_refused(
    answer: object, *, doing: str, repository: str, now: datetime
) -> RetryableError | PermanentError | None:
    """Give the error that an answer of GraphQL means, which has its errors beside the data; None for a good one."""
    if not isinstance(answer, dict) or "data" not in answer:
        return unexpected(doing, repository)
    listed = answer.get("errors")
    if not listed:
        return None
    words = reasons(answer)
    if any(isinstance(one, dict) and one.get("type") == "RATE_LIMITED" for one in listed):
        return limited(60.0, words, repository=repository, now=now)
    return PermanentError(f"GitHub refused to {doing}: {words}", code="github-refused", repository=repository)


def _refused(status: int, *, reads: bool) -> type[DoubtfulError | PermanentError]:
    if status in _MAY_PASS:
        return DoubtfulError
    if reads:
        return UnprocessableReadError if status == _UNPROCESSABLE else DoubtfulError
    return UnprocessableAnswerError if status == _UNPROCESSABLE else PermanentError


def limited(seconds: float, why: str, *, repository: str, now: datetime) -> LimitedError:
    """Give the error for a call that GitHub takes only later; its words are what people read while a run waits."""
    until = (now + timedelta(seconds=min(seconds, 1e6), minutes=1)).astimezone(UTC)  # never before the very second
    return LimitedError(
        f"waits for GitHub's limit until {until:%H:%M} UTC: {why}",
        code="github-rate-limited",
        retry_after=seconds,
        repository=repository,
    )


def reasons(data: object) -> str:
    """Give GitHub's own words: its message, and those of its list of errors."""
    said = data if isinstance(data, dict) else {}
    listed = said.get("errors")
    details = [_reason(one) for one in listed] if isinstance(listed, list) else []
    return "; ".join(text for text in (str(said.get("message") or ""), *details) if text)[:500]


def _invalid_field(data: object) -> str | None:
    """Give the field that GitHub names as invalid, where it names one."""
    listed = data.get("errors") if isinstance(data, dict) else None
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("code") == "invalid":
            return str(one.get("field"))
    return None


def _reason(one: object) -> str:
    if isinstance(one, dict):
        return str(one.get("message") or " ".join(str(one[key]) for key in ("field", "code") if key in one))
    return str(one)


def _forbidden(
    answer: Answer, words: str, *, doing: str, repository: str, permission: str
) -> DoubtfulError | PermanentError:
    """Tell why access is forbidden: a rule of the organization or repository, or a missing permission.

    The former is doubtful, because people may lift the rule while the work waits. Only GitHub's words tell them apart.
    """
    said = words.lower()
    if "ip allow list" in said:
        code, hint = "github-address-refused", "add this service's address to the organization's IP allow list"
    elif "x-github-sso" in answer.headers or "saml" in said:
        code, hint = (
            "github-sign-on-missing",
            "authorize the token for single sign-on there, or use an App",
        )
    elif "archived" in said:
        code, hint = "github-repository-archived", "unarchive the repository, or take it out of mergeport.yaml"
    elif "suspended" in said:
        code, hint = "github-app-suspended", "an owner has to unsuspend the App's installation or the account"
    else:
        return _no_permission(answer, words, doing=doing, repository=repository, permission=permission)
    return DoubtfulError(f"GitHub refused to {doing}: {words}", code=code, hint=hint, repository=repository)


def _no_permission(answer: Answer, words: str, *, doing: str, repository: str, permission: str) -> PermanentError:
    wanted = answer.headers.get("x-accepted-github-permissions", "").replace("=", ": ") or permission
    return PermanentError(
        f"GitHub refused to {doing}: {words}",
        code="github-permission-missing",
        hint=f"give the App or token `{wanted}`" if wanted else "look at the App's or token's permissions",
        repository=repository,
    )


def _unavailable(repository: str, status: int, wait: float | None = None) -> RetryableError:
    return RetryableError(
        f"GitHub answered {status}", code="github-unavailable", retry_after=wait, repository=repository
    )
