"""Decides how long an error that may pass by itself is retried before it is believed.

Called where a run's error becomes a wait, and where something has to be done before a run ends by it. Reads rows only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile

from service.core.words import RunId, WaitKind
from service.errors import BELIEVED_AFTER_SECONDS
from service.store import Transaction, waits
from service.store.waits import Wait


def retries_in_a_row(waited: Sequence[Wait], code: str) -> list[Wait]:
    """Give the newest retries for the same reason, newest first; any other wait between means that the run went on."""
    return list(takewhile(lambda wait: (wait.kind, wait.subject) == (WaitKind.RETRY, code), reversed(waited)))


def lasts(tried: Sequence[Wait], now: datetime) -> bool:
    """Tell whether the error that has been retried so has lasted long enough to be believed."""
    return bool(tried) and (now - tried[-1].created_at).total_seconds() >= BELIEVED_AFTER_SECONDS


def is_believed(tx: Transaction, run_id: RunId, code: str, now: datetime) -> bool:
    """Tell whether a run's error with this code has lasted long enough to be believed."""
    return lasts(retries_in_a_row(waits.of_run(tx, run_id), code), now)
