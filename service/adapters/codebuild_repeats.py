"""What is read of builds of CodeBuild: whose they are, and which came of running another one again.

Used by the `codebuild` builder alone. "Retry build" starts a new build with the variables of the old one.
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_RetryBuild.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from service.errors import RetryableError

if TYPE_CHECKING:
    from datetime import datetime

    from mypy_boto3_codebuild.type_defs import BuildTypeDef

    from service.adapters.codebuild_api import CodeBuildApi

CORRELATION = "MERGEPORT_CORRELATION"
_MOST_PAGES = 5


def correlation_of(build: BuildTypeDef) -> str:
    """Give our name of the start; empty if it is none of ours."""
    told = build.get("environment", {}).get("environmentVariables", [])
    return next((one.get("value", "") for one in told if one.get("name") == CORRELATION), "")


def logs_nowhere(build: BuildTypeDef) -> bool:
    """Tell whether the build keeps no log."""
    return build.get("logs", {}).get("cloudWatchLogs", {}).get("status") == "DISABLED"


def newest_of(api: CodeBuildApi, ids: Collection[str]) -> Mapping[str, str]:
    """Give the newest build that came of each, both by their ARN; a build without a newer one is left out.

    RetryableError after the last page that is searched, where the project has more since then.
    """
    projects: dict[str, dict[str, BuildTypeDef]] = {}
    for build in api.get(ids):
        if correlation := correlation_of(build):
            projects.setdefault(build.get("projectName", ""), {})[correlation] = build
    newer: dict[str, str] = {}
    for project, wanted in projects.items():
        newer |= _newer(api, project, wanted)
    return newer


def _newer(api: CodeBuildApi, project: str, wanted: dict[str, BuildTypeDef]) -> Mapping[str, str]:
    """Search a project's builds, newest first, until each of the wanted ones, or a build older than all, has come."""
    found: dict[str, str] = {}
    missing = dict(wanted)
    oldest = min((_begun(build) for build in wanted.values() if "startTime" in build), default=None)
    for number, page in enumerate(api.newest(project)):
        for build in page:
            correlation = correlation_of(build)
            if correlation in missing:
                old = missing.pop(correlation)
                found |= {} if build["arn"] == old["arn"] else {old["arn"]: build["arn"]}
        if not missing or (oldest is not None and page and "startTime" in page[-1] and _begun(page[-1]) < oldest):
            break
        if number + 1 >= _MOST_PAGES:
            raise RetryableError(
                f"the CodeBuild project {project} has had too many builds to tell which were run again",
                code="codebuild-too-many-builds",
            )
    return found


def _begun(build: BuildTypeDef) -> datetime:
    return build["startTime"]
