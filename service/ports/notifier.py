"""Telling people what became of a run, by chat or mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.core.words import RunId, RunState


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice: one change of a run's state, in words, with the page that says more."""

    run: RunId
    application: str
    environment: str
    state: RunState
    words: str
    url: str
    at: datetime


class Notifier(Protocol):
    """Sends notices to people. The same notice may come twice, and people may see it twice."""

    def notify(self, notice: Notice) -> None:
        """Send a notice."""
        ...
