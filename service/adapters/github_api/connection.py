"""Calls to GitHub's REST API: one bounded request each, a validated answer, every failure as ours.

The forge and the builder of GitHub Actions call it. A token that GitHub refuses is forgotten, and the call made once
more with a new one. Nothing sleeps here: a limit comes out as LimitedError with the time to come back, and until then
no other call of that login goes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import requests
from pydantic import BaseModel, TypeAdapter, ValidationError

from service.adapters.github_api import failures
from service.adapters.github_api.budget import Budget, Budgets, Use
from service.adapters.github_api.tokens import AppLogin, InstallationTokens, TokenLogin
from service.adapters.github_api.transport import NoJsonError, RedirectedAwayError, Transport, graphql_of
from service.core.words import Repository
from service.errors import DoubtfulError, LimitedError

TIMEOUT = 15
NO_REPOSITORY = Repository("")
SOURCES = "sources"
"""The name of the login that source repositories are reached by."""

KNOWN_AFTER = timedelta(minutes=1)
"""The age at which all of GitHub knows a token."""

_RAISED = (
    requests.exceptions.RequestException,
    NoJsonError,
    RedirectedAwayError,
    ValueError,  # of PyGithub, which reads numbers in headers that a proxy may have written
)

_Answer = TypeVar("_Answer")


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
        budgets: Budgets | None = None,
        name: str = SOURCES,
    ) -> None:
        """Keep address and login; nothing is asked yet. `timeout` is in seconds, per read.

        `budgets` are those of the process, of this connection alone if none are given; `name` is the login's there.
        """
        self._transport = Transport(api_url, verify=ca_file or True, timeout=timeout)
        self._now = now
        self._api_url, self._login, self._name = api_url, login, name
        self._budgets = budgets or Budgets(now)
        self._token = login.token if isinstance(login, TokenLogin) else None
        self._app = InstallationTokens(login, now) if isinstance(login, AppLogin) else None

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
        self, shape: type[_Answer], method: str, path: str, body: Mapping[str, object], *, doing: str,
        repository: Repository, permission: str = "", late: bool = False,
    ) -> _Answer:  # fmt: skip
        """Send JSON and validate the answer; never repeated by itself. What is `late` leaves room for all else."""
        use = Use.LATE if late else Use.CONTENT
        answer = self._call(method, path, body=body, doing=doing, repository=repository, permission=permission, use=use)
        return self._validated(shape, answer, doing, repository)

    def mutate(self, mutation: str, given: Mapping[str, str], *, doing: str, repository: Repository) -> None:
        """Carry out a mutation of GraphQL, whose only variable is `input`; its errors come with status 200."""
        self._graphql({"query": mutation, "variables": {"input": dict(given)}}, doing, repository, Use.CONTENT, "write")

    def ask_graphql(
        self, shape: type[_Answer], query: str, given: Mapping[str, str | int], *, doing: str, repository: Repository
    ) -> _Answer:
        """Ask GraphQL for what the REST API does not tell; its data is validated, its errors come with status 200."""
        body = {"query": query, "variables": dict(given)}
        answer = self._graphql(body, doing, repository, Use.READ, "read")
        return self._validated(shape, answer.get("data"), doing, repository)

    def _graphql(
        self, body: Mapping[str, object], doing: str, repository: Repository, use: Use, level: str
    ) -> dict[str, object]:
        answer = self._call(
            "POST", graphql_of(self._api_url), body=body, doing=doing, repository=repository,
            permission=f"pull requests: {level}", use=use,
        )  # fmt: skip
        wrong = failures.graphql_refused(answer, doing=doing, repository=repository, now=self._now())
        if wrong is not None or not isinstance(answer, dict):
            raise wrong or failures.unexpected(doing, repository)
        return answer

    def address(self, path: str, *, doing: str, repository: Repository, permission: str = "") -> str:
        """GET what lies elsewhere: give the address that GitHub sends us to, which is not asked, nor told our token."""
        answer = self._call("GET", path, doing=doing, repository=repository, permission=permission, leads_away=True)
        if not isinstance(answer, _Away):
            raise failures.unexpected(doing, repository)
        return answer.address

    def git_token(self, repository: Repository, *, write: bool) -> str:
        """Give the token that git uses, of an App narrowed to the repository's contents."""
        if self._app is None:
            return self._token or ""
        return self._installation_token(repository, {"contents": "write" if write else "read"})

    def forget_token(self, repository: Repository) -> None:
        """Throw away an App's tokens for a repository after git found one refused; does nothing for a fixed token."""
        if self._app is not None:
            self._app.forget(repository)

    def get_as_app(self, shape: type[_Answer], path: str, *, doing: str, repository: Repository) -> _Answer:
        """GET by the App's own token, which sees what is the App's, and validate; only where `is_app`."""
        answer = self._ask_as_app("GET", path, None, doing=doing, repository=repository)
        return self._validated(shape, answer, doing, repository)

    def ahead(self) -> timedelta:
        """Tell how far GitHub's clock is ahead of ours, whatever else it answers; asking costs no call of the limit."""
        try:
            own = self._app.own() if self._app else self._token or ""
            return self._transport.ask("GET", "/rate_limit", token=own, parameters=None, body=None).at - self._now()
        except _RAISED as error:
            raise failures.ours(error, doing="ask for the time", repository=NO_REPOSITORY) from error

    def slug(self) -> str:
        """Give the App's name in addresses and logins."""
        return self.get_as_app(_App, "/app", doing="read the App", repository=NO_REPOSITORY).slug

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
        leads_away: bool = False,
        use: Use = Use.READ,
    ) -> object:
        def once(token: str) -> object:
            budget = self._budget(self._app.installation(repository) if self._app else None)
            return self._ask(
                method, path, token=token, budget=budget, use=use, parameters=parameters, body=body, doing=doing,
                repository=repository, permission=permission, leads_away=leads_away,
            )  # fmt: skip

        token = self._installation_token(repository) if self._app else self._token or ""
        try:
            return once(token)
        except DoubtfulError as error:
            if self._app is None or not self._may_help(self._app, repository, error):
                raise
            return once(self._installation_token(repository))

    @staticmethod
    def _may_help(app: InstallationTokens, repository: Repository, error: DoubtfulError) -> bool:
        """Forget the token of a call that failed, and tell whether another one may work.

        The token may have been revoked early, by a new installation or a new key. Or the repository was transferred,
        belongs to another installation now, and answers 404. A token that is so new that parts of GitHub may not know
        it yet also gets a 404, and is kept.
        """
        match error:
            case failures.NotFoundAnswerError():
                return app.forget(repository, older=KNOWN_AFTER)
            case _ if error.code == "github-token-refused":
                app.forget(repository)
                return True
            case _:
                return False

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
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        *,
        doing: str,
        repository: Repository,
        token: str = "",
    ) -> object:
        """Ask by the App's own token, and once more if that was refused because our clock is not GitHub's."""
        assert self._app is not None  # noqa: S101 # only an App asks so

        def once() -> object:
            own = token or (self._app.own() if self._app else "")
            return self._ask(
                method, path, token=own, budget=self._budget(None), parameters=None, body=body, doing=doing,
                repository=repository,
            )  # fmt: skip

        try:
            return once()
        except DoubtfulError as error:
            refused = error.code == "github-token-refused" and not token
            if not refused or not self._app.learn_clock(str(error.fields.get("date", ""))):
                raise
            return once()

    def _budget(self, installation: int | None) -> Budget:
        return self._budgets.of(self._api_url, self._login, installation, self._name)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        token: str,
        budget: Budget,
        parameters: Mapping[str, str | int] | None,
        body: Mapping[str, object] | None,
        doing: str,
        repository: Repository,
        permission: str = "",
        leads_away: bool = False,
        use: Use = Use.READ,
    ) -> object:
        blocked = budget.enter(use)
        if blocked is not None:
            raise failures.limited(blocked.seconds, blocked.why, repository=repository, now=budget.now())
        try:
            answer = self._transport.ask(method, path, token=token, parameters=parameters, body=body)
        except _RAISED as error:
            if leads_away and isinstance(error, RedirectedAwayError) and error.location:
                return _Away(error.location)
            raise failures.ours(error, doing=doing, repository=repository) from error
        budget.heard(answer.headers, good=answer.status < failures.BAD_REQUEST)
        refusal = failures.refusal(
            answer, doing=doing, repository=repository, permission=permission, now=budget.now(), reads=method == "GET"
        )
        if isinstance(refusal, LimitedError):
            budget.hold(refusal.retry_after or 0.0, failures.reasons(answer.data))
        if refusal is not None:
            raise refusal
        return answer.data

    @staticmethod
    def _validated(shape: type[_Answer], answer: object, doing: str, repository: Repository) -> _Answer:
        try:
            return TypeAdapter(shape).validate_python(answer)
        except ValidationError as error:
            raise failures.unexpected(doing, repository) from error


@dataclass(frozen=True, slots=True)
class _Away:
    """Where GitHub sends us to, outside of its API."""

    address: str


class _App(BaseModel):
    slug: str
