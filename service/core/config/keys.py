"""The keys of `mergeport.yaml`, as models: what each layer may say, of which type, with which default.

The JSON schema, the faults for unknown keys and the documentation all come from here. What a text
means (placeholders, patterns, names) is checked when the layers have been laid over each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from service.core.config.key_types import (
    LINK,
    BuildKey,
    Create,
    DurationKey,
    Entry,
    FromKey,
    GatesKey,
    Keys,
    ModelRegistryKey,
    NotifyKey,
    Overrides,
    PullFromKey,
    RegistryKey,
    TextOrFalse,
)
from service.core.config.model_keys import ModelKeys
from service.core.config.pull_request_keys import PullRequestKeys
from service.core.config.role_keys import RoleKeys
from service.core.config.time_keys import DeadlineKeys, HealthKeys
from service.core.words import OrderBy


class ManifestKeys(Keys):
    """Where desired state is written."""

    repository: str = Field(default="", description="owner/name; the configuration repository if absent.")
    branch: str = Field(
        default="", description="The branch that is written; the repository's default branch if absent."
    )
    batch_window: DurationKey = Field(
        default="", description="How long the first promotion waits for others to be pushed with; not at all if absent."
    )
    protected: Literal["error", "pull-request"] = Field(
        default="error",
        description="What happens when the branch refuses a commit for good: an error, or a pull request.",
    )
    co_author: bool = Field(
        default=False, description="Whether the commit names the change's author as Co-authored-by."
    )


ORDER = re.compile(r"(defaults|environments\.[^.]+|applications\.[^.]+(\.environments\.[^.]+)?)\.order(\.by)?")
"""The place of `order`, where `off` and the `false` that YAML 1.1 makes of it mean the same."""


class OrderKeys(Keys):
    """How Mergeport decides which of two source commits is newer, and what happens if it cannot."""

    by: Literal["ancestry", "commit-time", "off"] = Field(
        default="ancestry",
        description="ancestry: a commit that contains the deployed one is newer. commit-time: else the later one is.",
    )
    rewritten: Literal["refuse", "allow"] = Field(
        default="refuse", description="What happens if the order is unknown, as after a force-push of the source."
    )


def _spelled_out(value: object) -> object:
    """Turn a text into the mapping that has it as `by`; YAML 1.1 reads `off` as `false`."""
    if value is False:
        return {"by": OrderBy.OFF.value}
    if not isinstance(value, str | dict):
        raise PydanticCustomError("wrong_type", "expected {words}", {"words": "text, false or a mapping"})
    return {"by": value} if isinstance(value, str) else value


OrderKey = Annotated[
    OrderKeys,
    BeforeValidator(_spelled_out),
    WithJsonSchema({"anyOf": [{"enum": [*(by.value for by in OrderBy), False]}, {LINK: "OrderKeys"}]}),
    Field(default={}, validate_default=True, description="How an older commit is kept from replacing a newer one."),
]


class RollbackKeys(Keys):
    """When Mergeport goes back to the former release by itself."""

    when_degraded_within: DurationKey = Field(
        default="",
        description="How long after it went live a release that gets degraded is gone back from; never if absent.",
    )


RollbackKey = Annotated[
    RollbackKeys,
    Field(default={}, validate_default=True, description="When Mergeport goes back to the former release by itself."),
]


class EnvironmentKeys(Keys):
    """One environment: the branch that feeds it, and how changes reach its desired state."""

    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "source", "paths", "registry", "image", "images", "tag", "build", "platforms", "redeploy", "reuse",
            "rebuild", "values", "chart", "argocd", "deadlines", "health", "models",
        ),
        "a key of an application: put it under defaults, or under applications.NAME.environments.NAME",
    )  # fmt: skip

    branch: str = Field(default="", description="The branch of the source repository that feeds it; a glob is allowed.")
    upstream: FromKey = Field(
        default=None,
        alias="from",
        description="The environment that feeds it, instead of a branch: what is live and healthy there comes here.",
    )
    alias: str = Field(
        default="", description="The alias of the model registry that feeds models here; latest is the newest version."
    )
    automatic: bool = Field(default=True, description="false: what is healthy upstream waits for a person.")
    carry: list[str] = Field(default=[], description="With from: values paths that go along with a release's images.")
    publish: Literal["commit", "pull-request"] = Field(
        default="commit", description="Whether a promotion is a commit at once or a pull request that a person merges."
    )
    group: str = Field(default="application", description="What shares a pull request: this, environment, or a NAME.")
    pull_request: PullRequestKeys = Field(
        default={}, validate_default=True, description="How its pull requests are presented and merged."
    )
    manifest: ManifestKeys = Field(default={}, validate_default=True, description="The manifest repository and branch.")
    order: OrderKey
    rollback: RollbackKey
    gates: GatesKey = Field(
        default={}, description="What a promotion waits for, by the gate's kind; false turns a gate off."
    )
    notify: NotifyKey = Field(default={}, description="Who is notified of the result, by the notifier's kind.")
    pull_from: PullFromKey = Field(
        default="",
        description="The registry that the environment pulls from, where images are pushed to another one first.",
    )
    cancel_in_progress: bool = Field(
        default=False,
        description="true: a newer merge ends the run whose image is still being made, and cancels its build.",
    )


class ValuesKeys(Keys):
    """One values file and what is written in it."""

    model_config = ConfigDict(json_schema_extra={"required": ["file", "set"]})

    file: str = Field(
        default="", description="Path in the manifest repository; {application} and {environment} are known."
    )
    set: dict[str, Entry] = Field(
        default={},
        description="Maps a values path to its value: text with placeholders, or a number or boolean as it is.",
    )
    create: Create = Field(
        default=False,
        description="true: a key that is missing in the file is added; file: the file too, with its folders.",
    )


class ChartKeys(Keys):
    """The Helm chart of an application, so that pull requests show what changes in the rendered manifests."""

    path: str = Field(default="", description="The chart's folder; looked for beside the values file if absent.")
    values: list[str] = Field(default=[], description="The values files, in order; the written ones if absent.")
    release: str = Field(default="", description="The release's name; that of the Argo CD application if absent.")
    namespace: str = Field(default="", description="The namespace that is rendered for.")


class ImageKeys(Keys):
    """One image where an application has several. What it does not say, the application says."""

    registry: RegistryKey = Field(default="", description="The registry: a host, or a mapping with kind and host.")
    image: str = Field(default="", description="The repository in the registry.")
    tag: str = Field(default="{short_sha}", description="The tag; contains {short_sha}, {short_sha:7} or {sha}.")
    build: BuildKey = Field(default={}, description="The builder (kind) and its options.")
    platforms: list[str] = Field(
        default=[],
        description="Platforms that the image must have, e.g. linux/arm64; those of the builder's options if absent.",
    )
    redeploy: bool = Field(
        default=False, description="true: the same tag built and pushed again is brought too. Else it is only shown."
    )
    reuse: Literal["default", "tree", "never"] = Field(
        default="default",
        description="tree: an image of the same source tree is taken instead of a build. default: not for external.",
    )
    rebuild: Literal["never", "daily", "always"] = Field(
        default="never", description="When an image is built although the same tree has one: for newer base images."
    )


class ApplicationKeys(ImageKeys):
    """One application, or what is the same for all of them."""

    elsewhere: ClassVar[Mapping[str, str]] = dict.fromkeys(
        (
            "alias", "branch", "carry", "publish", "group", "pull_request", "manifest", "gates", "notify", "pull_from",
            "cancel_in_progress",
        ),
        "a key of an environment: put it under environments.NAME, or under applications.NAME.environments.NAME",
    )  # fmt: skip

    source: str = Field(default="", description="The repository with the code, owner/name.")
    paths: list[str] = Field(
        default=[], description="Which changed paths count, as GitHub Actions' filters; everything if absent."
    )
    images: dict[str, ImageKeys] = Field(default={}, description="The images by name, where there are several.")
    values: list[ValuesKeys] = Field(default=[], description="The values files that are written.")
    chart: ChartKeys = Field(
        default={}, validate_default=True, description="The Helm chart, for what pull requests show of it."
    )
    argocd: TextOrFalse = Field(
        default="{application}-{environment}",
        description="The Argo CD application that is watched; false ends a run at the commit.",
    )
    deadlines: DeadlineKeys = Field(
        default={}, validate_default=True, description="How long a run waits before it fails."
    )
    health: HealthKeys = Field(
        default={}, validate_default=True, description="When a release counts as live and healthy in Argo CD."
    )
    order: OrderKey
    rollback: RollbackKey


class Defaults(ApplicationKeys):
    """What is the same for all applications."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        **ApplicationKeys.elsewhere,
        "models": "a key of one application: put it under applications.NAME",
        "environments": "what is different in one environment is said under applications.NAME.environments",
    }


