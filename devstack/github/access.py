"""Finds out who calls the GitHub double and what that caller may do, and refuses as GitHub does.

Used by every route. The caller's token is in `flask.g` for the time of one request.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import cast

from flask import g, request

from devstack.github.actions import Actions
from devstack.github.refusal import RefusalError, not_found
from devstack.github.state import Level, Repository, State, Token, User

APP_TOKEN_LIFE = 600
"""Seconds: GitHub refuses an App's own token that is valid for longer."""
CLOCK_DRIFT = 60
ACTIONS_KEY = "devstack.github.actions"
"""The key of the WSGI environment under which the routes find their double: one application serves all of them."""


def actions() -> Actions:
    """Return what the routes act with."""
    return cast(Actions, request.environ[ACTIONS_KEY])


def state() -> State:
    """Return what the double knows."""
    return actions().state


def identify() -> None:
    """Find the caller's token and keep it for this request; a wrong one is refused at once."""
    g.token = None
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if not text or request.path.endswith("/access_tokens") or text.count(".") == 2:  # noqa: PLR2004 # an App's own token: checked by `app_id`
        return
    if scheme.lower() == "basic":
        text = base64.b64decode(text).decode().partition(":")[2]
    token = state().tokens.get(text)
    if token is None or (token.expires_at is not None and token.expires_at < _now()):
        raise RefusalError(401, "Bad credentials")
    g.token = token
    if not request.path.endswith("/rate_limit"):
        actions().limits.take(token, request.method)


def caller() -> User:
    """Return the account behind the request; refuses strangers."""
    return token().user


def token() -> Token:
    """Return the token of the request; refuses strangers."""
    if g.token is None:
        raise RefusalError(401, "Requires authentication")
    return cast(Token, g.token)


def repository(owner: str, name: str, permission: str = "metadata", level: Level = "read") -> Repository:
    """Return a repository if the caller has the permission: 404 if it may not see it, 403 if it needs more."""
    repo = state().find(f"{owner}/{name}")
    if repo is None or (repo.private and (g.token is None or not g.token.sees(repo.full_name))):
        raise not_found()
    if g.token is None or not g.token.may(permission, level):
        if g.token is None and level == "read":
            return repo
        kind = "integration" if g.token is not None and g.token.installation else "personal access token"
        raise RefusalError(403, f"Resource not accessible by {kind}")
    return repo


def app_id() -> int:
    """Return the App that signed the request's own token; its times are checked, its signature is not."""
    text = request.headers.get("Authorization", "").partition(" ")[2]
    try:
        payload = text.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        issued, expires, issuer = int(claims["iat"]), int(claims["exp"]), int(claims["iss"])
    except (IndexError, ValueError, KeyError, TypeError, binascii.Error) as error:
        raise RefusalError(401, "A JSON web token could not be decoded") from error
    current = time.time()
    if expires < current or issued > current + CLOCK_DRIFT:
        raise RefusalError(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time")
    if expires > current + APP_TOKEN_LIFE + CLOCK_DRIFT:
        raise RefusalError(401, "'Expiration time' claim ('exp') is too far in the future")
    return issuer


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
