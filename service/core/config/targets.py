"""The result of a configuration: one resolved target for each application in each environment.

Made by `load`, read by routing and the pipeline. Nothing here looks at the file again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple, TypeAlias

from pydantic import BaseModel

from service.core.deployment import Patience
from service.core.words import (
    AutoMerge,
    MergeMethod,
    OrderBy,
    Protected,
    Publish,
    Rebuild,
    Repository,
    Reuse,
    Rewritten,
)

Written: TypeAlias = str | int | float | bool
"""What an entry of `set` writes: a text with placeholders, or a number or boolean as it is."""


class RegistryTarget(NamedTuple):
    """A registry as configured."""

    kind: str
    host: str
    options: BaseModel


class PullFrom(NamedTuple):
    """The registry that an environment pulls from. Without `copy` somebody else replicates images into it."""

    registry: RegistryTarget
    copy: bool = False


class ImageTarget(NamedTuple):
    """One image of an application: its registry and repository, its tag and its builder.

    `registry_*` is where the environment pulls it from. If it is pushed elsewhere first, `pushed_to` says where, and
    `copy` whether we copy it from there or wait until it was replicated.

    `name` is empty where the application has only one and gave it none. `tag` is a template for
    `service.core.images.tag_for`. An image without one of the `platforms` is not taken.
    `redeploy` brings what a tag names once it has moved.
    """

    name: str
    registry_kind: str
    registry_host: str
    registry_options: BaseModel
    repository: str
    tag: str
    builder_kind: str
    builder_options: BaseModel
    reuse: Reuse = Reuse.DEFAULT
    rebuild: Rebuild = Rebuild.NEVER
    platforms: tuple[str, ...] = ()
    redeploy: bool = False
    pushed_to: RegistryTarget | None = None
    copy: bool = False

    @property
    def made(self) -> ImageTarget:
        """The image as it is made: in the registry that it is pushed to."""
        if self.pushed_to is None:
            return self
        kind, host, options = self.pushed_to
        return self._replace(
            registry_kind=kind, registry_host=host, registry_options=options, pushed_to=None, copy=False
        )

    def pulled_from(self, other: PullFrom) -> ImageTarget:
        """Give the image as an environment has it that pulls from a registry; the same one where it is pushed there."""
        kind, host, options = other.registry
        if host == self.registry_host:
            return self
        here = RegistryTarget(self.registry_kind, self.registry_host, self.registry_options)
        return self._replace(
            registry_kind=kind, registry_host=host, registry_options=options, pushed_to=here, copy=other.copy
        )

    @property
    def full_name(self) -> str:
        """The image's name without tag: `registry/repository`."""
        return f"{self.registry_host}/{self.repository}"


class ModelTarget(NamedTuple):
    """One model of an application: its registry, its name there, and the alias whose version is wanted.

    `name` is the one in placeholders: `{scorer.uri}`. `alias` is empty where an environment upstream feeds it.
    """

    name: str
    registry: str
    kind: str
    options: BaseModel
    repository: str
    alias: str = ""

    @property
    def registry_host(self) -> str:
        """Our name of the registry, which stands where an image has its host."""
        return self.registry

    @property
    def full_name(self) -> str:
        """The model's name with its registry."""
        return f"{self.registry}/{self.repository}"

    @property
    def tag(self) -> str:
        """The template of what stands where an image has its tag."""
        return "{version}"


class ValuesTarget(NamedTuple):
    """One values file and what is written to it: (values path, template or typed value)."""

    file: str
    set: tuple[tuple[str, Written], ...]
    create: bool = False
    new_file: bool = False
    position: int = 0
    """Where it is in the file's list: a target has only the entries that concern it."""


class Upstream(NamedTuple):
    """The environments that feed another one. With `every` a release must be healthy in all of them, else in one.

    Unless `automatic`, it then waits until a person promotes it. `carry` are values paths that go along with it.
    """

    environments: tuple[str, ...]
    every: bool = False
    automatic: bool = True
    carry: tuple[str, ...] = ()


class PullRequestPolicy(NamedTuple):
    """How a promotion's pull request is presented: who is asked to review it (a login or `team:SLUG`), and so on.

    `gate_labels`: a label follows the state of its gates. `draft`: it opens as a draft, until all gates are open but
    those that reviewers open. `auto_merge` says who merges it once all are open, None for a person.
    """

    reviewers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    milestone: str = ""
    gate_labels: bool = False
    draft: bool = False
    auto_merge: AutoMerge | None = None
    merge_method: MergeMethod = MergeMethod.MERGE


class ChartTarget(NamedTuple):
    """What is rendered for a pull request: a chart's folder (empty: beside the values file), and its values files.

    Without `values` the written ones are meant.
    """

    path: str = ""
    values: tuple[str, ...] = ()
    release: str = ""
    namespace: str = ""


class OrderPolicy(NamedTuple):
    """The order of one application in one environment. `rewritten` decides if `by` gives no answer."""

    by: OrderBy = OrderBy.ANCESTRY
    rewritten: Rewritten = Rewritten.REFUSE


class WritingPolicy(NamedTuple):
    """How commits come to the manifest branch.

    The first of several promotions waits `batch_window` for the others. `protected` says what happens if the branch
    refuses a commit for good, `co_author` whether the commit names the change's author.
    """

    batch_window: timedelta = timedelta(0)
    protected: Protected = Protected.ERROR
    co_author: bool = False


class Deadlines(NamedTuple):
    """How long a run waits for each thing outside before it fails."""

    build: timedelta = timedelta(minutes=30)
    image: timedelta = timedelta(minutes=60)
    sync: timedelta = timedelta(minutes=15)
    pull_request: timedelta = timedelta(days=30)


class Target(NamedTuple):
    """One application, or one model of an application, in one environment.

    With `model` it has no images: `source` names the model, and `branch` its alias. `group` names what shares a
    pull request in the environment; it is empty where each application has its own.
    `branch` is a glob; it is empty if `upstream` feeds the environment instead. No `paths` means every change counts.
    `manifest_repository` None means the configuration repository, `manifest_branch` None the default branch;
    `argocd_application` None ends a run at the commit. `patience` says when an observation counts, and
    `rollback_within` how long after it went live a degraded release is gone back from (zero: never). `gates` and
    `notify` have the options by kind. If `cancel_in_progress` is set, a newer merge ends a run whose image is still
    being built.
    """

    application: str
    environment: str
    source: Repository
    branch: str
    paths: tuple[str, ...]
    images: tuple[ImageTarget, ...]
    values: tuple[ValuesTarget, ...]
    publish: Publish = Publish.COMMIT
    pull_request: PullRequestPolicy = PullRequestPolicy()
    manifest_repository: Repository | None = None
    manifest_branch: str | None = None
    writing: WritingPolicy = WritingPolicy()
    argocd_application: str | None = None
    deadlines: Deadlines = Deadlines()
    patience: Patience = Patience()
    rollback_within: timedelta = timedelta(0)
    order: OrderPolicy = OrderPolicy()
    gates: tuple[tuple[str, BaseModel], ...] = ()
    notify: tuple[tuple[str, BaseModel], ...] = ()
    cancel_in_progress: bool = False
    upstream: Upstream | None = None
    group: str = ""
    chart: ChartTarget = ChartTarget()
    model: ModelTarget | None = None

    @property
    def owner(self) -> str:
        """The application as the file names it; `application` may be a part of it, such as one of its models."""
        return self.application.partition(".")[0]

    @property
    def artifacts(self) -> tuple[ImageTarget | ModelTarget, ...]:
        """What a release of it has: its images, or its model."""
        return self.images if self.model is None else (self.model,)
