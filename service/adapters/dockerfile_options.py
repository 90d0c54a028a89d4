"""The words of a Dockerfile's build that several builders take in `mergeport.yaml`. Light: it loads no tool."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from service.core.fitting import fitting

BuildArg = Annotated[
    str,
    *fitting(
        r"^[A-Za-z_][A-Za-z0-9_]*$", "the name of a build argument", "letters, digits and _, the first one not a digit"
    ),
]
Stage = Annotated[
    str,
    *fitting(
        r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        "the name of a stage",
        "letters, digits, . _ and -, the first one a letter or a digit",
    ),
]
Platform = Annotated[
    str, *fitting(r"^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$", "a platform", "write it like linux/amd64 or linux/arm64")
]
CodeBuildProject = Annotated[
    str,
    *fitting(
        r"^[A-Za-z0-9][A-Za-z0-9_-]{1,149}$",
        "the name of a CodeBuild project",
        "2 to 150 letters, digits, _ and -, the first one a letter or a digit",
    ),
]
WorkflowFile = Annotated[
    str,
    *fitting(
        r"^[A-Za-z0-9_][A-Za-z0-9._-]*\.ya?ml$",
        "the file name of a workflow",
        "a file in .github/workflows without its folder, such as build-image.yml",
    ),
]


def _inside(path: str) -> str:
    """Take a path that stays in the source repository, on one line."""
    if path.startswith("/") or ".." in path.split("/") or not path.isprintable() or not path:
        raise ValueError("expected a path inside the source repository, relative and without ..")
    return path


InsidePath = Annotated[str, AfterValidator(_inside)]
"""For builders elsewhere, which cannot see the checkout: the builder here resolves the path itself."""
