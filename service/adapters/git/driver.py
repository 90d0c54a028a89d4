"""The one place that starts git: argv lists, an environment of our own, a time limit on every call.

Called by the other modules of this package and by the checkout. It judges nothing: a failed command is an
`Outcome` with its exit status. It never uses the network unless it is given the remote it may talk to.
"""

from __future__ import annotations

import math
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from service.adapters.git.remote import Remote
from service.adapters.git.running import BrokenRepositoryError, Outcome, Talk, clean, end_git, late
from service.errors import PermanentError, RetryableError

NETWORK_TIMEOUT = 60.0
"""Seconds for one git command, unless the caller knows better."""
LOCAL_TIMEOUT = 10.0
"""Seconds for a local command: a thousand times what it takes. Without a limit, git may loop on a spoiled pack."""
ORPHAN_GRACE = 5
"""Seconds that a git whose parent was killed may live on; nobody else would ever end it."""

_KEPT = re.compile(
    r"PATH|LD_LIBRARY_PATH|TZ|TMPDIR|LANGUAGE|GIT_EXEC_PATH|GIT_SSL_CAINFO|GIT_SSL_CAPATH"
    r"|SSL_CERT_(FILE|DIR)|SSH_AUTH_SOCK|(?i:https?_proxy|no_proxy|all_proxy)"
)
"""What git gets of this process's environment; settings, credentials and foreign GIT_* variables are left out."""

_CONFIGURATION = (
    ("core.hooksPath", os.devnull),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "no"),
    ("fetch.showForcedUpdates", "false"),
    ("gc.auto", "0"),
    ("gpg.format", "ssh"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    # git gives up by itself when the line is silent, even if there is no `timeout` program to end an orphan.
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", str(int(NETWORK_TIMEOUT))),
)


class Git:
    """Runs git on one repository directory (GIT_DIR), with a work tree only where one is given."""

    def __init__(self, directory: Path, *, work_tree: Path | None = None, timeout: float = NETWORK_TIMEOUT) -> None:
        """Keep the paths; nothing is started and nothing has to exist yet."""
        self.directory = directory
        self._work_tree = work_tree
        # git starts in the parent folder, because a bare repository itself may be replaced meanwhile.
        self._place = directory if work_tree else directory.parent
        self._timeout = timeout

    def run(
        self,
        *arguments: str,
        data: bytes = b"",
        remote: Remote | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Outcome:
        """Run one command to its end.

        Without a `remote` no protocol is allowed, so that a partial clone cannot fetch anything unasked. After
        `timeout` seconds the whole process group is killed, and RetryableError `git-timeout` raised, or
        BrokenRepositoryError where there was no remote to wait for.
        """
        limit = self._limit(remote, timeout)
        process = self._start(arguments, remote, environment, limit)
        try:
            output, said = process.communicate(data, timeout=limit)
        except subprocess.TimeoutExpired:
            raise late(arguments, limit, remote) from None
        finally:
            end_git(process)
        return Outcome(process.returncode, output, clean(said, remote))

    @contextmanager
    def talk(self, *arguments: str, remote: Remote | None = None, timeout: float | None = None) -> Iterator[Talk]:
        """Run a command that answers questions one by one, and end it with the block."""
        talk = self.begin(*arguments, remote=remote, timeout=timeout)
        try:
            with talk.limited():
                yield talk
        finally:
            talk.end()

    def begin(self, *arguments: str, remote: Remote | None = None, timeout: float | None = None) -> Talk:
        """Start a command that answers questions in turns. The caller has to end it."""
        limit = self._limit(remote, timeout)
        return Talk(self._start(arguments, remote, None, limit), arguments, remote, limit)

    def _limit(self, remote: Remote | None, timeout: float | None) -> float:
        if timeout is not None:
            return timeout
        return self._timeout if remote else min(self._timeout, LOCAL_TIMEOUT)

    def _start(
        self, arguments: tuple[str, ...], remote: Remote | None, environment: Mapping[str, str] | None, limit: float
    ) -> subprocess.Popen[bytes]:
        argv = [*(_bounding(limit) if remote else ()), "git", *arguments]
        if remote and shutil.which("git") is None:
            raise _no_git()
        try:
            process = subprocess.Popen(
                argv,
                cwd=self._place,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**_kept(), **self._environment(remote), **(environment or {})},
                start_new_session=True,
            )
        except FileNotFoundError:
            raise BrokenRepositoryError(f"{self._place} is gone") if shutil.which("git") else _no_git() from None
        except OSError as error:
            raise RetryableError(f"git cannot be started: {error.strerror}.", code="git-not-started") from None
        if not remote:
            _bound(process, limit)
        return process

    def _environment(self, remote: Remote | None) -> dict[str, str]:
        pairs = [*_CONFIGURATION, *(remote.configuration() if remote else ())]
        settings = {
            "GIT_DIR": str(self.directory),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_ALLOW_PROTOCOL": remote.protocol if remote else "none",
            "GIT_NO_LAZY_FETCH": "0" if remote else "1",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_CONFIG_COUNT": str(len(pairs)),
            "HOME": os.devnull,
            "XDG_CONFIG_HOME": os.devnull,
            "LC_ALL": "C",
        }
        if self._work_tree is not None:
            settings["GIT_WORK_TREE"] = str(self._work_tree)
        if remote and remote.ca_file is not None:
            # Not `http.sslCAInfo`, because this variable would override it if the machine sets it.
            settings["GIT_SSL_CAINFO"] = str(remote.ca_file)
        for index, (key, value) in enumerate(pairs):
            settings[f"GIT_CONFIG_KEY_{index}"] = key
            settings[f"GIT_CONFIG_VALUE_{index}"] = value
        return settings


def _no_git() -> PermanentError:
    return PermanentError(
        "There is no git on this machine.", code="git-missing", hint="install git 2.36 or newer and put it on PATH"
    )


def _kept() -> dict[str, str]:
    """Give what git gets of this process's environment: no secrets, no GIT_DIR of a hook, no askpass."""
    return {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}


def _bounding(limit: float) -> list[str]:
    """Give the argv that makes a command and its helpers end even if we are killed and the line hangs.

    If the machine has no `timeout` (part of coreutils and busybox), only git's own limits for HTTP remain.
    """
    return ["timeout", "-s", "KILL", str(math.ceil(limit) + ORPHAN_GRACE)] if shutil.which("timeout") else []


def _bound(process: subprocess.Popen[bytes], limit: float) -> None:
    """Bound a local command's processor time: it ends with its input, unless it loops over a spoiled pack."""
    seconds = math.ceil(limit) + ORPHAN_GRACE
    with suppress(ProcessLookupError, PermissionError, AttributeError):  # no `prlimit` outside Linux
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (seconds, seconds))
