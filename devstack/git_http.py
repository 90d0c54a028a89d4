"""Git over HTTP with passwords: git's own `http-backend` behind a WSGI application.

Used by the GitHub double, which gives it the tokens and gets its pushes, and without it by tests of the manifest
writer. Protocol version 2, partial clones and compressed bodies work. It knows nothing of pull requests.
"""

from __future__ import annotations

import base64
import binascii
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from devstack import git_refs
from devstack.bare import BareRepository, git_environment
from devstack.faults import FaultLayer
from devstack.git_backend import CHUNK, RefUpdate, Stream, read_head, updates_of
from devstack.serving import LoopbackServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATH = re.compile(
    r"^/(?P<repository>[^/]+/[^/]+?)(?:\.git)?/(?P<rest>info/refs|git-upload-pack|git-receive-pack|HEAD|objects/.*)$"
)
POST_RECEIVE = '#!/bin/sh\n[ -z "$DEVSTACK_RECEIVED" ] || exec cat >>"$DEVSTACK_RECEIVED"\n'
_NO_CACHE = (
    ("Expires", "Fri, 01 Jan 1980 00:00:00 GMT"),
    ("Pragma", "no-cache"),
    ("Cache-Control", "no-cache, max-age=0, must-revalidate"),
)
PROBE_LENGTH = 4
"""What a client with a large body sends first, to see whether it may: a bare flush packet."""


@dataclass(frozen=True, slots=True)
class GitAccess:
    """What a token may do: read or also write, in all repositories or in some."""

    user: str
    write: bool = True
    repositories: frozenset[str] | None = None

    def sees(self, repository: str) -> bool:
        """Tell whether the token reaches this repository at all; GitHub's names ignore case."""
        return self.repositories is None or repository.lower() in {name.lower() for name in self.repositories}


@dataclass(slots=True)
class GitRequest:
    """One request as the git server saw it. `updates` is what a push changed."""

    method: str
    path: str
    service: str
    user: str
    repository: str
    status: int = 0
    length: int = 0
    updates: list[RefUpdate] = field(default_factory=list)


PushListener = Callable[[str, str, list[RefUpdate]], None]
"""Called after a push with repository, user and what moved, before the client has its answer."""


