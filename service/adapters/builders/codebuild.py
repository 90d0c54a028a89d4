"""Has an AWS CodeBuild project make and push the image: starts its build, follows it, reads its log, and stops it.

The project's buildspec does the work; docs/codebuild/buildspec.yml is one. Variables tell it what to build. It is given
no credentials: the project pushes with its own role. What the build says of itself is shown and never believed.
Code that only reads its options does not load AWS's library.
"""

from __future__ import annotations

import gzip
import re
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from service.adapters.codebuild_repeats import CORRELATION, correlation_of, logs_nowhere, newest_of
from service.adapters.dockerfile_options import BuildArg, CodeBuildProject, InsidePath, Platform, Stage
from service.core.dockerfiles.wishes import TemplateKeys
from service.core.fitting import fitting
from service.core.words import BuilderPlace
from service.errors import MergeportError, PermanentError

if TYPE_CHECKING:
    from mypy_boto3_codebuild.type_defs import BuildTypeDef, StartBuildInputTypeDef

    from service.adapters.codebuild_api import CodeBuildApi
    from service.adapters.parts import Parts
    from service.ports import BuildStanding, Checkout, LogPiece, StartRequest

LISTED_WITHIN = timedelta(seconds=60)
"""Longer than lists of builds lag, and shorter than the five minutes for which CodeBuild keeps a start's token: where a
list lags for longer, the second start that comes then gives the same build."""
_CLOCKS = timedelta(minutes=15)
"""How far AWS's clock and ours may differ when builds are searched by their age."""
_ID = re.compile(
    r"arn:[a-z-]+:codebuild:(?P<region>[a-z0-9-]+):\d{12}:build/(?P<build>[^:\s]+:[^:\s]+)(?: as (?P<role>\S+))?"
)
_NO_LOG = "no-log"
_MOST_PLACES = 1000

_Place = tuple[str, str]
"""The group and the stream of a log."""


class Options(TemplateKeys):
    """An AWS CodeBuild project that builds and pushes the image."""

    kind: Literal["codebuild"] = "codebuild"
    project: CodeBuildProject = Field(
        description="The CodeBuild project. Its source is the application's source repository."
    )
    region: Annotated[str, *fitting(r"^[a-z0-9-]*$", "an AWS region", "write it like ap-northeast-2")] = Field(
        default="", description="The project's AWS region; this process's own if absent."
    )
    role_arn: (
        Annotated[
            str, *fitting(r"^arn:[a-z-]+:iam::\d{12}:role/\S+$", "a role", "write arn:aws:iam::ACCOUNT:role/NAME")
        ]
        | None
    ) = Field(
        default=None,
        description="A role to assume first, e.g. in the account of the project.",
    )
    buildspec: str | None = Field(
        default=None, min_length=1, description="Another buildspec than the project's: its path in the source."
    )
    context: InsidePath = Field(default=".", description="The folder that the build sees, in the source repository.")
    dockerfile: InsidePath = Field(default="Dockerfile", description="The Dockerfile, relative to the context.")
    args: dict[BuildArg, str] = Field(
        default_factory=dict, description="Build arguments. Never secrets: they stay readable in the image."
    )
    target: Stage | None = Field(default=None, description="The stage to build; the last if absent.")
    platforms: tuple[Platform, ...] = Field(
        default=(), description="Platforms, e.g. [linux/amd64, linux/arm64]; the project's own if absent."
    )
    at_once: int | None = Field(
        default=None,
        ge=1,
        description="At most so many builds of one source repository at once; the others wait for their turn.",
    )

    @property
    def recipe(self) -> str:
        """The file in the source that says how it is built; CodeBuild's own name for it if the options name none."""
        return self.buildspec or "buildspec.yml"


MakeApi = Callable[[str, str | None], "CodeBuildApi"]
"""Makes the calls for a region and a role."""


def make(parts: Parts) -> CodeBuildBuilder:
    """Give the builder; it calls AWS with the role of this process, or with one that the options name."""

    def api(region: str, role_arn: str | None) -> CodeBuildApi:
        from service.adapters.codebuild_api import CodeBuildApi  # noqa: PLC0415 - loads AWS's library

        return CodeBuildApi(region, role_arn, ca_file=parts.ca_file)

    return CodeBuildBuilder(api, parts.checkout)