class Application(ApplicationKeys):
    """One application."""

    models: dict[str, ModelKeys] = Field(default={}, description="The models by name: {NAME.uri}, {NAME.version}.")

    environments: Overrides = Field(
        default={},
        description="What is different in one environment, by its name; false: the application is not in it.",
    )


class TargetKeys(ApplicationKeys, EnvironmentKeys):
    """One application in one environment: any key of either."""

    elsewhere: ClassVar[Mapping[str, str]] = {"models": "a key of the application: put it under applications.NAME"}


class StateKeys(Keys):
    """What is asked of people who lock, hold and block."""

    reason: Literal["optional", "required"] = Field(
        default="optional", description="required: locks, holds and blocks are refused without a reason."
    )


class File(Keys):
    """The configuration: what is deployed where, and how."""

    defaults: Defaults = Field(default={}, validate_default=True, description="Keys that all applications share.")
    environments: dict[str, EnvironmentKeys] = Field(description="The environments by name.")
    applications: dict[str, Application] = Field(description="The applications by name.")
    model_registries: dict[str, ModelRegistryKey] = Field(
        default={}, description="The model registries by name: a mapping with kind and options."
    )
    state: StateKeys = Field(default={}, validate_default=True, description="Locks, holds and blocks.")
    roles: RoleKeys = Field(default={}, validate_default=True, description="Who may ask for what in comments.")
