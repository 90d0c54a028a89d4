"""Builds in GitHub Actions: dispatches a workflow of the source repository and follows its run.

The run pushes the image with its own credentials, and the registry alone says what came of it. The workflow needs
`workflow_dispatch` with the inputs that are sent, and a `run-name` with the input `correlation`.
Code that only reads its options does not load the code that calls GitHub.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from service.adapters.dockerfile_options import BuildArg, Platform, Stage, WorkflowFile
from service.core.dockerfiles.wishes import TemplateKeys
from service.core.fitting import fitting

if TYPE_CHECKING:
    from service.adapters.parts import Parts
    from service.ports import ElsewhereBuilder

MOST_EXTRA = 12
"""GitHub takes 25 inputs; eleven are ours, and some more may become ours."""

_InputName = Annotated[
    str,
    *fitting(
        r"^[A-Za-z_][A-Za-z0-9_-]*$", "the name of an input", "letters, digits, _ and -, the first one a letter or _"
    ),
]
OURS = frozenset({"image", "tag", "commit", "correlation", "context", "dockerfile", "args", "target", "platforms"})
"""The inputs that are filled in here."""


class Options(TemplateKeys):
    """A workflow of the source repository that builds and pushes the image, started by Mergeport."""

    kind: Literal["github-actions"] = "github-actions"
    workflow: WorkflowFile = Field(
        default="build-image.yml",
        description="The workflow's file name in .github/workflows of the source repository.",
    )
    ref: str | None = Field(
        default=None,
        min_length=1,
        max_length=255,
        description="The branch or tag whose workflow file is used; the branch of the merge if absent.",
    )
    context: str | None = Field(default=None, description="Sent as `context`; the workflow's own default if absent.")
    dockerfile: str | None = Field(
        default=None, description="Sent as `dockerfile`, relative to the context; the workflow's own default if absent."
    )
    args: dict[BuildArg, str] = Field(
        default_factory=dict, description="Build arguments, sent as `args`, one NAME=VALUE a line. Never secrets."
    )
    target: Stage | None = Field(default=None, description="The stage to build, sent as `target`.")
    platforms: tuple[Platform, ...] = Field(
        default=(), description="Sent as `platforms`, with commas between, e.g. linux/amd64,linux/arm64."
    )
    inputs: dict[_InputName, str] = Field(
        default_factory=dict, max_length=MOST_EXTRA, description="More inputs of the workflow. Never secrets."
    )

    at_once: int | None = Field(
        default=None,
        ge=1,
        description="At most so many builds of one source repository at once; the others wait for their turn.",
    )

    @property
    def recipe(self) -> str:
        """The file in the source that says how it is built."""
        return f".github/workflows/{self.workflow}"

    @field_validator("inputs")
    @classmethod
    def _not_ours(cls, inputs: dict[str, str]) -> dict[str, str]:
        if taken := sorted(OURS & inputs.keys()):
            raise ValueError(f"`{taken[0]}` is filled in by Mergeport")
        return inputs

    @field_validator("args")
    @classmethod
    def _on_one_line(cls, args: dict[str, str]) -> dict[str, str]:
        if broken := [name for name, text in args.items() if "\n" in text or "\r" in text]:
            raise ValueError(f"`{broken[0]}` has more than one line")
        return args


def make(parts: Parts) -> ElsewhereBuilder:
    """Give the builder, with the login of the source repositories; nothing is asked yet."""
    from service.adapters.builders.github_actions.builder import GitHubActions  # noqa: PLC0415 - as above
    from service.adapters.github_api.login import connection_of  # noqa: PLC0415 - as above

    trusted = str(parts.ca_file) if parts.ca_file else None
    return GitHubActions(
        connection_of(parts), api_url=parts.settings.github_api_url, ca_file=trusted, checkout=parts.checkout
    )
