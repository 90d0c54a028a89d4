"""The one place that starts git: argv lists over GitPython, an environment of our own, a time limit on every call.

Called by the other modules of this package and by the checkout. It judges nothing: a failed command is an
`Outcome` with its exit status. It never uses the network unless it is given the remote it may talk to.
"""

from __future__ import annotations

import math
import os
import resource
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from service.adapters.git.remote import Remote
from service.errors import PermanentError, RetryableError

NETWORK_TIMEOUT = 60.0
"""Seconds for one git command, unless the caller knows better."""
LOCAL_TIMEOUT = 10.0
"""Seconds for a command that stays on this machine: a thousand times what it takes. On a spoiled pack git may loop."""
ORPHAN_GRACE = 5
"""Seconds more that a git may live whose parent was killed: nobody else would ever end it."""

_KEPT = frozenset({"GIT_EXEC_PATH", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"})
"""What the machine's operator may set for every git; the rest of GIT_* is not ours and is taken away."""

_CONFIGURATION = (
    ("core.hooksPath", os.devnull),
    ("credential.helper", ""),
    ("fetch.recurseSubmodules", "no"),
    ("fetch.showForcedUpdates", "false"),
    ("gc.auto", "0"),
    ("gpg.format", "ssh"),
    ("maintenance.auto", "false"),
    ("submodule.recurse", "false"),
    # It gives up by itself when the line is silent: also where there is no `timeout` to end an orphan.
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", str(int(NETWORK_TIMEOUT))),
)


class BrokenRepositoryError(Exception):
    """A local command failed, or never ended, as it cannot on a sound repository; `said` is git's own word."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a git command ended. `said` is its standard error without any secret."""

    status: int
    output: bytes
    said: str

    @property
    def ok(self) -> bool:
        """Whether the exit status is 0."""
        return self.status == 0

    @property
    def text(self) -> str:
        """The output as text, without the last line end."""
        return self.output.decode("utf-8", "replace").rstrip("\n")


class Git:
    """Runs git on one repository directory (GIT_DIR), with a work tree only where one is given."""

    def __init__(self, directory: Path, *, work_tree: Path | None = None, timeout: float = NETWORK_TIMEOUT) -> None:
        """Remember the places; nothing is started and nothing has to exist yet."""
        self.directory = directory
        self._work_tree = work_tree
        # A bare repository may be replaced while git is started: its folder stays.
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

        Without a `remote` no protocol is allowed, so that a partial clone fetches nothing behind our back.
        After `timeout` seconds the whole process group is killed, and RetryableError `git-timeout` raised, or
        BrokenRepositoryError where there was no remote to wait for.
        """
        limit = self._limit(remote, timeout)
        process = self._start(arguments, remote, environment, limit)
        try:
            output, said = process.communicate(data, timeout=limit)
        except subprocess.TimeoutExpired:
            raise _late(arguments, limit, remote) from None
        finally:
            _end(process)
        return Outcome(process.returncode, output, _clean(said, remote))

    @contextmanager
    def talk(self, *arguments: str, remote: Remote | None = None, timeout: float | None = None) -> Iterator[Talk]:
        """Run a command that is asked and answers in turns, and end it with the block."""
        talk = self.begin(*arguments, remote=remote, timeout=timeout)
        try:
            with talk.limited():
                yield talk
        finally:
            talk.end()

    def begin(self, *arguments: str, remote: Remote | None = None, timeout: float | None = None) -> Talk:
        """Start a command that is asked and answers in turns, for who ends it."""
        limit = self._limit(remote, timeout)
        return Talk(self._start(arguments, remote, None, limit), arguments, remote, limit)

    def _limit(self, remote: Remote | None, timeout: float | None) -> float:
        if timeout is not None:
            return timeout
        return self._timeout if remote else min(self._timeout, LOCAL_TIMEOUT)

    def _start(
        self, arguments: tuple[str, ...], remote: Remote | None, environment: Mapping[str, str] | None, limit: float
    ) -> subprocess.Popen[bytes]:
        try:
            import git  # noqa: PLC0415 # heavy, and fails without a git on PATH
        except ImportError:
            raise _no_git() from None
        settings = {**self._environment(remote), **(environment or {})}
        before = [*_clearing(settings), *(_bounding(limit) if remote else ())]
        if before and shutil.which("git") is None:
            raise _no_git()
        try:
            started = git.Git(str(self._place)).execute(
                [*before, "git", *arguments],
                istream=subprocess.PIPE,
                as_process=True,
                env=settings,
                start_new_session=True,
            )
        except git.GitCommandNotFound:
            raise BrokenRepositoryError(f"{self._place} is gone") if shutil.which("git") else _no_git() from None
        except OSError as error:
            raise RetryableError(f"git cannot be started: {error.strerror}.", code="git-not-started") from None
        # GitPython's wrapper ends its process when it is collected; we end ours ourselves, with its group.
        wrapper = cast("Any", started)
        process, wrapper.proc = cast("subprocess.Popen[bytes]", wrapper.proc), None
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
            # Not `http.sslCAInfo`, which this variable, where the machine sets it, would override.
            settings["GIT_SSL_CAINFO"] = str(remote.ca_file)
        for index, (key, value) in enumerate(pairs):
            settings[f"GIT_CONFIG_KEY_{index}"] = key
            settings[f"GIT_CONFIG_VALUE_{index}"] = value
        return settings


class Talk:
    """A running git command: write to it, read what it answers, `finish` to hear how it ended."""

    def __init__(
        self, process: subprocess.Popen[bytes], arguments: tuple[str, ...], remote: Remote | None, limit: float
    ) -> None:
        """Take over a started process."""
        self._process = process
        self._arguments = arguments
        self._remote = remote
        self._limit = limit
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Kill the process with its group when the block takes longer than the talk's limit."""
        over = threading.Event()

        def give_up() -> None:
            with self._lock:
                if not over.is_set():
                    self._ended.set()
                    _kill(self._process)

        watchdog = threading.Timer(self._limit, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()
            with self._lock:  # one that woke up late leaves the next use alone
                over.set()

    @property
    def alive(self) -> bool:
        """Whether it can be asked once more."""
        return not self._ended.is_set() and self._process.poll() is None

    def end(self) -> None:
        """End the process."""
        _end(self._process)

    def say(self, data: bytes) -> None:
        """Write to its standard input; a process that is gone is noticed when its answer is read."""
        stdin = cast("IO[bytes]", self._process.stdin)
        with suppress(BrokenPipeError):
            stdin.write(data)
            stdin.flush()

    def line(self) -> bytes:
        """Read one line without its end; empty when there is no more."""
        return self._checked(cast("IO[bytes]", self._process.stdout).readline()).removesuffix(b"\n")

    def take(self, size: int) -> bytes:
        """Read so many bytes, fewer only at the end."""
        return self._checked(cast("IO[bytes]", self._process.stdout).read(size))

    def finish(self) -> Outcome:
        """Close its input, drop the rest of its output, and tell how it ended."""
        _, said = self._process.communicate()
        self._checked(b"")
        return Outcome(self._process.returncode, b"", _clean(said, self._remote))

    def _checked(self, data: bytes) -> bytes:
        if self._ended.is_set():
            raise _late(self._arguments, self._limit, self._remote)
        return data


def _late(arguments: tuple[str, ...], limit: float, remote: Remote | None) -> Exception:
    message = f"git {arguments[0]} did not end within {limit:g} s and was stopped"
    return RetryableError(f"{message}.", code="git-timeout") if remote else BrokenRepositoryError(message)


def _no_git() -> PermanentError:
    return PermanentError(
        "There is no git on this machine.", code="git-missing", hint="install git 2.36 or newer and put it on PATH"
    )


def _clearing(settings: Mapping[str, str]) -> list[str]:
    """Give the argv that takes away what the process was started with: a hook's GIT_DIR, traces, askpass.

    GitPython adds to the environment and cannot take from it; without such variables it is no argv at all.
    """
    stray = {name for name in os.environ if name.startswith("GIT_") and not name.startswith("GIT_PYTHON_")}
    stray |= {"SSH_ASKPASS"} & os.environ.keys()
    stray -= _KEPT | settings.keys()
    return ["env", *(part for name in sorted(stray) for part in ("-u", name))] if stray else []


def _bounding(limit: float) -> list[str]:
    """Give the argv that ends a command and its helpers though we were killed, whatever its line does.

    Where the machine has no `timeout` (it is part of coreutils and busybox), git's own patience with HTTP remains.
    """
    return ["timeout", "-s", "KILL", str(math.ceil(limit) + ORPHAN_GRACE)] if shutil.which("timeout") else []


def _bound(process: subprocess.Popen[bytes], limit: float) -> None:
    """Bound a local command's time on the processor: it ends with its input, unless it loops over a spoiled pack."""
    seconds = math.ceil(limit) + ORPHAN_GRACE
    with suppress(ProcessLookupError, PermissionError, AttributeError):  # no `prlimit` outside Linux
        resource.prlimit(process.pid, resource.RLIMIT_CPU, (seconds, seconds))


def _clean(said: bytes, remote: Remote | None) -> str:
    text = said.decode("utf-8", "replace").strip()
    return remote.redact(text) if remote else text


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _kill(process)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