class CodeBuildBuilder:
    """Builds of CodeBuild, of all projects. An external id is the build's ARN, and the role where one is assumed."""

    place: Literal[BuilderPlace.ELSEWHERE] = BuilderPlace.ELSEWHERE
    listed_within = LISTED_WITHIN

    def __init__(self, make_api: MakeApi, checkout: Checkout) -> None:
        """Take what makes the calls, at the first use, and how source code is fetched for templates."""
        self._checkout = checkout
        self._make_api = make_api
        self._apis: dict[tuple[str, str | None], CodeBuildApi] = {}
        self._places: dict[str, _Place] = {}
        self._lock = Lock()

    def most_at_once(self, options: object) -> int | None:
        """Give what the options say; without it CodeBuild's own limits hold."""
        return options.at_once if isinstance(options, Options) else None

    def start(self, request: StartRequest, correlation: str) -> str | None:
        """Start the build; our correlation is CodeBuild's token against a second one, for five minutes.

        A refused input may be that of a second start that differs from the first, so the first is looked for.
        """
        from service.adapters.project_files import dockerfile_at  # noqa: PLC0415 - only where it is used

        options = _options_of(request)
        template = dockerfile_at(self._checkout, request, options, options.context)
        try:
            asked = _start_input(request, options, variables(request, correlation, template), correlation)
            build = self._api(options.region, options.role_arn).start(asked)
        except PermanentError as error:
            before = self.find(request, correlation) if error.code == "codebuild-input" else None
            if before is None:
                raise
            return before
        return _external_id(build, options)

    def find(self, request: StartRequest, correlation: str) -> str | None:
        """Search the project's newest builds, back to the time at which the start was first asked for."""
        options = _options_of(request)
        since = request.since
        for builds in self._api(options.region, options.role_arn).newest(options.project):
            for build in builds:
                begun = build.get("startTime")
                if since is not None and begun is not None and begun < since - _CLOCKS:
                    return None
                if correlation_of(build) == correlation:
                    return _external_id(build, options)
        return None

    def states(self, external_ids: Collection[str]) -> Mapping[str, BuildStanding]:
        """Ask for all builds of a region and role in one call for each hundred.

        If one region cannot be asked, its builds are said to be under way, with the reason. If none can, it is raised.
        """
        from service.adapters.codebuild_words import standing_of  # noqa: PLC0415 - only where it is used
        from service.ports import BuildStanding, Progress  # noqa: PLC0415 - as above

        groups: dict[tuple[str, str | None], dict[str, str]] = {}
        for external_id in external_ids:
            if found := _ID.fullmatch(external_id):
                groups.setdefault((found["region"], found["role"]), {})[found["build"]] = external_id
        told: dict[str, BuildStanding] = {}
        errors: list[MergeportError] = []
        for (region, role), ids in groups.items():
            try:
                builds = self._api(region, role).get(ids)
            except MergeportError as error:
                errors.append(error)
                told |= {
                    one: BuildStanding(Progress.RUNNING, f"it cannot be asked: {error}", heard=False)
                    for one in ids.values()
                }
                continue
            for build in builds:
                self._keep_place(ids[build["id"]], build)
                told[ids[build["id"]]] = standing_of(build)
        if errors and len(errors) == len(groups):
            raise errors[0]
        return told

    def repeated(self, external_ids: Collection[str]) -> Mapping[str, str]:
        """Search the newest builds of their projects for newer ones with the correlation, which "Retry build" keeps.

        One call for each hundred of these builds, and two for each hundred of a project that began after the oldest.
        """
        groups: dict[tuple[str, str | None], list[str]] = {}
        for external_id in external_ids:
            if found := _ID.fullmatch(external_id):
                groups.setdefault((found["region"], found["role"]), []).append(found["build"])
        told: dict[str, str] = {}
        for (region, role), ids in groups.items():
            suffix = f" as {role}" if role else ""
            told |= {f"{old}{suffix}": f"{new}{suffix}" for old, new in newest_of(self._api(region, role), ids).items()}
        return told

    def cancel(self, external_id: str) -> None:
        """Have the build stopped."""
        found = _ID.fullmatch(external_id)
        if found is None:
            return
        api = self._api(found["region"], found["role"])
        try:
            api.stop(found["build"])
        except PermanentError:
            if any(build.get("buildStatus") == "IN_PROGRESS" for build in api.get([found["build"]])):
                raise

    def log(self, external_id: str, after: str) -> LogPiece:
        """Give what its log has in CloudWatch Logs after a token of CloudWatch Logs."""
        from service.ports import LogPiece  # noqa: PLC0415 - as the module's docstring says

        found = _ID.fullmatch(external_id)
        if found is None or after == _NO_LOG:
            return LogPiece("", after)
        api = self._api(found["region"], found["role"])
        place = self._places.get(external_id)
        if place is None:
            build = next(iter(api.get([found["build"]])), None)
            if build is not None and logs_nowhere(build):
                words = "[the project keeps no log in CloudWatch Logs, where Mergeport would read it]\n"
                return LogPiece(words, _NO_LOG)
            place = self._keep_place(external_id, build)
        if place is None:
            return LogPiece("", after)
        return LogPiece(*api.log(*place, after))

    def _keep_place(self, external_id: str, build: BuildTypeDef | None) -> _Place | None:
        """Remember where a build's log is; a build that waits has none yet."""
        logs = build.get("logs", {}) if build is not None else {}
        group, stream = logs.get("groupName"), logs.get("streamName")
        if not group or not stream:
            return None
        with self._lock:
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            self._places[external_id] = (group, stream)
        return group, stream

    def _api(self, region: str, role_arn: str | None) -> CodeBuildApi:
        with self._lock:
            if (region, role_arn) not in self._apis:
                self._apis[region, role_arn] = self._make_api(region, role_arn)
            return self._apis[region, role_arn]


