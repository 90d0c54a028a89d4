"""Watches a child process: reads its output line by line, and ends it at a deadline or when nobody wants it any more.

Builders run their tools through this. The child has a process group of its own, which is ended as a
whole, and an environment of its own, which has none of this process's secrets.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from service.ports import BuildControl

_LOOK = 0.1
_GRACE = 0.4
"""Seconds from SIGTERM to SIGKILL, so that a cancelled build is gone within one."""
_LAST_LINES = 12
_RECORD = "child"
_LINE_LIMIT = 4096
_PASSED_ON = re.compile(
    r"PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|XDG_RUNTIME_DIR"
    r"|DOCKER_(HOST|CERT_PATH|TLS_VERIFY)|SSL_CERT_(FILE|DIR)|(BUILDAH|STORAGE|CONTAINERS|REGISTRIES)_\w+"
    r"|(?i:https?_proxy|no_proxy|all_proxy)"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended by itself: its exit status and its last lines."""

    status: int
    last: tuple[str, ...]

    @property
    def words(self) -> str:
        """The last lines as one piece of text."""
        return "\n".join(self.last)


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Give what a tool needs of this process's environment, and `extra`; settings and credentials are left out."""
    return {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)} | dict(extra)


def run(
    argv: Sequence[str], *, control: BuildControl, ends_at: float, directory: Path, extra: Mapping[str, str]
) -> Ended:
    """Run a child to its end, logging each line.

    `ends_at` is of time.monotonic. Raises PermanentError `build-timeout` at that time, and RetryableError
    `build-stopped` within a second when the control says so; the child and its group are gone by then.
    """
    with subprocess.Popen(
        argv,
        bufsize=0,
        cwd=directory,
        env=environment(extra),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as child:
        output = _Output(control)
        _record(child.pid, directory)
        try:
            _watch(child, output, ends_at)
        finally:
            _end(child)
        return Ended(child.returncode, tuple(output.last))


def end_orphan(directory: Path) -> None:
    """End the child that a dead process left behind, and only that one, even if its number was used again."""
    try:
        pid, born = (directory / _RECORD).read_text().split()
        if _birth(int(pid)) == born:
            os.killpg(int(pid), signal.SIGKILL)
    except (OSError, ValueError):
        return


def _record(pid: int, directory: Path) -> None:
    with suppress(OSError):
        (directory / _RECORD).write_text(f"{pid} {_birth(pid)}")


def _birth(pid: int) -> str:
    """Give when a process was born, in ticks since boot (Linux only). With its number that identifies it for good."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


class _Output:
    """Splits the output into lines, logs them and remembers the last ones."""

    def __init__(self, control: BuildControl) -> None:
        self.control = control
        self.last: deque[str] = deque(maxlen=_LAST_LINES)
        self._pending = b""

    def take(self, chunk: bytes) -> None:
        *lines, self._pending = (self._pending + chunk).split(b"\n")
        if len(self._pending) > _LINE_LIMIT:
            lines.append(self._pending)
            self._pending = b""
        for line in lines:
            self._tell(line)

    def finish(self) -> None:
        if self._pending:
            self._tell(self._pending)
        self._pending = b""

    def _tell(self, line: bytes) -> None:
        # A terminal overwrites what stands before a lone carriage return, as progress bars do.
        text = line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]
        self.control.log(f"{text}\n")
        if text.strip():
            self.last.append(text)


def _watch(child: subprocess.Popen[bytes], output: _Output, ends_at: float) -> None:
    """Pass output on until the child ends, the deadline comes, or nobody wants the work any more."""
    assert child.stdout is not None  # noqa: S101 - opened as a pipe above
    pipe = child.stdout.fileno()
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while True:
        _check(output, ends_at)
        ended = _has_ended(child)  # asked before the last read of the pipe, so that nothing is lost
        if poll.poll(0 if ended else _LOOK * 1000):
            chunk = os.read(pipe, 65536)
            output.take(chunk)
            if chunk:
                continue
            poll.unregister(pipe)
        if ended:
            output.finish()
            return


def _check(output: _Output, ends_at: float) -> None:
    """Raise the error that ends the child early, if there is one."""
    if output.control.cancelled():
        raise RetryableError("The build was stopped.", code="build-stopped")
    if time.monotonic() >= ends_at:
        output.finish()
        last = output.last[-1] if output.last else "(none)"
        raise PermanentError(
            f"The build took longer than allowed; its last line was: {last}",
            code="build-timeout",
            hint="set a longer `timeout` for the build, e.g. 1h, or find in its log what it waits for",
        )


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Tell whether the child has ended. It is not collected, so that its number stays ours until the group is ended."""
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the whole group, first by SIGTERM, then by SIGKILL, and collect the child."""
    _signal(child, signal.SIGTERM)
    patience = time.monotonic() + _GRACE
    while not _has_ended(child) and time.monotonic() < patience:
        time.sleep(0.02)
    _signal(child, signal.SIGKILL)
    child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)
