"""Builds a Dockerfile on this machine, with Docker or buildah, whichever really works, and pushes the image.

The build queue calls it. It runs the RUN lines of everybody who can push to the source repository, so it is for
development and single tenants. It asks the registry, not the tool, whether a push succeeded.
Code that only reads its options does not load the code that runs processes.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Literal, cast

from pydantic import BeforeValidator, Field, WithJsonSchema

from service.adapters.dockerfile_options import BuildArg, Platform, Stage
from service.core.config.texts import duration
from service.core.dockerfiles.wishes import TemplateKeys
from service.core.images import REVISION_LABEL
from service.core.words import BuilderPlace
from service.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from service.adapters.build_tools import Probe, Recipe, Tool, Wanted
    from service.adapters.child_process import Ended
    from service.adapters.parts import Parts
    from service.ports import BuildControl, BuildRequest, Checkout, HereBuilder


def _seconds_or_text(value: object) -> object:
    """Take `30m` and its like as text, and a plain number as seconds."""
    match value:
        case int() if not isinstance(value, bool):
            return duration(f"{value}s")
        case str():
            return duration(value)
        case timedelta():
            return value
        case _:
            raise ValueError("expected a duration such as 30m")


Duration = Annotated[
    timedelta,
    BeforeValidator(_seconds_or_text),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"}, {"type": "integer"}]}),
]


class Options(TemplateKeys):
    """A Dockerfile, or a template, that is built on Mergeport's own machine, by Docker or buildah."""

    kind: Literal["docker"] = "docker"
    context: str = Field(default=".", description="The folder that the build sees, in the source repository.")
    dockerfile: str = Field(default="Dockerfile", description="The Dockerfile, relative to the context.")
    args: dict[BuildArg, str] = Field(
        default_factory=dict, description="Build arguments. Never secrets: they stay readable in the image."
    )
    target: Stage | None = Field(default=None, description="The stage to build; the last if absent.")
    platform: Platform | None = Field(
        default=None,
        description="One platform, e.g. linux/arm64; this machine's own if absent.",
    )
    network: Literal["default", "none", "host"] = Field(default="default", description="The network of RUN lines.")
    timeout: Duration = Field(
        default=timedelta(minutes=30), description="The longest that build and push may take: 30m, 1h, or seconds."
    )


def make(parts: Parts) -> HereBuilder:
    """Give the builder with the tool that the settings want; `layer` is the demo's builder, which needs no tool."""
    settings = parts.settings
    if settings.builder == "layer":
        return _layer_builder(parts.checkout)
    return DockerBuilder(
        parts.checkout,
        settings.state_directory / "builds",
        wanted=wanted(settings.builder),
        docker_config=settings.registry_auth_file,
        netrc=settings.build_netrc_file,
    )


def wanted(text: str) -> Wanted:
    """Read from the settings which tool to use."""
    match text:
        case "auto" | "docker" | "buildah" | "none":
            return text
        case _:
            raise ValueError(f"not a tool: {text}")


def _layer_builder(checkout: Checkout) -> HereBuilder:
    try:
        found = import_module("devstack.layer")
    except ModuleNotFoundError as error:
        raise PermanentError(
            "The builder `layer` is not installed: it is only for the demo, and comes with Mergeport's sources.",
            code="builder-missing",
            hint="set MERGEPORT_BUILDER to docker, buildah or auto",
        ) from error
    return cast("HereBuilder", found.LayerBuilder(checkout))


class DockerBuilder:
    """Builds and pushes with a tool of this machine, several builds at once."""

    place: Literal[BuilderPlace.HERE] = BuilderPlace.HERE

    def __init__(
        self,
        checkout: Checkout,
        directory: Path,
        *,
        wanted: Wanted = "auto",
        docker_config: Path | None = None,
        netrc: Path | None = None,
    ) -> None:
        """Take the source's checkout, a folder of our own for work and layers, and which tool is wanted.

        `docker_config` is the file with the credentials of private base images, `netrc` that of package mirrors.
        """
        self._checkout = checkout
        self._directory = directory
        self._wanted: Wanted = wanted
        self._docker_config = docker_config
        self._netrc = netrc
        self._lock = Lock()
        self._probe: Probe | None = None

    def probe(self) -> Probe:
        """Find a tool that works by building with it.

        A success is remembered; after a failure the next call tries again.
        """
        from service.adapters.build_tools import probe  # noqa: PLC0415 - as the module's docstring says

        with self._lock:
            if self._probe is None or self._probe.tool is None:
                self._probe = probe(self._wanted, self._directory)
            return self._probe

    def build(self, request: BuildRequest, control: BuildControl) -> None:
        """Build and push; may be repeated at any time, and leaves nothing but layers kept for the next build.

        PermanentError: `builder-missing`, `build-platforms`, `build-context`, `project-…`, `build-credentials-missing`,
        `build-failed`, `build-timeout`, `tag-immutable`, `registry-refused`. RetryableError: `build-stopped`,
        `builder-away`, `registry-unavailable`, `push-failed`.
        """
        from service.adapters.build_tools import check_platforms  # noqa: PLC0415 - as above
        from service.adapters.workspace import Workspaces  # noqa: PLC0415 - as above

        options = request.options
        if not isinstance(options, Options):
            raise TypeError(f"not the options of this builder: {type(options).__name__}")
        check_platforms(request.platforms)
        tool = self._tool()
        ends_at = time.monotonic() + options.timeout.total_seconds()
        with Workspaces(self._directory / "work").new() as folder, tool.at_work():
            source = folder / "source"
            source.mkdir()
            self._checkout(request.repository, request.commit, source)
            environment = tool.logged_in(folder / "login", request.target, self._docker_config)
            call = _Caller(control, ends_at, folder, environment)
            control.log(f"building with {tool.name}\n")
            recipe = _recipe(request, options, source)
            if options.template is not None:
                recipe = self._from_template(recipe, options, folder / "Dockerfile", control)
            ended = call(tool.build(recipe))
            if ended.status != 0:
                raise _build_failure(tool, ended)
            if _is_there(request, control):
                return
            control.log(f"pushing {request.target.reference}\n")
            ended = call(tool.push(request.target))
            if ended.status != 0:
                _judge_push(request, ended, control)

    def _from_template(self, recipe: Recipe, options: Options, file: Path, control: BuildControl) -> Recipe:
        """Write the template's Dockerfile beside the source, where the build's context does not have it."""
        from service.adapters.project_files import write_dockerfile  # noqa: PLC0415 - as above

        secrets = {"netrc": self._credentials()} if options.wishes and options.wishes.credentials else {}
        control.log(write_dockerfile(options, recipe.context, file))
        return replace(recipe, dockerfile=file, secrets=secrets)

    def _credentials(self) -> Path:
        if self._netrc is None:
            raise PermanentError(
                "The package mirror wants credentials, and there are none on this machine.",
                code="build-credentials-missing",
                hint="set MERGEPORT_BUILD_NETRC_FILE to a file in the format of netrc, or `with.credentials: false`",
            )
        return self._netrc

    def _tool(self) -> Tool:
        found = self.probe()
        if found.tool is None:
            raise PermanentError(
                f"No image can be built on this machine: {found.reason}.",
                code="builder-missing",
                hint="install Docker or buildah, or set `build` to `kind: github-actions`, `codebuild` or `external`",
            )
        return found.tool


