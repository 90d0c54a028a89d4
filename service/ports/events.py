"""A queue of events in which the outside world tells of itself, to be read without a door of our own.

An event is a hint: it says "look now", and what it tells is read elsewhere. It may come late, twice, or never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ImageEvent:
    """An image came into a registry; `hosts` are all names that the registry goes by."""

    registry_kind: str
    hosts: frozenset[str]


@dataclass(frozen=True, slots=True)
class BuildEvent:
    """A build of a builder elsewhere moved."""

    builder_kind: str


Event = ImageEvent | BuildEvent


@dataclass(frozen=True, slots=True)
class Received:
    """What one reading brought: each event once, and what the queue needs to forget its messages."""

    events: frozenset[Event] = frozenset()
    receipts: tuple[str, ...] = ()


class EventQueue(Protocol):
    """Reads events."""

    def receive(self) -> Received:
        """Give what is there, and wait for up to 20 s for it; what is no event of ours is among the receipts."""
        ...

    def forget(self, received: Received) -> None:
        """Take the messages from the queue; what is not taken comes again."""
        ...
