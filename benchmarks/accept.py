"""Accepting webhooks while the worker is busy: the real web process against the least that a receiver can do.

Batches go to ours and to the control in turns, from so many clients at a time. What ours accepts is real work: each
delivery is a push that the worker, on the same machine and database, takes in and makes a run of. On SQLite, and on a
PostgreSQL where the machine has one.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import psycopg
import requests

from benchmarks.databases import postgresql
from benchmarks.findings import Bar, Finding
from benchmarks.installation import Installation, free_ports, installation, until
from benchmarks.load import Post, Sent, send
from benchmarks.measuring import Samples
from benchmarks.repositories import make_commits
from benchmarks.scale import Scale
from devstack.git_backend import RefUpdate
from devstack.github import payloads
from devstack.stack import WEBHOOK_SECRET
from service.core.words import DeliveryState
from service.store import deliveries

NAME = "accept"
TITLE = "Accepting webhooks while the worker is busy"
BAR = Bar(4)
MEDIAN, SLOWEST = 0.5, 0.99
ACCEPTED = 202


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Measure on each database."""
    found = _measure(scale, say, "SQLite", "", "")
    with postgresql(say) as server:
        if server is not None:
            found += _measure(scale, say, "PostgreSQL", server.url("accept"), server.url("accept_control"))
    return found


def _measure(
    scale: Scale, say: Callable[[str], None], name: str, database: str, control_database: str
) -> list[Finding]:
    """Send the batches, judge the slowest hundredth, and count the rows."""
    with tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder:
        place = Path(folder)
        theirs_at = control_database or str(place / "control.db")
        say(f"{name}: making commits to tell of")
        with (
            installation(place, applications=scale.clients, files=0, database=database) as ours,
            control(place, theirs_at) as control_url,
        ):
            turns = scale.accept_turns + 1
            told = posts(ours, scale.accepts * turns // scale.clients + 1)
            ours.start("web", "worker")
            say(f"{name}: {turns} batches of {scale.accepts} each way, {scale.clients} clients")
            batches = [told[turn * scale.accepts : (turn + 1) * scale.accepts] for turn in range(turns)]
            left: list[int] = []
            mine, theirs = _take_turns(ours, control_url, batches, scale.clients, left)
            _check_rows(ours, theirs_at, scale.accepts * turns)
    return _judge(name, mine, theirs, left, scale)


def _take_turns(
    ours: Installation, control_url: str, batches: Sequence[Sequence[Post]], clients: int, left: list[int]
) -> tuple[list[Samples], list[Samples]]:
    """Send each batch both ways, in alternating order; the first batch only warms up and gives the worker some work."""
    found: dict[str, list[Samples]] = {"ours": [], "control": []}
    for turn, batch in enumerate(batches):
        ways = {"ours": batch, "control": [replace(post, url=control_url) for post in batch]}
        for way in list(ways) if turn % 2 else reversed(list(ways)):
            answers = send(ways[way], clients=clients)
            _check_answers(way, answers, len(batch))
            if turn:
                found[way].append(Samples(tuple(answer.seconds for answer in answers)))
        left.append(_stored(ours))
    return found["ours"], found["control"]


def _judge(name: str, mine: list[Samples], theirs: list[Samples], left: list[int], scale: Scale) -> list[Finding]:
    what = f"{scale.clients} clients, {len(mine) * scale.accepts:,} deliveries, {name}"
    both = [Samples(tuple(second for samples in side for second in samples.seconds)) for side in (mine, theirs)]
    note = (
        f"{name}: all were accepted and each is one row, on both sides. Deliveries that the worker had still to "
        f"take in after each batch: {', '.join(map(str, left))}."
    )
    findings = []
    for word, share, bar in (("median", MEDIAN, None), ("p99", SLOWEST, BAR)):
        ours, theirs_took = (samples.at(share) for samples in both)
        turns = Samples(tuple(one.at(share) / other.at(share) for one, other in zip(mine, theirs, strict=True)))
        findings.append(
            Finding(
                NAME, f"{word}, {what}", ours, "verify and insert one row", theirs_took, ours / theirs_took, bar,
                spread=(turns.at(0.25), turns.at(0.75)), rounds=len(mine), note=note,
            )
        )  # fmt: skip
    return findings


def _check_answers(way: str, answers: Sequence[Sent], sent: int) -> None:
    refused = [answer for answer in answers if answer.status != ACCEPTED]
    if refused or len(answers) != sent:
        raise AssertionError(
            f"{way}: {len(answers)} answers to {sent} deliveries, {len(refused)} refused: {refused[:3]}"
        )


def _check_rows(ours: Installation, control_database: str, expected: int) -> None:
    with ours.store.read() as tx:
        kept = sum(deliveries.counts(tx).values())
    others = _control_rows(control_database)
    if (kept, others) != (expected, expected):
        raise AssertionError(f"{expected} deliveries became {kept} rows of ours and {others} of the control")


def _control_rows(database: str) -> int:
    if not database.startswith("postgresql"):
        with closing(sqlite3.connect(database)) as connection:
            return int(connection.execute("SELECT count(*) FROM deliveries").fetchone()[0])
    with psycopg.connect(database.replace("+psycopg", "")) as connected:
        row = connected.execute("SELECT count(*) FROM control").fetchone()
    return int(row[0]) if row else 0


def _stored(ours: Installation) -> int:
    with ours.store.read() as tx:
        return deliveries.counts(tx).get(DeliveryState.STORED, 0)


def posts(ours: Installation, commits: int) -> list[Post]:
    """Make the deliveries of so many commits in each source repository, mixed as they would arrive."""
    by_source = [_told(ours, f"acme/{name}", commits) for name in ours.applications]
    return [post for row in zip(*by_source, strict=True) for post in row]


def _told(ours: Installation, name: str, commits: int) -> Iterator[Post]:
    """Make all commits at once, and each delivery from that of the first commit."""
    github = ours.stack.github
    repo, user = github.repository(name), github.state.user("alice")
    shas = make_commits(repo.bare, commits)
    told = json.dumps(payloads.push(github.state, repo, RefUpdate("refs/heads/main", shas[0], shas[1]), user))
    for before, after in pairwise(shas):
        text = told.replace(shas[1], after.swapcase()).replace(shas[0], before).replace(after.swapcase(), after)
        yield Post.signed(ours.hook, json.loads(text), WEBHOOK_SECRET)


@contextmanager
def control(place: Path, database: str, server: str = "ours") -> Iterator[str]:
    """Run the control, on our server or on the plain one, and give the address of its webhooks."""
    (port,) = free_ports(1)
    argv = [sys.executable, "-m", "benchmarks.control", str(port), database, WEBHOOK_SECRET, server]
    with (place / "control.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/webhooks/github"

    def answers() -> bool:
        with suppress(requests.RequestException):
            return bool(requests.post(url, data=b"{}", timeout=2).status_code == requests.codes.unauthorized)
        return False

    try:
        until(answers, what="the control")
        yield url
    finally:
        process.terminate()
        process.wait(20)
