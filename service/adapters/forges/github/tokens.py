"""With which token a call is made: one given token, or an App's installation tokens.

Used by the connection. An installation token is narrowed to the one repository of the call, kept until five
minutes before its end, and never written anywhere. It makes no request itself: it is given how to ask.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from github.Auth import AppAuth
from pydantic import BaseModel

from service.core.words import Repository

RENEWED_BEFORE = timedelta(minutes=5)


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
        self, method: str, path: str, body: Mapping[str, object] | None, *, doing: str, repository: Repository
    ) -> object:
        """Give the answer's JSON."""
        ...


class _Installation(BaseModel):
    id: int


class _Token(BaseModel):
    token: str
    expires_at: datetime


class InstallationTokens:
    """An App's tokens, one a repository and set of permissions. Thread-safe; two threads may both renew one."""

    def __init__(self, login: AppLogin, now: Callable[[], datetime]) -> None:
        """Keep the App's key; nothing is asked yet."""
        self._app = AppAuth(login.app_id, login.private_key)
        self._now = now
        self._lock = threading.Lock()
        self._installations: dict[Repository, int] = {}
        self._tokens: dict[tuple[Repository, str], _Token] = {}

    def own(self) -> str:
        """Give the App's own token, signed now."""
        return self._app.token

    def of(self, repository: Repository, ask: AskAsApp, permissions: Mapping[str, str] | None = None) -> str:
        """Give a token for one repository, with all of the App's permissions or only some."""
        key = (repository, ",".join(f"{name}:{level}" for name, level in sorted((permissions or {}).items())))
        with self._lock:
            kept = self._tokens.get(key)
            installation = self._installations.get(repository)
        if kept is not None and kept.expires_at - self._now() > RENEWED_BEFORE:
            return kept.token
        if installation is None:
            answer = ask(
                "GET",
                f"/repos/{repository}/installation",
                None,
                doing="use the App on this repository",
                repository=repository,
            )
            installation = _Installation.model_validate(answer).id
        body: dict[str, object] = {"repositories": [repository.partition("/")[2]]}
        if permissions:
            body["permissions"] = dict(permissions)
        answer = ask(
            "POST",
            f"/app/installations/{installation}/access_tokens",
            body,
            doing="make a token of the App for this repository",
            repository=repository,
        )
        fresh = _Token.model_validate(answer)
        with self._lock:
            self._tokens[key] = fresh
            self._installations[repository] = installation
        return fresh.token

    def forget(self, repository: Repository) -> None:
        """Throw away what is kept for a repository, after GitHub refused it."""
        with self._lock:
            self._installations.pop(repository, None)
            for key in [key for key in self._tokens if key[0] == repository]:
                del self._tokens[key]
