"""The GitHub double as one object: its address, its people, and what they do.

Tests and the demo use it; the product sees only its HTTP. It lives on the git server's bare repositories, and hears
of pushes over HTTP from there.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from devstack.bare import Files
from devstack.faults import REQUEST_KEY, Answer, Fault, FaultLayer, Request
from devstack.git_backend import RefUpdate
from devstack.git_http import PATH as GIT_PATH
from devstack.git_http import GitServer
from devstack.github.access import ACTIONS_KEY
from devstack.github.actions import Actions
from devstack.github.app import shared_app
from devstack.github.hooks import Courier
from devstack.github.limits import Limits
from devstack.github.pages import create_pages
from devstack.github.people import People
from devstack.github.state import ALL_PERMISSIONS, Hook, Installation, Level, Repository, State, Token, now
from devstack.serving import LoopbackServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from flask import Flask


LIMIT_DOCS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"


Forbidden = Literal["address", "saml", "archived", "suspended"]
FORBIDDEN: Mapping[Forbidden, str] = {
    "address": "Although you appear to have the correct authorization credentials, the `acme` organization has an IP "
    "allow list enabled, and your IP address is not permitted to access this resource.",
    "saml": "Resource protected by organization SAML enforcement. You must grant your OAuth token access to this "
    "organization.",
    "archived": "Repository was archived so is read-only.",
    "suspended": "This installation has been suspended",
}
"""GitHub's words with a 403 that no permission would change."""


class Validator(Protocol):
    """Judges requests and answers of the API; each method says what is wrong, or gives None."""

    def check_request(self, request: Request) -> str | None:
        """Judge a request, also one that a fault answers."""

    def check_answer(self, request: Request, answer: Answer) -> str | None:
        """Judge the double's own answer."""