class _Caller:
    """Runs the tool in the build's folder, with its credentials, until the build's deadline."""

    def __init__(self, control: BuildControl, ends_at: float, folder: Path, environment: dict[str, str]) -> None:
        self._control = control
        self._ends_at = ends_at
        self._folder = folder
        self._environment = environment

    def __call__(self, argv: list[str]) -> Ended:
        from service.adapters.child_process import run  # noqa: PLC0415 - as above

        return run(argv, control=self._control, ends_at=self._ends_at, directory=self._folder, extra=self._environment)


def _recipe(request: BuildRequest, options: Options, source: Path) -> Recipe:
    """Resolve the paths inside the checkout and put the request's labels on the image."""
    from service.adapters.build_tools import Recipe  # noqa: PLC0415 - as above
    from service.adapters.workspace import resolve_inside  # noqa: PLC0415 - as above

    return Recipe(
        context=resolve_inside(source, options.context),
        dockerfile=source if options.template else resolve_inside(source, options.context, options.dockerfile),
        tag=request.target.reference,
        labels=request.labels,
        args=options.args,
        target=options.target,
        platform=options.platform,
        network=None if options.network == "default" else options.network,
        fresh=request.fresh,
    )


def _build_failure(tool: Tool, ended: Ended) -> PermanentError | RetryableError:
    """Tell a Dockerfile that does not build from a daemon that went away."""
    if not tool.answers():
        return RetryableError(
            "The Docker daemon went away during the build.", code="builder-away", hint="see the daemon's own log"
        )
    return PermanentError(
        f"The image cannot be built: {ended.words}",
        code="build-failed",
        hint="the build's log has all of it; correct the source and merge again",
    )


def _is_there(request: BuildRequest, control: BuildControl) -> bool:
    """Tell whether another process has pushed this revision meanwhile, so that its tag must not be written again."""
    from service.adapters.distribution import Distribution, fixed  # noqa: PLC0415 - loads requests

    if control.cancelled():
        raise RetryableError("The build was stopped.", code="build-stopped")
    if request.anew:
        return False
    target = request.target
    registry = Distribution(
        target.host, credentials=fixed(target.credentials), insecure=target.insecure, ca_file=target.ca_file
    )
    there = registry.find(request.reference)
    if there is None or there.revision != request.labels.get(REVISION_LABEL):
        return False
    control.log("the registry has this revision under the tag already\n")
    return True


def _judge_push(request: BuildRequest, ended: Ended, control: BuildControl) -> None:
    """Ask the registry about a push that the tool calls failed; return if our image is there, else raise.

    It checks in this order: the registry is away or refuses pushes (its own errors), has this revision under the tag,
    or has another one that must stay. Any other failure may pass.
    """
    from service.adapters.distribution import Distribution, fixed  # noqa: PLC0415 - loads requests
    from service.adapters.distribution_errors import immutable  # noqa: PLC0415 - as above

    target, reference = request.target, request.reference
    registry = Distribution(
        target.host, credentials=fixed(target.credentials), insecure=target.insecure, ca_file=target.ca_file
    )
    registry.check_push(reference.repository)
    there = registry.find(reference)
    if not request.anew and there is not None and there.revision == request.labels.get(REVISION_LABEL):
        control.log("the registry has this revision under the tag already\n")
        return
    if there is not None and (target.immutable_tags or "immutable" in ended.words.lower()):
        raise immutable(target.host, str(reference))
    raise RetryableError(
        f"The image was built but not pushed: {ended.last[-1] if ended.last else 'the tool gave no reason'}",
        code="push-failed",
        hint="the build's log has what the tool said",
    )
