"""Helm charts: what one renders with the values of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and its values files, as they are at one commit. `files` are its files by their path in it.

    Each `turn` is rendered by itself, to find what is made by chance.
    """

    files: Mapping[str, bytes]
    values: tuple[bytes, ...]
    release: str
    namespace: str = ""
    turn: int = 0


class Charts(Protocol):
    """Renders charts, offline."""

    def render(self, chart: Chart) -> str:
        """Give the manifests as YAML; the same chart gives the same text as long as it is remembered.

        PermanentError `chart-not-rendered` says why there are none.
        """
        ...