class GitHub(People):
    """GitHub on loopback: `api_url` for clients, Python methods for what people do.

    `faults` plants faults in front of the API and lists its requests; `violations` is what a validator found wrong.
    """

    def __init__(self, git: GitServer, *, port: int = 0, validator: Validator | None = None) -> None:
        self.git = git
        state = State()
        courier = Courier(state)
        super().__init__(state, courier, Actions(state, courier, git.tokens))
        self.violations: list[str] = []
        self._validator = validator
        self._flask = shared_app()
        self.faults = FaultLayer(self._answer, on_request=self._validate)
        self._server = LoopbackServer(self._dispatch, port=port)
        self.state.base_url, self.state.git_url = self._server.url, git.url
        git.listeners.append(self._pushed)

    @functools.cached_property
    def _pages(self) -> Flask:
        return create_pages(self.state)

    @property
    def url(self) -> str:
        """The host's address: it has the pages for people, and repositories can be cloned from it too."""
        return self._server.url

    @property
    def api_url(self) -> str:
        """The base address of the REST API, as a client's `base_url` wants it."""
        return f"{self.url}/api/v3"

    def create_repository(
        self,
        full_name: str,
        files: Files | None = None,
        *,
        branches: Iterable[str] = (),
        default_branch: str = "main",
        private: bool = True,
    ) -> Repository:
        """Create a repository of an organisation; files become the first commit, at which all branches start."""
        bare = self.git.create(full_name, default_branch)
        self.state.organisations.add(full_name.partition("/")[0])
        with self.state.lock:
            at = now()
            repo = Repository(self.state.next_id(), full_name, bare, default_branch, private, at, at)
            self.state.repositories[full_name] = repo
        if files is not None:
            first = bare.commit_files(default_branch, files, "Begin")
            for branch in branches:
                if branch != default_branch:
                    bare.update_ref(f"refs/heads/{branch}", first)
        return repo

    def rename(self, old: str, new: str) -> None:
        """Rename a repository, or transfer it to another owner; its old name redirects to it until it is used again."""
        repo = self.repository(old)
        with self.state.lock:
            was = repo.full_name
            repo.bare = self.git.rename(was, new)
            del self.state.repositories[was]
            repo.full_name, self.state.repositories[new] = new, repo
            self.state.organisations.add(repo.owner)
            self.state.moved[was.lower()] = repo.id
            self.actions.follow(was, new)

    def add_token(
        self,
        text: str,
        user: str = "mergeport-bot",
        *,
        permissions: Mapping[str, Level] | None = None,
        repositories: Iterable[str] | None = None,
    ) -> Token:
        """Make a token valid for API and git: all permissions and repositories, unless narrowed."""
        where = None if repositories is None else frozenset(repositories)
        granted = dict(ALL_PERMISSIONS if permissions is None else {"metadata": "read", **permissions})
        token = Token(text, self.state.user(user), granted, where)
        self.actions.add_token(token)
        return token

    def install_app(self, app_id: int, owner: str, permissions: Mapping[str, Level] | None = None) -> Installation:
        """Install the App on all of an owner's repositories."""
        granted = dict(ALL_PERMISSIONS if permissions is None else permissions)
        installation = Installation(self.state.next_id(), app_id, owner, granted)
        self.state.installations[installation.id] = installation
        return installation

    def revoke_tokens(self) -> None:
        """Revoke all tokens of Apps before their time, as GitHub does when a key leaks."""
        self.actions.revoke(one for one in list(self.state.tokens.values()) if one.installation is not None)

    def forbid(self, kind: Forbidden, *, method: str = "*", path: str = "", times: int = 1) -> Fault:
        """Answer the next requests with 403 for another reason than a missing permission."""
        body = json.dumps({"message": FORBIDDEN[kind], "documentation_url": "https://docs.github.com/rest"}).encode()
        headers = [("Content-Type", "application/json; charset=utf-8")]
        if kind == "saml":
            headers.append(("X-GitHub-SSO", "required; url=https://github.com/orgs/acme/sso"))
        answer = Answer("403 Forbidden", tuple(headers), body)
        return self.faults.plant(Fault(method, re.compile(path), times, answer=answer))

    def add_hook(
        self, full_name: str, url: str, secret: str | None, events: Iterable[str] = ("push", "pull_request")
    ) -> Hook:
        """Configure a web hook, which is pinged at once."""
        repo = self.repository(full_name)
        return self.actions.add_hook(repo, url, secret, events, sender=self.state.user("admin"))

    @property
    def limits(self) -> Limits:
        """What it counts of each caller's calls, and whether it refuses those that are too many."""
        return self.actions.limits

    def limit_primary(self, *, method: str = "*", path: str = "", times: int = 1, reset_in: int = 60) -> Fault:
        """Answer the next requests as GitHub does when the hour's limit is used up."""
        headers = {
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Used": "5000",
            "X-RateLimit-Reset": str(int(time.time()) + reset_in),
            "X-RateLimit-Resource": "core",
        }
        return self._limit("API rate limit exceeded for user ID 1001.", headers, method, path, times)

    def limit_secondary(
        self, *, method: str = "*", path: str = "", times: int = 1, retry_after: int | None = 60
    ) -> Fault:
        """Answer the next requests as GitHub does when too much comes at once."""
        headers = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4900"}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        return self._limit(text, headers, method, path, times)

    def _limit(self, message: str, headers: dict[str, str], method: str, path: str, times: int) -> Fault:
        body = json.dumps({"message": message, "documentation_url": LIMIT_DOCS}).encode()
        all_headers = (("Content-Type", "application/json; charset=utf-8"), *headers.items())
        return self.faults.plant(
            Fault(method, re.compile(path), times, answer=Answer("403 Forbidden", all_headers, body))
        )

    def stop(self) -> None:
        """Release what hangs, end the courier, stop listening."""
        self.faults.clear()
        self.courier.stop()
        self.actions.blobs.stop()
        self._server.stop()

    def _dispatch(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith("/api/"):
            environ["PATH_INFO"] = self._by_id(path)
            return self.faults(environ, start_response)
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} or GIT_PATH.match(path):
            return self.git.faults(environ, start_response)
        return self._pages(environ, start_response)

    def _validate(self, request: Request) -> None:
        if self._validator is not None:
            self._note(request, self._validator.check_request(request))

    def _by_id(self, path: str) -> str:
        """Turn a path that names the repository by its id, as GitHub's redirects do, into the usual one."""
        found = re.match(r"^(/api/v3)/repositories/(\d+)(/.*)?$", path)
        number = int(found[2]) if found else None
        repo = next((one for one in self.state.repositories.values() if one.id == number), None)
        return f"{found[1]}/repos/{repo.full_name}{found[3] or ''}" if found and repo else path

    def _moved(self, environ: WSGIEnvironment) -> Answer | None:
        """Redirect a repository's old name to its id: reads for good, writes temporarily, keeping their method."""
        found = re.match(r"^/api/v3/repos/([^/]+/[^/]+)(/.*)?$", environ.get("PATH_INFO", ""))
        number = self.state.moved.get(found[1].lower()) if found and not self.state.find(found[1]) else None
        if found is None or number is None:
            return None
        query = environ.get("QUERY_STRING", "")
        there = f"{self.api_url}/repositories/{number}{found[2] or ''}{'?' if query else ''}{query}"
        status = "301 Moved Permanently" if environ["REQUEST_METHOD"] == "GET" else "307 Temporary Redirect"
        body = json.dumps({"message": "Moved Permanently", "url": there}).encode()
        return Answer(status, (("Location", there), ("Content-Type", "application/json; charset=utf-8")), body)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Let the application answer, and let the validator judge the answer."""
        if moved := self._moved(environ):
            start_response(moved.status, list(moved.headers))
            return [moved.body]
        environ[ACTIONS_KEY] = self.actions
        if self._validator is None:
            return self._flask(environ, start_response)
        held: list[tuple[str, list[tuple[str, str]]]] = []

        def hold(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
            held.append((status, headers))
            return start_response(status, headers)

        body = b"".join(self._flask(environ, hold))
        status, headers = held[-1]
        request: Request = environ[REQUEST_KEY]
        self._note(request, self._validator.check_answer(request, Answer(status, tuple(headers), body)))
        return [body]

    def _note(self, request: Request, wrong: str | None) -> None:
        if wrong:
            self.violations.append(f"{request.method} {request.path}: {wrong}")

    def _pushed(self, repository: str, user: str, updates: list[RefUpdate]) -> None:
        repo = self.state.repositories.get(repository)
        if repo is not None:
            self.actions.moved(repo, updates, self.state.user(user))
