"""With which token a call is made: one given token, or an App's installation tokens.

Used by the connection. An installation token is narrowed to the one repository of the call, kept until five
minutes before its end, and never written anywhere. It makes no request itself: it is given how to ask. The App's own
token tells the time, and GitHub refuses one of a clock that is off, so it is signed by GitHub's clock once that is
known to be another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

import jwt
from pydantic import BaseModel

from service.adapters.github_api.failures import UnprocessableAnswerError
from service.core.words import Repository

RENEWED_BEFORE = timedelta(minutes=5)
SIGNED_BEFORE, SIGNED_FOR = timedelta(seconds=60), timedelta(minutes=5)
"""Of the App's own token; GitHub takes it for ten minutes at most."""
CLOCKS_AGREE = timedelta(seconds=20)
"""A smaller difference to GitHub's clock is no reason for a refusal."""
LIFE = timedelta(hours=1)
"""https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app"""


_SIGNING = jwt.get_algorithm_by_name("RS256")


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """One token for everything."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AppLogin:
    """A GitHub App: its id (or client id) and private key in PEM."""

    app_id: str
    private_key: str = field(repr=False)


class AskAsApp(Protocol):
    """Makes a call with the App's own token."""

    def __call__(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        *,
        doing: str,
        repository: Repository,
        token: str = "",
    ) -> object:
        """Give the answer's JSON; `token` replaces the App's own token if it is given."""
        ...


class _Installation(BaseModel):
    id: int


class _Repository(BaseModel):
    id: int


class _Token(BaseModel):
    token: str
    expires_at: datetime

    @property
    def made_at(self) -> datetime:
        """When it was made; each token of GitHub lives for an hour."""
        return self.expires_at - LIFE


class InstallationTokens:
    """An App's tokens, one for each repository and set of permissions. Thread-safe; two threads may both renew one."""

    def __init__(self, login: AppLogin, now: Callable[[], datetime]) -> None:
        """Keep the App's key; nothing is asked yet."""
        self._app_id = login.app_id
        self._key: jwt.algorithms.AllowedPrivateKeys | str = login.private_key
        self._now = now
        self._ahead = timedelta()
        self._lock = threading.Lock()
        self._installations: dict[Repository, int] = {}
        self._tokens: dict[tuple[Repository, str], _Token] = {}

    def own(self) -> str:
        """Give the App's own token, signed now."""
        now = self._now() + self._ahead
        times = {"iat": int((now - SIGNED_BEFORE).timestamp()), "exp": int((now + SIGNED_FOR).timestamp())}
        if isinstance(self._key, str):  # reading it takes forty times as long as signing
            self._key = _SIGNING.prepare_key(self._key)
        return jwt.encode({**times, "iss": self._app_id}, self._key, algorithm="RS256")

    def learn_clock(self, date: str) -> bool:
        """Take the time from the `Date` of an answer; tell whether our own tokens have another time from now on."""
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            return False
        ahead = told.replace(tzinfo=told.tzinfo or UTC) - self._now()
        if abs(ahead - self._ahead) <= CLOCKS_AGREE:
            return False
        self._ahead = ahead
        return True

    def installation(self, repository: Repository) -> int | None:
        """Give the installation that a repository was last found in; None before a token was made for it."""
        with self._lock:
            return self._installations.get(repository)

    def of(self, repository: Repository, ask: AskAsApp, permissions: Mapping[str, str] | None = None) -> str:
        """Give a token for one repository, with all of the App's permissions or only some."""
        key = (repository, ",".join(f"{name}:{level}" for name, level in sorted((permissions or {}).items())))
        with self._lock:
            kept = self._tokens.get(key)
            installation = self._installations.get(repository)
        if kept is not None and kept.expires_at - self._now() - self._ahead > RENEWED_BEFORE:
            return kept.token
        if installation is None:
            installation = self._installation_of(repository, ask)
        try:
            answer = _mint(ask, installation, {"repositories": [repository.partition("/")[2]]}, permissions, repository)
        except UnprocessableAnswerError:
            # GitHub has it under another name, so the installation that it is in now is asked by the repository's id.
            installation = self._installation_of(repository, ask)
            answer = _mint(
                ask,
                installation,
                {"repository_ids": [self._id_of(repository, installation, ask)]},
                permissions,
                repository,
            )
        fresh = _Token.model_validate(answer)
        with self._lock:
            self._tokens[key] = fresh
            self._installations[repository] = installation
        return fresh.token

    @staticmethod
    def _installation_of(repository: Repository, ask: AskAsApp) -> int:
        answer = ask(
            "GET",
            f"/repos/{repository}/installation",
            None,
            doing="use the App on this repository",
            repository=repository,
        )
        return _Installation.model_validate(answer).id

    @staticmethod
    def _id_of(repository: Repository, installation: int, ask: AskAsApp) -> int:
        """Ask for a repository's id with a token that may only read names and is not kept."""
        answer = _mint(ask, installation, {}, {"metadata": "read"}, repository)
        told = ask(
            "GET",
            f"/repos/{repository}",
            None,
            doing="read the repository",
            repository=repository,
            token=_Token.model_validate(answer).token,
        )
        return _Repository.model_validate(told).id

    def forget(self, repository: Repository, *, older: timedelta | None = None) -> bool:
        """Throw away the tokens of a repository; with `older` only if one is older than that.

        Tell whether there were any.
        """
        with self._lock:
            kept = {key: token for key, token in self._tokens.items() if key[0] == repository}
            if older is not None and not any(self._now() - token.made_at > older for token in kept.values()):
                return False
            self._installations.pop(repository, None)
            for key in kept:
                del self._tokens[key]
        return bool(kept)


def _mint(
    ask: AskAsApp,
    installation: int,
    narrowed: Mapping[str, object],
    permissions: Mapping[str, str] | None,
    repository: Repository,
) -> object:
    """Ask for a token; 422 where the installation has no repository of that name."""
    return ask(
        "POST",
        f"/app/installations/{installation}/access_tokens",
        {**narrowed, **({"permissions": dict(permissions)} if permissions else {})},
        doing="make a token of the App for this repository",
        repository=repository,
    )
