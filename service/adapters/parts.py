"""What bootstrap hands to every builder and registry to make itself of; each takes what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.ports import Checkout, Clock
    from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """The settings of the process, its clock, and how source code is fetched."""

    settings: Settings
    clock: Clock
    checkout: Checkout
