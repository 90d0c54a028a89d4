"""The other side of git: its address, how we prove who we are, and what its failures mean.

Used by the driver (environment, redaction) and by the mirrors and the checkout (judging a failed command). A failure
is judged by asking the server itself over HTTP; git's words are looked at last. The secret is in no argv and no URL.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from service.adapters.git import ssh
from service.adapters.git.answers import READ, WORDS_LENGTH, meaning, told_by
from service.adapters.urls import parts_of
from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from service.ports import Credentials

if TYPE_CHECKING:
    import requests

_PROBE_TIMEOUT = 15.0
_WOBBLED = (
    "RPC failed",
    "unable to access",
    "hung up unexpectedly",
    "unexpected disconnect",
    "early EOF",
    "Connection reset",
    "Connection timed out",
    "Could not resolve host",
    "Authentication failed",
    "could not read Username",
    "' not found",
    "is this a git repository",
    "invalid server response",
    "invalid content-type",
    "protocol error",
    "bad line length",
    "expected flush",
    "unable to update url base from redirection",
)
"""git's words for a broken line, or a server that did not answer as usual. They count only if the server, asked again,
answers well."""
_LAST_WORDS = 3
_NAME = re.compile(r"[\w-]+/[\w.-]+")
"""GitHub's short form of a repository, which is no address."""
_NOT_IN_AN_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f\"\\#;]")
"""The address is written into the mirror's configuration, where these characters are special."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository's address and the credentials for it, checked when made.

    HTTPS and SSH go anywhere, plain HTTP only to this machine itself, since a token would travel in the open.
    """

    url: str
    credentials: Credentials | None = None
    ca_file: Path | None = None
    """The certificate authorities to trust; git's own where None."""
    ssh_login: ssh.SshLogin | None = None
    """Needed for an SSH address, which may also be written as `git@host:path`."""

    def __post_init__(self) -> None:
        if not self.url:
            raise _refused('""', "it is empty")
        if _NOT_IN_AN_ADDRESS.search(self.url):
            raise _refused(self.place, "it has a character that is not allowed in an address")
        if ssh.split_scp(self.url):
            return
        parts = parts_of(self.url)
        if (parts.username and parts.scheme != "ssh") or parts.password:
            raise _refused(self.place, "it contains a user or password")
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise _refused(self.place, "plain HTTP is allowed only to this machine itself")
        if "://" in self.url.lstrip(":/") and not parts.scheme:
            raise _refused(self.place, "its host is invalid")
        if parts.scheme not in {"https", "http", "ssh"}:
            hint = f"https://github.com/{self.url.removesuffix('.git')}.git" if _NAME.fullmatch(self.url) else ""
            raise _refused(self.place, "it is neither HTTPS nor SSH", hint)
        if not parts.hostname or parts.hostname.startswith("-"):
            raise _refused(self.place, "it has no host")

    @property
    def protocol(self) -> str:
        """The only protocol that git may use for it, except that HTTP may be redirected to HTTPS."""
        if self.over_ssh:
            return "ssh"
        return "http:https" if parts_of(self.url).scheme == "http" else "https"

    @property
    def over_ssh(self) -> bool:
        """Whether git reaches it over SSH."""
        return ssh.split_scp(self.url) is not None or parts_of(self.url).scheme == "ssh"

    @property
    def place(self) -> str:
        """The address for people, without any user part."""
        if found := ssh.split_scp(self.url):
            return ":".join(found)
        parts = parts_of(self.url)
        if not parts.scheme:
            return self.url.rpartition("@")[2]
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def configuration(self) -> Iterable[tuple[str, str]]:
        """Give git's settings that carry the credentials, for this address alone.

        A header rather than a prompt: it saves the round trip that ends in 401 and reaches lazy fetches too.
        PermanentError `git-ssh-key-missing` for an SSH address without a login, because no other key is ever used.
        """
        if self.over_ssh:
            if self.ssh_login is None:
                raise _no_login(self.place)
            yield from self.ssh_login.configuration()
        elif self.credentials is not None:
            yield f"http.{self.url}.extraHeader", f"Authorization: Basic {self._basic}"

    @property
    def _basic(self) -> str:
        assert self.credentials is not None  # noqa: S101 # callers have looked
        return base64.b64encode(f"{self.credentials.username}:{self.credentials.secret}".encode()).decode()

    def redact(self, text: str) -> str:
        """Remove from a text the secret, in each form in which we or git write it, and any user part of an address."""
        if self.credentials is not None and self.credentials.secret:
            for secret in (self._basic, self.credentials.secret, quote(self.credentials.secret, safe="")):
                text = text.replace(secret, "***")
        return re.sub(r"(?<=://)[^/\s@]+@", "", text)

    def judge(self, said: str, service: str = READ) -> MergeportError:
        """Find out why a network command failed, by asking the server for the same service now.

        If the server answers well and git named no broken line, it is DoubtfulError `git-failed` with git's last words.
        Over SSH only ssh's own words can be read.
        """
        if self.over_ssh:
            return ssh.judge(said, self.place)
        if trouble := self.trouble(service, said):
            return trouble
        if any(sign in said for sign in _WOBBLED):
            return RetryableError(
                f"The connection to {self.place} broke: {last_words(said)}.", code="git-unavailable", url=self.place
            )
        return DoubtfulError(
            f"git failed at {self.place}: {last_words(said)}.",
            code="git-failed",
            hint="these are git's own words; `git ls-remote` with the same credentials shows the same error",
            url=self.place,
        )

    def trouble(self, service: str = READ, said: str = "") -> MergeportError | None:
        """Ask the server itself what is wrong; None if it answers as a git server does, or is not reached over HTTP.

        `said` is git's output, for a refusal that comes without a reason.
        """
        if self.over_ssh:
            return None
        import requests  # noqa: PLC0415 # needed only when something failed

        with requests.Session() as session:
            session.auth = self._sign
            try:
                answer = session.get(
                    f"{self.url}/info/refs",
                    params={"service": service},
                    headers={"Git-Protocol": "version=2"},
                    timeout=_PROBE_TIMEOUT,
                    stream=True,
                    verify=True if self.ca_file is None else str(self.ca_file),
                )
            except requests.exceptions.SSLError as error:
                return self._no_trust(error)
            except requests.RequestException as error:
                return RetryableError(
                    f"{self.place} cannot be reached ({type(error).__name__}).", code="git-unreachable", url=self.place
                )
            with answer:
                return meaning(answer, self.place, service, self.redact(told_by(said)), self.redact)

    def _no_trust(self, error: requests.exceptions.SSLError) -> MergeportError:
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            return RetryableError(f"{self.place} ended the TLS connection.", code="git-unreachable", url=self.place)
        return PermanentError(
            f"The certificate of {self.place} is not trusted.",
            code="git-certificate-refused",
            hint="name its certificate authority's file in MERGEPORT_CA_FILE",
            url=self.place,
        )

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.credentials is not None:
            request.headers["Authorization"] = f"Basic {self._basic}"
        return request


def last_words(said: str) -> str:
    """Give the end of git's output on one line, without its final full stop."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return "; ".join(lines[-_LAST_WORDS:])[-WORDS_LENGTH:].rstrip(".") or "it gave no reason"


def _refused(place: str, why: str, instead: str = "an https:// address") -> PermanentError:
    return PermanentError(
        f"The git address {place} is refused: {why}.",
        code="git-url-refused",
        hint=f"use {instead or 'an https:// address'}",
        url=place,
    )


def _no_login(place: str) -> PermanentError:
    return PermanentError(
        f"{place} has an SSH address, and there is no key for it.",
        code="git-ssh-key-missing",
        hint="give a key file and a known hosts file, or use an https:// address",
        url=place,
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
