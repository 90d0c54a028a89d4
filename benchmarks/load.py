"""Clients that send webhooks: so many at a time, each delivery on a connection of its own, as GitHub sends them.

Used by the benchmarks `accept` and `many`, and runs as a process of its own so that it shares no interpreter with what
it times: `python -m benchmarks.load CLIENTS` reads one request a line and prints one answer a line, as JSON.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_TIMEOUT = 10.0
"""GitHub gives up after ten seconds."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery's answer: HTTP status (0: none), seconds, and the time at which it came."""

    id: str
    status: int
    seconds: float
    at: float


@dataclass(frozen=True, slots=True)
class Post:
    """One signed delivery to send."""

    id: str
    url: str
    event: str
    body: bytes
    signature: str

    @classmethod
    def signed(cls, url: str, payload: object, secret: str, event: str = "push") -> Post:
        """Sign a payload, under a new id."""
        body = json.dumps(payload, separators=(",", ":")).encode()
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return cls(str(uuid.uuid4()), url, event, body, f"sha256={digest}")


def send(posts: Sequence[Post], *, clients: int) -> list[Sent]:
    """Send all deliveries; each client sends the next one as soon as its last one was answered."""
    lines = [
        json.dumps([post.id, post.url, post.event, base64.b64encode(post.body).decode(), post.signature])
        for post in posts
    ]
    argv = [sys.executable, "-m", "benchmarks.load", str(clients)]
    done = subprocess.run(argv, input="\n".join(lines), capture_output=True, text=True, check=True, timeout=300)
    return [Sent(*json.loads(line)) for line in done.stdout.splitlines()]


async def _client(requests: list[tuple[str, str, int, bytes]], answers: list[Sent]) -> None:
    while requests:
        identifier, host, port, data = requests.pop()
        began, status = time.perf_counter(), 0
        try:
            async with asyncio.timeout(_TIMEOUT):
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(data)
                answer = await reader.read()
                status = int(answer.split(b" ", 2)[1])
                writer.close()
        except (OSError, TimeoutError, IndexError, ValueError):
            status = 0
        answers.append(Sent(identifier, status, time.perf_counter() - began, time.time()))


async def _run(lines: list[str], clients: int) -> list[Sent]:
    requests = []
    for line in reversed(lines):
        identifier, url, event, body, signature = json.loads(line)
        parts = urlsplit(url)
        raw = base64.b64decode(body)
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(raw)}\r\nUser-Agent: GitHub-Hookshot/bench\r\n"
            f"X-GitHub-Event: {event}\r\nX-GitHub-Delivery: {identifier}\r\nX-Hub-Signature-256: {signature}\r\n\r\n"
        )
        requests.append((identifier, parts.hostname or "", parts.port or 80, head.encode() + raw))
    answers: list[Sent] = []
    await asyncio.gather(*(_client(requests, answers) for _ in range(clients)))
    return answers


def main(clients: str) -> None:
    """Read, send, print."""
    for one in asyncio.run(_run(sys.stdin.read().splitlines(), int(clients))):
        print(json.dumps([one.id, one.status, one.seconds, one.at]))


if __name__ == "__main__":
    main(*sys.argv[1:])