class GitServer:
    """Bare repositories below a directory, served at `url`/OWNER/NAME.git.

    `tokens` maps a password to what it may; `faults` plants faults; `log` has every request.
    """

    def __init__(self, directory: Path, *, port: int = 0) -> None:
        self.directory = directory.resolve()
        directory.mkdir(parents=True, exist_ok=True)
        self.tokens: dict[str, GitAccess] = {}
        self.closed: dict[str, str] = {}
        """Repositories that answer 403 to everybody with this sentence, as with an IP allow list or single sign-on."""
        self.log: list[GitRequest] = []
        self.listeners: list[PushListener] = []
        self.faults = FaultLayer(self._serve, record_bodies=False)
        self._abilities: dict[bytes, tuple[list[tuple[str, str]], bytes]] = {}
        self.moved: dict[str, str] = {}
        """Former names of repositories, in small letters, and their present names."""
        self._server = LoopbackServer(self.faults, port=port)

    @property
    def url(self) -> str:
        """The base address: a repository is at `url`/OWNER/NAME.git."""
        return self._server.url

    def remote(self, repository: str, token: str | None = None) -> str:
        """Return a repository's address, with the token in it when one is given (for people's clones in tests)."""
        if token is None:
            return f"{self.url}/{repository}.git"
        return f"{self.url.replace('://', f'://x-access-token:{token}@')}/{repository}.git"

    def create(self, repository: str, default_branch: str = "main") -> BareRepository:
        """Make an empty repository OWNER/NAME."""
        bare = BareRepository.create(self.path(repository), default_branch)
        bare.install_hook("post-receive", POST_RECEIVE)
        return bare

    def open(self, repository: str) -> BareRepository:
        """Return an existing repository; raise KeyError when there is none."""
        if not self.path(repository).is_dir():
            raise KeyError(repository)
        return BareRepository(self.path(repository))

    def path(self, repository: str) -> Path:
        """Return the directory of a repository OWNER/NAME, in whatever case it was made."""
        owner, _, name = repository.partition("/")
        if not owner or not name or "/" in name or owner.startswith(".") or name.startswith("."):
            raise KeyError(repository)
        asked = self.directory / owner / f"{name}.git"
        if asked.is_dir():
            return asked
        made = (one for one in self.directory.glob("*/*.git") if _name_of(one).lower() == repository.lower())
        return next(made, asked)

    def rename(self, old: str, new: str) -> BareRepository:
        """Give a repository another name or owner; requests for the old one are redirected to the new one."""
        there = self.directory / f"{new}.git"
        there.parent.mkdir(exist_ok=True)
        self.path(old).rename(there)
        self.moved = {name: new if now == old else now for name, now in self.moved.items()} | {old.lower(): new}
        return BareRepository(there)

    def repositories(self) -> list[str]:
        """List all repositories as OWNER/NAME."""
        return sorted(_name_of(path) for path in self.directory.glob("*/*.git"))

    def install_hook(self, repository: str, name: str, script: str) -> None:
        """Install a server-side hook; `post-receive` is the server's own."""
        if name == "post-receive":
            raise ValueError("post-receive is how the server learns of pushes")
        self.open(repository).install_hook(name, script)

    def pushes(self, repository: str | None = None) -> list[GitRequest]:
        """Return the pushes that moved at least one ref, oldest first."""
        return [seen for seen in list(self.log) if seen.updates and repository in {None, seen.repository}]

    def push_attempts(self, repository: str | None = None) -> list[GitRequest]:
        """Return all pushes that were sent, refused ones too."""
        return [
            seen
            for seen in list(self.log)
            if seen.method == "POST"
            and seen.service == "git-receive-pack"
            and seen.length != PROBE_LENGTH
            and repository in {None, seen.repository}
        ]

    def stop(self) -> None:
        """Release what hangs and stop listening."""
        self.faults.clear()
        self._server.stop()

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        match = PATH.match(path)
        query = parse_qs(environ.get("QUERY_STRING", ""))
        service = query.get("service", [path.rsplit("/", 1)[-1]])[0]
        repository = self._written(match["repository"]) if match else ""
        access = self._authenticate(environ)
        seen = GitRequest(method, path, service, access.user if access else "", repository)
        self.log.append(seen)
        now = self.moved.get(repository.lower(), "") if access and not self.path(repository).is_dir() else ""
        if match and now:
            seen.status = 301
            query_string = environ.get("QUERY_STRING", "")
            there = f"{self.url}/{now}.git/{match['rest']}{'?' if query_string else ''}{query_string}"
            start_response("301 Moved Permanently", [("Location", there), ("Content-Length", "0")])
            return [b""]
        refusal = self._refusal(access, repository, service)
        if refusal:
            seen.status = int(refusal[:3])
            headers = [("Content-Type", "text/plain; charset=utf-8")]
            if seen.status == 401:  # noqa: PLR2004 # HTTP's own number
                headers.append(("WWW-Authenticate", 'Basic realm="GitHub"'))
            start_response(refusal, headers)
            sentence = self.closed.get(repository, "") if seen.status == 403 else ""  # noqa: PLR2004 # HTTP's own number
            return [(sentence or refusal).encode()]
        assert match is not None  # noqa: S101 # _refusal has answered 404
        asked = (environ.get("HTTP_GIT_PROTOCOL"), service, match["rest"])
        if asked == ("version=2", "git-upload-pack", "info/refs"):
            return self._tell_abilities(environ, start_response, seen)
        return self._backend(environ, start_response, seen, match["rest"])

    def _tell_abilities(
        self, environ: WSGIEnvironment, start_response: StartResponse, seen: GitRequest
    ) -> Iterable[bytes]:
        """Answer the first request of a fetch with git's earlier answer, because only the configuration decides it."""
        configuration = (self.path(seen.repository) / "config").read_bytes()
        if known := self._abilities.get(configuration):
            seen.status = HTTPStatus.OK
            start_response("200 OK", known[0])
            return iter([known[1]])  # without a length, as git itself answers: the connection ends after it
        told: list[list[tuple[str, str]]] = []

        def listen(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
            told.append(headers)
            return start_response(status, headers)

        stream = self._backend(environ, listen, seen, "info/refs")
        body = b"".join(stream)
        if isinstance(stream, Stream):
            stream.close()
        if seen.status == HTTPStatus.OK:
            self._abilities[configuration] = (told[-1], body)
        return iter([body])

    def _written(self, repository: str) -> str:
        """Give a repository's name as it was created, in whatever case it is asked for; unchanged if there is none."""
        with suppress(KeyError):
            path = self.path(repository)
            return _name_of(path) if path.is_dir() else repository
        return repository

    def _refusal(self, access: GitAccess | None, repository: str, service: str) -> str:
        if access is None:
            return "401 Unauthorized"
        if not repository or not self.path(repository).is_dir() or not access.sees(repository):
            return "404 Not Found"
        if repository in self.closed or (service == "git-receive-pack" and not access.write):
            return "403 Forbidden"
        return ""

    def _authenticate(self, environ: WSGIEnvironment) -> GitAccess | None:
        scheme, _, text = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            _user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return self.tokens.get(password)

    def _backend(
        self, environ: WSGIEnvironment, start_response: StartResponse, seen: GitRequest, rest: str
    ) -> Iterable[bytes]:
        body = tempfile.TemporaryFile()  # noqa: SIM115 # closed below or by the stream
        while chunk := environ["wsgi.input"].read(CHUNK):
            body.write(chunk)
        seen.length = body.tell()
        body.seek(0)
        if (environ.get("HTTP_GIT_PROTOCOL"), rest) == ("version=2", "git-upload-pack") and seen.length <= CHUNK:
            question = body.read()
            if git_refs.is_question(question):
                body.close()
                seen.status = HTTPStatus.OK
                start_response("200 OK", [("Content-Type", "application/x-git-upload-pack-result"), *_NO_CACHE])
                return iter([git_refs.answer(self.path(seen.repository), question)])
            body.seek(0)
        with tempfile.NamedTemporaryFile(dir=self.directory, prefix="received-") as received:
            process = subprocess.Popen(
                ["git", "http-backend"],
                stdin=body,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._cgi(environ, seen, rest, received.name),
            )
            assert process.stdout is not None  # noqa: S101 # asked for above
            status, headers = read_head(process.stdout)
            seen.status = int(status[:3])
            if seen.service != "git-receive-pack" or seen.method != "POST":
                start_response(status, headers)
                return Stream(process, process.stdout, body)
            answer = process.stdout.read()
            process.stdout.close()
            process.wait()
            body.close()
            seen.updates = updates_of(Path(received.name).read_text(encoding="utf-8"))
        if seen.updates:
            for listener in self.listeners:
                listener(seen.repository, seen.user, seen.updates)
        start_response(status, [*headers, ("Content-Length", str(len(answer)))])
        return [answer]

    def _cgi(self, environ: WSGIEnvironment, seen: GitRequest, rest: str, received: str) -> dict[str, str]:
        env = git_environment(
            GIT_PROJECT_ROOT=str(self.directory),
            GIT_HTTP_EXPORT_ALL="1",
            DEVSTACK_RECEIVED=received,
            PATH_INFO=f"/{seen.repository}.git/{rest}",
            REMOTE_USER=seen.user,
            REMOTE_ADDR="127.0.0.1",
            REQUEST_METHOD=seen.method,
            QUERY_STRING=environ.get("QUERY_STRING", ""),
            CONTENT_TYPE=environ.get("CONTENT_TYPE", ""),
            CONTENT_LENGTH=str(seen.length),
        )
        for name, header in (("GIT_PROTOCOL", "HTTP_GIT_PROTOCOL"), ("HTTP_CONTENT_ENCODING", "HTTP_CONTENT_ENCODING")):
            if header in environ:
                env[name] = environ[header]
        return env


def _name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name[:-4]}"
