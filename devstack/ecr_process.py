"""Starts `ministack` as a child process: a free port, whether it listens, and its end with ours. For the ECR double."""

from __future__ import annotations

import socket
import subprocess
import time

START_SECONDS = 60.0


def watch(pid: int) -> subprocess.Popen[bytes]:
    """Start a shell that ends the child when this process dies without doing so, because its pipe closes then."""
    script = 'read -r _; kill "$0"'
    return subprocess.Popen(["sh", "-c", script, str(pid)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the process listens; False if it ends before, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False
