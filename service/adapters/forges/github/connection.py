"""Calls to GitHub's REST API: one bounded request each, JSON out, every failure as ours.

The forge calls it. It speaks through PyGithub's requester, because PyGithub's objects fetch by themselves what an
answer leaves out (a listed pull request's `merged` costs a request each), and a step must know what it asks.
PyGithub is not thread-safe, so each thread has a client of its own. Nothing sleeps here: a limit comes out as
RetryableError with the time to come back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

import requests
from github import Github, GithubException
from github.Auth import Auth
from github.Requester import Requester
from pydantic import BaseModel, TypeAdapter, ValidationError
from urllib3.util import Retry

from service.adapters.forges.github import failures
from service.adapters.forges.github.tokens import AppLogin, InstallationTokens, TokenLogin
from service.core.words import Repository
from service.errors import DoubtfulError

TIMEOUT = 15
API_VERSION = "2022-11-28"
NO_REPOSITORY = Repository("")

_Answer = TypeVar("_Answer")


class _Bearer(Auth):
    """The token of the call that its thread is making; PyGithub's masking keeps it out of its logs."""

    current = ""

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    def token(self) -> str:
        return self.current


class Connection:
    """One GitHub by one login. May be used from several threads."""

    def __init__(
        self,
        api_url: str,
        login: TokenLogin | AppLogin,
        *,
        now: Callable[[], datetime],
        ca_file: str | None = None,
        timeout: int = TIMEOUT,
    ) -> None:
        """Keep address and login; nothing is asked yet. `timeout` is in seconds, per read."""
        # At DEBUG it logs whole bodies, which must never be in a log.
        logging.getLogger("github.Requester").setLevel(logging.INFO)
        self._api_url = api_url.rstrip("/")
        self._verify: bool | str = ca_file or True
        self._timeout = timeout
        self._now = now
        self._token = login.token if isinstance(login, TokenLogin) else None
        self._app = InstallationTokens(login, now) if isinstance(login, AppLogin) else None
        self._local = threading.local()

    @property
    def is_app(self) -> bool:
        """Whether we are an App, rather than the account of a token."""
        return self._app is not None

    def get(
        self,
        shape: type[_Answer],
        path: str,
        *,
        doing: str,
        repository: Repository,
        parameters: Mapping[str, str | int] | None = None,
        permission: str = "",
    ) -> _Answer:
        """GET and validate; `shape` is a pydantic model, or a list of one."""
        answer = self._call(
            "GET", path, parameters=parameters, doing=doing, repository=repository, permission=permission
        )
        return self._validated(shape, answer, doing, repository)

    def send(
        self,
        shape: type[_Answer],
        method: str,
        path: str,
        body: Mapping[str, object],
        *,
        doing: str,
        repository: Repository,
        permission: str = "",
    ) -> _Answer:
        """Send JSON and validate the answer; never repeated by itself."""
        answer = self._call(method, path, body=body, doing=doing, repository=repository, permission=permission)
        return self._validated(shape, answer, doing, repository)

    def git_token(self, repository: Repository, *, write: bool) -> str:
        """Give the token that git uses, of an App narrowed to the repository's contents."""
        if self._app is None:
            return self._token or ""
        return self._installation_token(repository, {"contents": "write" if write else "read"})

    def forget_token(self, repository: Repository) -> None:
        """Throw away an App's tokens for a repository, after git found one refused; a given token is all there is."""
        if self._app is not None:
            self._app.forget(repository)

    def slug(self) -> str:
        """Give the App's name in addresses and logins."""
        answer = self._ask_as_app("GET", "/app", None, doing="read the App", repository=NO_REPOSITORY)
        return self._validated(_App, answer, "read the App", NO_REPOSITORY).slug

    def _call(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        repository: Repository,
        permission: str,
        parameters: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> object:
        def once() -> object:
            token = self._installation_token(repository) if self._app else self._token or ""
            return self._ask(
                method,
                path,
                token=token,
                parameters=parameters,
                body=body,
                doing=doing,
                repository=repository,
                permission=permission,
            )

        try:
            return once()
        except DoubtfulError as error:
            if self._app is None or error.code != "github-token-refused":
                raise
            self._app.forget(repository)  # revoked before its time: an App that was installed anew, a new key
            return once()

    def _installation_token(self, repository: Repository, permissions: Mapping[str, str] | None = None) -> str:
        assert self._app is not None  # noqa: S101 # callers have looked
        try:
            return self._app.of(repository, self._ask_as_app, permissions)
        except failures.NotFoundAnswerError as error:
            raise DoubtfulError(
                f"The App is not installed on {repository}, or there is no such repository",
                code="github-app-not-installed",
                hint="install it there, in the App's settings on GitHub",
                repository=repository,
            ) from error
        except ValidationError as error:
            raise failures.unexpected("make a token of the App", repository) from error

    def _ask_as_app(
        self, method: str, path: str, body: Mapping[str, object] | None, *, doing: str, repository: Repository
    ) -> object:
        assert self._app is not None  # noqa: S101 # only an App asks so
        return self._ask(
            method, path, token=self._app.own(), parameters=None, body=body, doing=doing, repository=repository
        )

    def _ask(
        self,
        method: str,
        path: str,
        *,
        token: str,
        parameters: Mapping[str, str | int] | None,
        body: Mapping[str, object] | None,
        doing: str,
        repository: Repository,
        permission: str = "",
    ) -> object:
        requester = self._requester(token)
        try:
            _, answer = requester.requestJsonAndCheck(
                method, path, parameters=dict(parameters or {}), input=None if body is None else dict(body)
            )
        except (GithubException, requests.exceptions.RequestException, RuntimeError, AssertionError) as error:
            raise failures.ours(
                error, doing=doing, repository=repository, permission=permission, now=self._now()
            ) from error
        except ValueError as error:  # PyGithub parses what begins like JSON, and it is not
            raise failures.cut_answer(doing, repository) from error
        return answer

    def _requester(self, token: str) -> Requester:
        """Give this thread's client, set to the token of the call that it now makes."""
        if getattr(self._local, "requester", None) is None:
            self._local.bearer = _Bearer()
            self._local.requester = Github(
                auth=self._local.bearer,
                base_url=self._api_url,
                timeout=self._timeout,
                verify=self._verify,
                user_agent="mergeport",
                per_page=100,
                # Not GithubRetry, which always takes up 403 again: limits are waits of the engine, not sleeps here.
                retry=Retry(
                    total=1,
                    read=False,
                    allowed_methods=frozenset({"GET"}),
                    status_forcelist=frozenset({502, 503, 504}),
                    respect_retry_after_header=False,
                    raise_on_status=False,
                ),
                seconds_between_requests=0,
                seconds_between_writes=0,
                api_version=API_VERSION,
            ).requester
        self._local.bearer.current = token
        requester: Requester = self._local.requester
        return requester

    @staticmethod
    def _validated(shape: type[_Answer], answer: object, doing: str, repository: Repository) -> _Answer:
        try:
            return TypeAdapter(shape).validate_python(answer)
        except ValidationError as error:
            raise failures.unexpected(doing, repository) from error


class _App(BaseModel):
    slug: str
