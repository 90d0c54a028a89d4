"""A gate whose options are a list."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, RootModel

from service.core.gates import Allow, Facts, Refuse, Verdict


class Window(BaseModel):
    """One name that is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    application: str


class Options(RootModel[list[Window]]):
    """Applications that are refused."""


def judge(options: Options, facts: Facts) -> Verdict:
    """Refuse the listed ones."""
    refused = facts.application in [window.application for window in options.root]
    return Refuse(f"{facts.application} is not wanted") if refused else Allow()
