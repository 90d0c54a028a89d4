"""Our own database: whether it fits this version, and somebody works on what it holds. Called by the examination."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from service.core.doctor.finding import Finding, Verdict, good
from service.store import Store, deliveries, leases
from service.store.migrate import newest_revision, revision

PART = "database"
LATE = timedelta(minutes=1)


def examine(store: Store, now: datetime) -> Iterator[Finding]:
    """Look at the tables, the workers and the inbox."""
    at, needed = revision(store), newest_revision()
    if at != needed:
        words = f"tables are at {at or 'nothing'}, this version needs {needed}"
        yield Finding(PART, "tables", Verdict.FAULT, words, "run `mergeport migrate`")
        return
    yield good(PART, "tables", f"at {at}")
    with store.read() as tx:
        workers = leases.holders(tx, "worker:", now=now)
        oldest = deliveries.oldest_stored(tx)
    if workers:
        yield good(PART, "workers", f"{len(workers)} alive")
    else:
        hint = "start `mergeport serve`, or `mergeport worker`; if it runs, its log says what it waits for"
        yield Finding(PART, "workers", Verdict.FAULT, "no worker is alive", hint)
    waiting = now - oldest if oldest else timedelta()
    if waiting <= LATE:
        yield good(PART, "inbox", "nothing waits for long")
    else:
        words = f"the oldest delivery waits for {waiting.total_seconds() / 60:.0f} minutes"
        yield Finding(PART, "inbox", Verdict.WARNING, words, "`mergeport deliveries list` says for what")
