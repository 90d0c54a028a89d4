"""A builder that builds nothing: all that a builder has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from service.adapters.parts import Parts
    from service.ports import BuildControl, BuildRequest


class Options(BaseModel):
    """What the toy is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["toy"] = "toy"
    flavour: str = "plain"


class ToyBuilder:
    """Only says what it would do."""

    local = True

    def build(self, request: BuildRequest, control: BuildControl) -> None:
        """Log one line."""
        control.log(f"toy of {request.reference}\n")


def make(_parts: Parts) -> ToyBuilder:
    """Give the builder."""
    return ToyBuilder()
