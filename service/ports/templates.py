"""Templates of a team's: their own text of pull requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Templates(Protocol):
    """Renders templates, within bounds."""

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """Give the text that a template makes of plain data; PermanentError `template-invalid` says where it fails."""
        ...
