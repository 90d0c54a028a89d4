"""An existing pipeline builds and pushes by itself; Mergeport waits until the registry has exactly the configured tag.

There is no builder to start, to ask or to cancel, and there is no log. The pipeline waits for the image, keeps
the deadline and checks the revision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from service.adapters.parts import Parts


class Options(BaseModel):
    """An existing pipeline pushes the image, under the configured tag."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    kind: Literal["external"] = "external"


def make(_parts: Parts) -> None:
    """Give no builder."""
