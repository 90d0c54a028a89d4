"""Readiness: whether this process can take deliveries and somebody works on them. Says what is missing.

Called by the private listener's `/readyz`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.errors import MergeportError
from service.store import Store, leases
from service.store.migrate import newest_revision, revision


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so; `hint` is the next action where it is not."""

    name: str
    ok: bool
    message: str
    hint: str = ""


def readiness(store: Store, now: datetime) -> list[Check]:
    """Look at the store, its tables and the workers' leases."""
    try:
        at, needed = revision(store), newest_revision()
    except MergeportError as error:
        return [Check("store", ok=False, message=error.message, hint=error.hint)]
    checks = [Check("store", ok=True, message="reachable")]
    if at != needed:
        told = f"tables are at {at or 'nothing'}, this version needs {needed}"
        return [*checks, Check("tables", ok=False, message=told, hint="run `mergeport migrate`")]
    checks.append(Check("tables", ok=True, message=f"at {at}"))
    try:
        with store.read() as tx:
            workers = leases.holders(tx, "worker:", now=now)
    except MergeportError as error:
        return [*checks, Check("worker", ok=False, message=error.message, hint=error.hint)]
    if not workers:
        missing = Check("worker", ok=False, message="no worker is alive", hint="start `mergeport worker`")
        return [*checks, missing]
    return [*checks, Check("worker", ok=True, message=f"{len(workers)} alive")]
