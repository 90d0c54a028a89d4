"""Accepting webhooks among slow connections: ours against gunicorn as it comes, with as many threads.

A process of its own keeps so many unsigned connections open, which send 8 bytes every 2 seconds and are opened again
where they were ended: of headers, of a body, and half of each. Meanwhile signed deliveries are sent, each on a
connection of its own. Runs as `python -m benchmarks.slow KIND HOST PORT CLIENTS` too: those connections.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.accept import control, posts
from benchmarks.findings import Bar, Finding
from benchmarks.installation import installation
from benchmarks.load import Post, Sent, send
from benchmarks.measuring import Samples
from benchmarks.scale import Scale

NAME = "slow"
TITLE = "Accepting webhooks among slow connections"
BAR = Bar(1, "s")
SLOWEST = 0.99
ACCEPTED = 202
TO_CONTROL = 16
"""How many deliveries go to the control, where each may take the ten seconds after which GitHub gives up."""
PIECE, PAUSE_SECONDS = b"aaaaaaaa", 2.0
KINDS = {
    "headers": [b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nX-Slow: "],
    "bodies": [b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"],
}
KINDS["both"] = KINDS["headers"] + KINDS["bodies"]


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Measure each kind of slow connections."""
    with tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder:
        place = Path(folder)
        with (
            installation(place, applications=scale.clients, files=0) as ours,
            control(place, str(place / "control.db"), "plain") as plain,
        ):
            told = posts(ours, (len(KINDS) + 1) * scale.accepts // scale.clients + 1)
            ours.start("web", "worker")
            send(told[: scale.accepts], clients=scale.clients)
            findings = []
            for turn, kind in enumerate(KINDS, start=1):
                say(f"{scale.slow_clients} slow connections, {kind}: {scale.accepts} deliveries")
                batch = told[turn * scale.accepts : (turn + 1) * scale.accepts]
                findings.append(_measure(kind, batch, ours.hook, plain, scale))
    return findings


def _measure(kind: str, batch: Sequence[Post], hook: str, plain: str, scale: Scale) -> Finding:
    with slow_connections(kind, hook, scale.slow_clients):
        mine = send(batch, clients=scale.clients)
    refused = [answer for answer in mine if answer.status != ACCEPTED]
    if refused or len(mine) != len(batch):
        raise AssertionError(f"{len(batch)} deliveries: {len(mine)} answers, refused: {refused[:3]}")
    to_control = [replace(post, url=plain) for post in batch[: min(TO_CONTROL, scale.accepts)]]
    with slow_connections(kind, plain, scale.slow_clients):
        theirs = send(to_control, clients=scale.clients)
    lost = sum(1 for answer in theirs if answer.status != ACCEPTED)
    note = (
        f"{kind}: ours took all {len(batch)}, the slowest in {_at(mine, 1):.3f} s; "
        f"{lost} of {len(theirs)} had no answer of the control within 10 s."
    )
    ours, other = _at(mine, SLOWEST), _at(theirs, SLOWEST)
    what = f"p99 of deliveries, {scale.slow_clients} slow connections, {kind}"
    return Finding(NAME, what, ours, "gunicorn's threads", other, ours, BAR, unit="s", note=note)


def _at(answers: Sequence[Sent], share: float) -> float:
    return Samples(tuple(answer.seconds for answer in answers)).at(share)


@contextmanager
def slow_connections(kind: str, url: str, clients: int) -> Iterator[None]:
    """Keep slow connections open for the block, which begins when all are open."""
    parts = urlsplit(url)
    argv = [sys.executable, "-m", "benchmarks.slow", kind, str(parts.hostname), str(parts.port), str(clients)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.communicate("")


async def _dribble(host: str, port: int, beginning: bytes, opened: Callable[[], None]) -> None:
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(beginning)
            opened()
            while not reader.at_eof():
                writer.write(PIECE)
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(4096), PAUSE_SECONDS)
            writer.close()


async def _run(kind: str, host: str, port: int, clients: int) -> None:
    left = clients

    def opened() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            print("open", flush=True)

    beginnings = KINDS[kind]
    tasks = [
        asyncio.create_task(_dribble(host, port, beginnings[at % len(beginnings)], opened)) for at in range(clients)
    ]
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()


def main(kind: str, host: str, port: str, clients: str) -> None:
    """Keep the connections until standard input ends."""
    asyncio.run(_run(kind, host, int(port), int(clients)))


if __name__ == "__main__":
    main(*sys.argv[1:])
