"""Turns a git server's answer over HTTP into our errors: by its status, its content type and its own sentence.

Used by the remote, which asks the server, and by code that can renew refused credentials. It asks nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from service.errors import DoubtfulError, MergeportError, RetryableError

if TYPE_CHECKING:
    import requests

READ: Final = "git-upload-pack"
WRITE: Final = "git-receive-pack"
WORDS_LENGTH = 400

_T = TypeVar("_T")

_log = structlog.get_logger()


class UnauthorizedError(DoubtfulError):
    """The server does not accept the credentials that were given; new ones may be tried once."""


def with_accepted(action: Callable[[], _T], forget: Callable[[], None]) -> _T:
    """Do what needs credentials; if the server refuses them, forget them and try once more with new ones.

    An App's token may be revoked or run out before the time that GitHub gave for it.
    """
    try:
        return action()
    except UnauthorizedError as error:
        _log.warning("credentials refused, trying with new ones", url=error.fields.get("url"))
        forget()
        return action()


def meaning(
    answer: requests.Response, place: str, service: str, said: str, redact: Callable[[str], str]
) -> MergeportError | None:
    """Turn a server's answer to a client's first request into our error; None if it is the answer of a git server.

    `said` are the server's words in git's output, used if the answer itself has none.
    """
    status, wait = answer.status_code, answer.headers.get("Retry-After", "")
    after = float(wait) if wait.isdigit() else None
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.FORBIDDEN and wait):
        return RetryableError(
            f"{place} asks us to slow down ({status}).",
            code="git-throttled",
            retry_after=after,
            url=place,
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return RetryableError(f"{place} has an error ({status}).", code="git-unavailable", retry_after=after, url=place)
    if status < HTTPStatus.BAD_REQUEST:
        # git itself would read anything else, such as a login page, as a repository without branches.
        kind = answer.headers.get("Content-Type", "")
        return None if kind == f"application/x-{service}-advertisement" else _no_git_server(place, kind)
    return _refused(status, place, service, redact(_sentence(answer)) or said)


def _refused(status: int, place: str, service: str, words: str) -> DoubtfulError:
    """Give the error for a 4xx, with the server's own words if it has some."""
    writing = "write to" if service == WRITE else "read"
    if status == HTTPStatus.UNAUTHORIZED:
        return UnauthorizedError(
            f"{place} does not accept our credentials ({status}).",
            code="git-unauthorized",
            hint="check the token or the App's private key",
            url=place,
        )
    if status == HTTPStatus.NOT_FOUND:
        return DoubtfulError(
            f"{place} does not exist, or we may not see it ({status}).",
            code="git-repository-missing",
            hint="check its name, and that the App or token may see it",
            url=place,
        )
    says = f": {words}" if words else ""
    if status == HTTPStatus.FORBIDDEN:
        return DoubtfulError(
            f"{place} does not allow us to {writing} it ({status}){says}.",
            code="git-forbidden",
            hint=f"give the App or token the right to {writing} it, unless the server says otherwise",
            url=place,
        )
    return DoubtfulError(
        f"{place} refuses the request ({status}){says}.",
        code="git-refused",
        hint="look at the server's log",
        url=place,
    )


def _no_git_server(place: str, kind: str) -> RetryableError:
    return RetryableError(
        f"{place} does not answer as a git server does, but with {kind or 'nothing'}.",
        code="git-not-a-repository",
        hint="check the address, and whether a proxy or login page stands in between",
        url=place,
    )


def _sentence(answer: requests.Response) -> str:
    """Give the server's own words if it answers in plain text; an HTML page is ignored."""
    if not answer.headers.get("Content-Type", "").startswith("text/plain"):
        return ""
    text = b""
    with suppress(OSError):  # what `requests` raises when the line breaks is one
        text = next(answer.iter_content(WORDS_LENGTH), b"")
    return _on_one_line(text.decode("utf-8", "replace"))


def told_by(said: str) -> str:
    """Find the server's own words in git's output."""
    lines = (line.strip() for line in said.splitlines())
    return _on_one_line(" ".join(line.removeprefix("remote:") for line in lines if line.startswith("remote:")))


def _on_one_line(text: str) -> str:
    shown = "".join(one if one.isprintable() else " " for one in text[:WORDS_LENGTH])
    return " ".join(shown.split()).rstrip(".")


def is_refused(printed: str) -> bool:
    """Read the ref's flag in what `push --porcelain` printed: `!` with a word other than `remote failure`.

    https://git-scm.com/docs/git-push#_output
    """
    for line in printed.splitlines():
        flag, _, rest = line.partition("\t")
        if flag == "!":
            return not rest.partition("\t")[2].startswith("[remote failure]")
    return False
