"""What a source repository gets: the workflow that builds its image, where GitHub Actions does.

Called by `mergeport init`.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.core.starting.answers import Answers, StartedApplication

_COPIES = {
    "github-actions": ("build-image-dispatch.yml", ".github/workflows/build-image.yml"),
    "external": ("build-image-push.yml", ".github/workflows/image.yml"),
}
"""By builder: the workflow that we bring, and where its copy goes."""
_CALLED = "acme/mergeport/.github/workflows/build-image.yml@COMMIT"
_ROLE = "arn:aws:iam::123456789012:role/build-checkout"
_IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/checkout"
_BRANCHES = "[develop, staging, main]"


def source_files(workflows: Mapping[str, str], application: StartedApplication, answers: Answers) -> dict[str, str]:
    """Give the files of one source repository; none where the image is built on Mergeport's own machine."""
    if answers.builder not in _COPIES:
        return {}
    ours, path = _COPIES[answers.builder]
    text = workflows[ours].replace(_CALLED, f"{answers.workflow}/.github/workflows/build-image.yml@{answers.version}")
    text = text.replace(_ROLE, build_role(application, answers))
    text = text.replace(_IMAGE, f"{answers.registry}/{application.name}")
    branches = ", ".join(_word(one.branch) for one in answers.environments)
    return {path: text.replace(_BRANCHES, f"[{branches}]")}


def build_role(application: StartedApplication, answers: Answers) -> str:
    """Name the role that aws/image.yaml makes; an account stands for one that is not known."""
    return f"arn:aws:iam::{answers.account or '123456789012'}:role/build-{application.name}"


def _word(branch: str) -> str:
    return branch if branch.replace("-", "").replace("/", "").isalnum() else f'"{branch}"'