def variables(request: StartRequest, correlation: str, template: str | None = None) -> dict[str, str]:
    """Tell the buildspec what to build. What is empty is left out; each build argument has a variable of its own.

    A template's Dockerfile is told whole, packed so that it is short and on one line.
    """
    options = _options_of(request)
    told = {
        CORRELATION: correlation,
        "MERGEPORT_IMAGE": f"{request.reference.registry}/{request.reference.repository}",
        "MERGEPORT_TAG": request.reference.tag,
        "MERGEPORT_COMMIT": request.commit,
        "MERGEPORT_CONTEXT": options.context,
        "MERGEPORT_DOCKERFILE": "" if template else options.dockerfile,
        "MERGEPORT_TEMPLATE": b64encode(gzip.compress(template.encode(), mtime=0)).decode() if template else "",
        "MERGEPORT_LABELS": " ".join(f"{name}={value}" for name, value in sorted(request.labels.items())),
        "MERGEPORT_REBUILD": "true" if request.fresh else "",
        "MERGEPORT_TARGET": options.target or "",
        "MERGEPORT_PLATFORMS": ",".join(options.platforms),
        "MERGEPORT_BUILD_ARGS": " ".join(sorted(options.args)),
    }
    told |= {f"MERGEPORT_ARG_{name}": value for name, value in sorted(options.args.items())}
    return {name: value for name, value in told.items() if value or name.startswith("MERGEPORT_ARG_")}


def _start_input(
    request: StartRequest, options: Options, told: Mapping[str, str], correlation: str
) -> StartBuildInputTypeDef:
    asked: StartBuildInputTypeDef = {
        "projectName": options.project,
        "sourceVersion": request.commit,
        "idempotencyToken": correlation,
        "environmentVariablesOverride": [
            {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in told.items()
        ],
    }
    if options.buildspec:
        asked["buildspecOverride"] = options.buildspec
    return asked


def _options_of(request: StartRequest) -> Options:
    if not isinstance(request.options, Options):
        raise TypeError(f"not the options of this builder: {type(request.options).__name__}")
    return request.options


def _external_id(build: BuildTypeDef, options: Options) -> str:
    return f"{build['arn']} as {options.role_arn}" if options.role_arn else build["arn"]
