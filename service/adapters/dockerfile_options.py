"""The words of a Dockerfile's build that several builders take in `mergeport.yaml`. Light: it loads no tool."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

BuildArg = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Stage = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Platform = Annotated[str, Field(pattern=r"^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$")]


def _inside(path: str) -> str:
    """Take a path that stays in the source repository, on one line."""
    if path.startswith("/") or ".." in path.split("/") or not path.isprintable() or not path:
        raise ValueError("expected a path inside the source repository, relative and without ..")
    return path


InsidePath = Annotated[str, AfterValidator(_inside)]
"""For builders elsewhere, which cannot see the checkout: the builder here resolves the path itself."""
