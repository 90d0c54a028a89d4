"""One request to GitHub's API and the JSON of its answer: redirects followed, nothing judged.

The connection calls it. It speaks through PyGithub's requester, because PyGithub's objects fetch by themselves what an
answer leaves out (a listed pull request's `merged` costs a request each), and a step must know what it asks.
PyGithub is not thread-safe, so each thread has a client of its own. The token goes to the API's own address alone.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from github import Github
from github.Auth import Auth
from github.Requester import (
    HTTPRequestsConnectionClass,
    HTTPSRequestsConnectionClass,
    Requester,
    RequestsResponse,
)
from urllib3.util import Retry

from service.adapters.github_api.unchanged import Unchanged, question

API_VERSION = "2022-11-28"
MOST_REDIRECTS = 5

_OK = 200
_MOVED_FOR_GOOD = 301
_MOVED_VERBATIM = 308
_NOT_MODIFIED = 304
_REDIRECTS = frozenset({302, 307, _MOVED_VERBATIM})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came: status, headers by their names in small letters, and the JSON."""

    status: int
    headers: Mapping[str, str]
    data: object

    @property
    def at(self) -> datetime:
        """When the other side says it answered; ValueError if it does not."""
        told = parsedate_to_datetime(self.headers.get("date", ""))
        return told.replace(tzinfo=told.tzinfo or UTC)


class NoJsonError(Exception):
    """The body is no JSON; `cut` if it begins like JSON."""

    def __init__(self, status: int, *, cut: bool) -> None:
        super().__init__(status)
        self.status = status
        self.cut = cut


class RedirectedAwayError(Exception):
    """The API redirects us in a circle, or to another address, which gets no token of ours; `to` names its host.

    `location` is that address, and empty for a circle.
    """

    def __init__(self, to: str, location: str = "") -> None:
        super().__init__(to)
        self.to = to
        self.location = location


class Transport:
    """One API by one address. May be used from several threads."""

    def __init__(self, api_url: str, *, verify: bool | str, timeout: int) -> None:
        """Keep the address; nothing is asked yet. `timeout` is in seconds, per read."""
        # At DEBUG the library logs whole bodies, which must never be in a log.
        logging.getLogger("github.Requester").setLevel(logging.INFO)
        self._api_url = api_url.rstrip("/")
        self._verify = verify
        self._timeout = timeout
        self._local = threading.local()
        self._unchanged = Unchanged()

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str,
        parameters: Mapping[str, str | int] | None,
        body: Mapping[str, object] | None,
    ) -> Answer:
        """Make one request, and repeat it at each address to which GitHub redirects us.

        A repository that was renamed or transferred answers so, to reads and writes alike:
        https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
        """
        requester = self._requester(token)
        query: dict[str, object] | None = dict(parameters or {})
        place = path
        for _ in range(MOST_REDIRECTS + 1):
            asked = question(token, place, query) if method == "GET" else None
            kept = self._unchanged.of(asked) if asked is not None else None
            status, headers, output = requester.requestJson(
                method, place, parameters=query, headers={"If-None-Match": kept.etag} if kept is not None else None,
                input=None if body is None else dict(body), cnx=self._local.line,
            )  # fmt: skip
            if status == _NOT_MODIFIED and kept is not None:
                return Answer(_OK, headers, _parsed(_OK, kept.text))
            there = headers.get("location")
            if status not in _REDIRECTS or not there:
                answer = Answer(status, headers, _parsed(status, output))
                if asked is not None and status == _OK:
                    self._unchanged.keep(asked, headers.get("etag", ""), output)
                return answer
            place, query = self._inside(there), None
        raise RedirectedAwayError("itself, again and again")

    def _inside(self, location: str) -> str:
        """Give the target of a redirect, which must be at the API's own address."""
        there, own = urlsplit(urljoin(f"{self._api_url}/", location)), urlsplit(self._api_url)
        if (there.scheme, there.netloc) != (own.scheme, own.netloc) or not there.path.startswith(f"{own.path}/"):
            raise RedirectedAwayError(there.hostname or "nowhere", there.geturl())
        return there.geturl()

    def _requester(self, token: str) -> Requester:
        """Give this thread's client, with the token of its present call."""
        if getattr(self._local, "requester", None) is None:
            retry = Retry(  # not GithubRetry, which always retries a 403: here a limit becomes a wait, not a sleep
                total=1,
                read=False,
                allowed_methods=frozenset({"GET"}),
                status_forcelist=frozenset({502, 503, 504}),
                respect_retry_after_header=False,
                raise_on_status=False,
            )
            self._local.bearer = _Bearer()
            self._local.line = _line(self._api_url, retry, self._timeout, self._verify)
            self._local.requester = Github(
                auth=self._local.bearer,
                base_url=self._api_url,
                timeout=self._timeout,
                verify=self._verify,
                user_agent="mergeport",
                per_page=100,
                retry=retry,
                seconds_between_requests=0,
                seconds_between_writes=0,
                api_version=API_VERSION,
            ).requester
        self._local.bearer.current = token
        requester: Requester = self._local.requester
        return requester


class _Bearer(Auth):
    """The token of the call that its thread is making; PyGithub's masking keeps it out of its logs."""

    current = ""

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    def token(self) -> str:
        return self.current


class _Http(HTTPRequestsConnectionClass):
    def getresponse(self) -> RequestsResponse:
        return _verbatim(super().getresponse())


class _Https(HTTPSRequestsConnectionClass):
    def getresponse(self) -> RequestsResponse:
        return _verbatim(super().getresponse())


def _verbatim(answer: RequestsResponse) -> RequestsResponse:
    """Turn a 301 into a 308, because PyGithub follows a 301 by itself and loses the query."""
    if answer.status == _MOVED_FOR_GOOD:
        answer.status = _MOVED_VERBATIM
    return answer


def _line(api_url: str, retry: Retry, timeout: int, verify: bool | str) -> _Http | _Https:
    parts = urlsplit(api_url)
    kind = _Https if parts.scheme == "https" else _Http
    return kind(parts.hostname or "", parts.port, timeout=timeout, retry=retry, verify=verify)


def _parsed(status: int, output: str) -> object:
    """Read the answer. With 200 GitHub always says something: what says nothing comes from a proxy."""
    try:
        data = json.loads(output) if output.strip() else None
    except ValueError as error:
        raise NoJsonError(status, cut=output.lstrip().startswith(("{", "["))) from error
    if data is None and status == _OK:
        raise NoJsonError(status, cut=False)
    return data


def graphql_of(api_url: str) -> str:
    """Give the address of GraphQL: beside the REST API, which an enterprise's server has at `/api/v3`."""
    return f"{api_url.rstrip('/').removesuffix('/v3')}/graphql"
