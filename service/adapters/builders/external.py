"""An existing pipeline builds and pushes; Mergeport waits until the registry has exactly the configured tag.

There is nothing to do here but to say so. The wait, its deadline and the look at the revision are the pipeline's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from service.adapters.parts import Parts
    from service.ports import BuildControl, BuildRequest


class Options(BaseModel):
    """An existing pipeline pushes the image, under the configured tag."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    kind: Literal["external"] = "external"


def make(_parts: Parts) -> ExternalBuilder:
    """Give the builder; it needs nothing."""
    return ExternalBuilder()


class ExternalBuilder:
    """Starts nothing."""

    local = False

    def build(self, request: BuildRequest, control: BuildControl) -> None:
        """Name in the log what is waited for."""
        control.log(f"waiting for {request.reference}, which another pipeline pushes\n")
