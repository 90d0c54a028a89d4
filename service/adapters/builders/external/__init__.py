"""An existing pipeline builds and pushes by itself; Mergeport waits until the registry has exactly the configured tag.

There is no builder to start, to ask or to cancel, and there is no log. The pipeline waits for the image, keeps
the deadline and checks the revision. Where the options name a workflow of GitHub Actions, its run for the commit is
looked at, so that one that failed or was skipped ends the wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.adapters.dockerfile_options import WorkflowFile

if TYPE_CHECKING:
    from service.adapters.parts import Parts
    from service.ports import Pipelines


class Options(BaseModel):
    """An existing pipeline pushes the image, under the configured tag."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    kind: Literal["external"] = "external"
    workflow: WorkflowFile | None = Field(
        default=None,
        description="The file name of the GitHub workflow that pushes the image. One that failed or was skipped ends "
        "the wait.",
    )


def make(_parts: Parts) -> None:
    """Give no builder."""


def make_pipelines(parts: Parts) -> Pipelines:
    """Give who asks for the workflows of others."""
    from service.adapters.builders.external.workflows import PushedWorkflows  # noqa: PLC0415 - it loads much
    from service.adapters.github_api.login import connection_of  # noqa: PLC0415 - as above

    return PushedWorkflows(connection_of(parts), parts.clock.now)
