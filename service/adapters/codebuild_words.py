"""What a build of CodeBuild comes to in our words: its state, the phase that failed and why, and where its log is.

Used by the `codebuild` builder. Pure: it reads what BatchGetBuilds gave and calls nobody.
https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Build.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from service.core.foreign_text import SUBJECT_LENGTH, cut, line
from service.logs import redact
from service.ports import BuildStanding, Progress

if TYPE_CHECKING:
    from mypy_boto3_codebuild.type_defs import BuildPhaseTypeDef, BuildTypeDef

DIGEST = "MERGEPORT_DIGEST"
_SOUND = frozenset({"", "SUCCEEDED", "IN_PROGRESS"})
_HOW = {
    "FAILED": "failed",
    "FAULT": "CodeBuild itself failed",
    "TIMED_OUT": "ran longer than the project allows",
    "STOPPED": "was stopped",
}
_LINK = re.compile(r"https://[^\s\"<>]{1,1000}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def standing_of(build: BuildTypeDef) -> BuildStanding:
    """Say how a build stands; a status that is not known yet counts by whether the build is complete."""
    status: str = build.get("buildStatus", "")
    match status:
        case "SUCCEEDED":
            return BuildStanding(Progress.SUCCEEDED, _digest(build))
        case "STOPPED":
            return BuildStanding(Progress.CANCELLED, _ended(build, status))
        case "IN_PROGRESS":
            return BuildStanding(Progress.RUNNING, _under_way(build))
        case "FAILED" | "FAULT" | "TIMED_OUT":
            return BuildStanding(Progress.FAILED, _ended(build, status))
        case _ if not build.get("buildComplete", False):
            return BuildStanding(Progress.RUNNING, _under_way(build))
        case _:
            return BuildStanding(Progress.FAILED, _ended(build, status))


def _under_way(build: BuildTypeDef) -> str:
    phase = build.get("currentPhase", "")
    words = "it waits in CodeBuild's queue" if phase in ("SUBMITTED", "QUEUED") else f"phase {phase}" if phase else ""
    return _with_log(words, build)


def _ended(build: BuildTypeDef, status: str) -> str:
    how = _HOW.get(status, f"ended as {line(status)}")
    phase = next((one for one in build.get("phases", []) if one.get("phaseStatus", "") not in _SOUND), None)
    if phase is None:
        return _with_log(how, build)
    why = _why(phase)
    return _with_log(f"{how} in phase {phase.get('phaseType', '')}{f': {why}' if why else ''}", build)


def _why(phase: BuildPhaseTypeDef) -> str:
    told = [(one.get("statusCode", ""), one.get("message", "")) for one in phase.get("contexts", [])]
    words = "; ".join(": ".join(part for part in one if part) for one in told if any(one))
    return cut(redact(line(words)), SUBJECT_LENGTH)


def _digest(build: BuildTypeDef) -> str:
    """Give the digest that the build exports; it is only shown."""
    told = {one.get("name"): one.get("value", "") for one in build.get("exportedEnvironmentVariables", [])}
    digest = told.get(DIGEST, "")
    return f"it says {digest}" if _DIGEST.fullmatch(digest) else ""


def _with_log(words: str, build: BuildTypeDef) -> str:
    link = build.get("logs", {}).get("deepLink", "")
    return "; log: ".join(part for part in (words, link if _LINK.fullmatch(link) else "") if part)
