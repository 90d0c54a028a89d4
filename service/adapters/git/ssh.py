"""SSH as git's transport: one key, pinned host keys, and nothing of the machine's or the user's own.

Used by `remote`. It starts nothing itself: it gives git the command to start, and turns ssh's words into our errors. It
never talks to a host whose key is not in the file, and never asks a person.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError

_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=none",
    "UpdateHostKeys=no",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "ControlMaster=no",
    "ControlPath=none",
    "ForwardAgent=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "ConnectTimeout=15",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
    "LogLevel=ERROR",
)
"""https://man.openbsd.org/ssh_config"""

_SPECIAL = re.compile(r"[\x00-\x1f\x7f\"\\%$]")
"""What ssh itself does not take literally in a file's name: quotes, escapes, `%h`, `${HOME}`."""

_SCP = re.compile(
    r"[A-Za-z0-9_][\w.-]*@(?P<host>[A-Za-z0-9][\w.-]*|\[[0-9A-Fa-f:.]+\]):(?P<path>[\w.~/][\w.~/+@-]*)", re.ASCII
)
"""`git@host:path`, as GitHub shows it: https://git-scm.com/docs/git-clone#_git_urls"""

_HOST_KEY = ("Host key verification failed", "REMOTE HOST IDENTIFICATION HAS CHANGED")
_LOGIN = ("Permission denied (",)
_AWAY = (
    "Could not resolve hostname",
    "Connection refused",
    "Connection timed out",
    "Connection reset",
    "Connection closed by",
    "No route to host",
    "Network is unreachable",
    "kex_exchange_identification",
)
_BROKEN_OFF = ("hung up unexpectedly", "unexpected disconnect", "early EOF", "Broken pipe", "not responding")
_CHORUS = (
    "fatal: Could not read from remote repository",
    "Please make sure you have the correct access rights",
    "and the repository exists",
)
"""What git adds after every failure of ssh."""


@dataclass(frozen=True, slots=True)
class SshLogin:
    """Who we are, by a private key without a passphrase, and whom we trust, by a known_hosts file."""

    key_file: Path
    known_hosts: Path

    def __post_init__(self) -> None:
        for file, what in ((self.key_file, "key"), (self.known_hosts, "known hosts")):
            if _SPECIAL.search(str(file)) or not file.is_absolute() or not file.is_file():
                raise PermanentError(
                    f"{str(file)!r} cannot be used as a file for SSH ({what}).",
                    code="git-ssh-file-invalid",
                    hint='give the absolute path of a file, without " \\ % or $ in it',
                )

    def configuration(self) -> Iterable[tuple[str, str]]:
        """Give git's settings that make it use this login; PermanentError `ssh-missing` where there is no ssh."""
        if shutil.which("ssh") is None:
            raise PermanentError(
                "There is no ssh on this machine.",
                code="ssh-missing",
                hint="install OpenSSH's client and put it on PATH",
            )
        files = (f'IdentityFile="{self.key_file}"', f'UserKnownHostsFile="{self.known_hosts}"')
        options = [part for option in (*files, *_OPTIONS) for part in ("-o", option)]
        # `-F none`: neither the user's configuration nor the machine's is read.
        yield "core.sshCommand", shlex.join(["ssh", "-F", "none", "-T", *options])
        yield "ssh.variant", "ssh"


def split_scp(url: str) -> tuple[str, str] | None:
    """Give host and path of `git@host:path`; None for any other address."""
    found = _SCP.fullmatch(url)
    return (found["host"].strip("[]"), found["path"]) if found else None


def judge(said: str, place: str) -> MergeportError:
    """Turn the last words of ssh or of git on the server into our error, because nothing else can be asked."""
    lines = [line.strip() for line in said.splitlines()]
    words = "; ".join(line for line in lines if line and not line.startswith(_CHORUS))[-400:].rstrip(".") or "no reason"
    if any(sign in said for sign in _HOST_KEY):
        return PermanentError(
            f"The SSH host key of {place} is not the one that was pinned.",
            code="git-host-key-refused",
            hint="compare the server's published fingerprints, then put its key into the known hosts file",
            url=place,
        )
    if any(sign in said for sign in _LOGIN):
        return DoubtfulError(
            f"{place} does not accept our credentials: {words}.",
            code="git-unauthorized",
            hint="add the key's public half there, and make the private one readable for nobody else (mode 0600)",
            url=place,
        )
    if any(sign in said for sign in _AWAY):
        return RetryableError(f"{place} cannot be reached: {words}.", code="git-unreachable", url=place)
    if any(sign in said for sign in _BROKEN_OFF):
        return RetryableError(f"The connection to {place} broke: {words}.", code="git-unavailable", url=place)
    return DoubtfulError(
        f"git failed at {place}: {words}.",
        code="git-failed",
        hint="these are git's own words; `git ls-remote` with the same key shows the same error",
        url=place,
    )
