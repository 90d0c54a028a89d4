"""A notifier that keeps its notices: the smallest possible one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from service.adapters.parts import Parts
    from service.ports import Notice


class Options(BaseModel):
    """Whom to tell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: str


class ToyNotifier:
    """Keeps lines in memory."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.told: list[str] = []

    def notify(self, notice: Notice) -> None:
        """Keep one line."""
        self.told.append(f"{self.channel}: {notice.application} in {notice.environment}: {notice.words}")


def make(options: Options, _parts: Parts) -> ToyNotifier:
    """Give the notifier of these options."""
    return ToyNotifier(options.channel)
