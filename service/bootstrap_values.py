"""Joins what `mergeport values commit` needs: one repository by its address, and GitHub for its pull request.

Called only by that command. It is separate from `bootstrap` because it needs no settings, no database and no
configuration: everything comes from the command line and from a few environment variables.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.adapters.git.ssh import SshLogin, split_scp
from service.adapters.manifests.git import GitManifestRepositories
from service.adapters.urls import parts_of
from service.core.words import Actor, Repository
from service.errors import Fault, SettingsError
from service.ports import Credentials, Manifests, PullRequests
from service.settings_reader import Reader

_GITHUB = "github.com"
_REPOSITORY = re.compile(r"/*(?P<name>[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+?)(?:\.git)?/?")


@dataclass(frozen=True, slots=True)
class Environment:
    """The command's settings from the environment. No repr shows the secrets."""

    token: str | None
    committer: Actor
    signing_key: Path | None
    ca_file: Path | None
    ssh_key: Path | None
    known_hosts: Path | None
    api_url: str | None
    server_host: str
    server_api_url: str

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"Environment(committer={self.committer})"


def read_environment(environ: Mapping[str, str], url: str) -> Environment:
    """Read the variables; raise SettingsError with everything that is wrong.

    The workflow's own GITHUB_TOKEN is sent only to its own server and to github.com.
    """
    reader = Reader(environ)
    found = _read(reader, environ, url)
    if reader.faults:
        raise SettingsError("the environment is wrong", reader.faults, code="settings-invalid")
    return found


def names() -> frozenset[str]:
    """Give the name of every variable of ours that is read, those that name a file with a secret included."""
    reader = Reader({})
    _read(reader, {}, "")
    return frozenset(reader.known)


def _read(reader: Reader, environ: Mapping[str, str], url: str) -> Environment:
    server = parts_of(environ.get("GITHUB_SERVER_URL", "")).netloc
    ours = _host(url) in {_GITHUB, server}
    token = reader.secret("GIT_TOKEN") or (environ.get("GITHUB_TOKEN", "").strip() if ours else None) or None
    name, email = reader.line("COMMITTER_NAME", "Mergeport"), reader.line("COMMITTER_EMAIL", "mergeport@localhost")
    if token and not (token.isascii() and token.isprintable()):
        reader.add("GIT_TOKEN", "is not a token", "it is one line of plain characters")
    return Environment(
        token=token,
        committer=Actor(name, email),
        signing_key=reader.file("SIGNING_KEY_FILE"),
        ca_file=reader.certificates("CA_FILE"),
        ssh_key=reader.file("SSH_KEY_FILE"),
        known_hosts=reader.file("KNOWN_HOSTS_FILE"),
        api_url=reader.url("GITHUB_API_URL"),
        server_host=server,
        server_api_url=environ.get("GITHUB_API_URL", ""),
    )


def open_values(
    url: str, environment: Environment, directory: Path, *, ssh_key: Path | None = None, known_hosts: Path | None = None
) -> Manifests:
    """Open the repository at an address, with its mirror in the directory. No request is made yet."""
    key, hosts = ssh_key or environment.ssh_key, known_hosts or environment.known_hosts
    if (key is None) != (hosts is None):
        missing = "--known-hosts or MERGEPORT_KNOWN_HOSTS_FILE" if key else "--ssh-key or MERGEPORT_SSH_KEY_FILE"
        fault = Fault(missing, "is missing", "SSH needs a key file and a known hosts file")
        raise SettingsError("half of the settings for SSH are missing", [fault], code="settings-invalid")
    credentials = Credentials("x-access-token", environment.token) if environment.token else None

    def credentials_for(repository: Repository, *, write: bool = False) -> Credentials | None:  # noqa: ARG001 - the port's
        return credentials

    repositories = GitManifestRepositories(
        directory,
        lambda _: url,
        credentials_for,
        ca_file=_trusted(environment, directory),
        ssh_login=SshLogin(key.absolute(), hosts.absolute()) if key and hosts else None,
        signing_key=environment.signing_key,
    )
    return repositories.open(Repository(f"values/{hashlib.sha256(url.encode()).hexdigest()[:16]}"))


def github_repository(url: str) -> Repository | None:
    """Give OWNER/NAME of an address of GitHub's form; None for any other."""
    scp = split_scp(url)
    found = _REPOSITORY.fullmatch(scp[1] if scp else parts_of(url).path)
    return Repository(found["name"]) if found else None


def open_forge(url: str, environment: Environment, directory: Path) -> PullRequests:
    """Give the GitHub that an address belongs to: github.com, the workflow's own server, or HOST/api/v3."""
    from service.adapters.forges.github import GitHub, TokenLogin  # noqa: PLC0415 - heavy, and for pull requests only

    if environment.token is None:
        fault = Fault("MERGEPORT_GIT_TOKEN", "is missing", "a pull request needs a token that may open one")
        raise SettingsError("there is no token", [fault], code="settings-missing")
    ca_file = _trusted(environment, directory)
    return GitHub(
        TokenLogin(environment.token),
        api_url=_api_url(url, environment),
        ca_file=str(ca_file) if ca_file else None,
    )


def _api_url(url: str, environment: Environment) -> str:
    host, scheme = _host(url), "http" if url.startswith("http://") else "https"
    if environment.api_url:
        return environment.api_url
    if environment.server_api_url and host == environment.server_host:
        return environment.server_api_url
    return f"https://api.{_GITHUB}" if host == _GITHUB else f"{scheme}://{host}/api/v3"


def _host(url: str) -> str:
    """Give the host, with the port of an HTTP address, because another port is another server."""
    if scp := split_scp(url):
        return scp[0]
    parts = parts_of(url)
    return (parts.hostname or "") if parts.scheme == "ssh" else parts.netloc.rpartition("@")[2]


def _trusted(environment: Environment, directory: Path) -> Path | None:
    if environment.ca_file is None:
        return None
    from service.adapters.certificates import trusted_with  # noqa: PLC0415 - heavy, and seldom needed

    return trusted_with(environment.ca_file, directory)
