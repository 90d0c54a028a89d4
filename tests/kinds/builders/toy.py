"""A builder here that builds nothing: all that it has to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from service.core.words import BuilderPlace

if TYPE_CHECKING:
    from service.adapters.parts import Parts
    from service.ports import BuildControl, BuildRequest


class Options(BaseModel):
    """The toy's options."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["toy"] = "toy"
    flavour: str = "plain"


class ToyBuilder:
    """Only logs what it would do."""

    place: Literal[BuilderPlace.HERE] = BuilderPlace.HERE

    def build(self, request: BuildRequest, control: BuildControl) -> None:
        """Log one line."""
        control.log(f"toy of {request.reference}\n")


def make(_parts: Parts) -> ToyBuilder:
    """Give the builder."""
    return ToyBuilder()
