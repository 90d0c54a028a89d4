"""What bootstrap hands to every integration to make itself of; each takes what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from service.adapters.github_api.budget import Budgets
    from service.ports import Checkout, Clock
    from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """The settings of the process, its clock, how source code is fetched, and whose certificates are trusted."""

    settings: Settings
    clock: Clock
    checkout: Checkout
    ca_file: Path | None = None
    """Our own authorities and the usual ones; None where the settings name no own ones."""
    budgets: Budgets | None = None
    """What GitHub takes from this process; None where only one connection of it is made."""
