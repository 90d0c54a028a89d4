"""What readers of old tools find: values that are written, images that are built, and what will be different.

The neutral words between the readers and the proposal. Pure data; nothing here reads anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from service.core.importing.pieces import Text


class Tool(StrEnum):
    """The tools that are read."""

    SED = "sed"
    YQ = "yq"
    KUSTOMIZE = "kustomize edit"
    GITOPSCLI = "gitopscli"
    IMAGE_UPDATER = "argocd-image-updater"
    FLUX = "flux"
    PIPELINE = "pipeline"


class Part(StrEnum):
    """Which part of an image a value holds."""

    TAG = "tag"
    REPOSITORY = "repository"
    DIGEST = "digest"
    WHOLE = "image"
    REGISTRY = "registry"
    TEXT = "text"  # made of the commit, and no part of an image


class At(NamedTuple):
    """A line of a file, as people open it."""

    file: str
    line: int


NO_BRANCH = "refs/"
"""Stands for the branch of what no push to one branch starts: then a person has to say which one it is."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What starts an old tool and where its change goes, as far as it says; empty is not known.

    `argocd` is the Argo CD application; None where something else than Argo CD deploys.
    """

    workflow: str = ""
    source: str = ""
    branches: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    application: str = ""
    environment: str = ""
    argocd: str | None = ""
    manifest_repository: str = ""
    manifest_branch: str = ""
    pull_request: bool = False
    auto_merge: str = ""
    merge_method: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """An image as far as it is known; `tag` is a template such as `{short_sha:7}`, or empty."""

    registry: str = ""
    repository: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """One value that an old tool writes into a file. Without `path` nobody knows which one."""

    tool: Tool
    at: At
    file: Text
    path: str
    value: Text
    flow: Flow
    part: Part | None = None
    image: Image = Image()
    redeploy: bool = False


@dataclass(frozen=True, slots=True)
class Built:
    """One image that a pipeline builds and pushes."""

    at: At
    image: Image
    flow: Flow
    by_inputs: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that will not be as before: what the old tool does, what Mergeport does, what a person decides."""

    at: At
    tool: Tool
    kind: str
    was: str
    now: str
    decide: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file, or a part of one, that was not read."""

    at: At
    why: str


Finding = Update | Built | Difference | Skipped
