"""Has images made: here by a long workflow, or elsewhere by somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from service.core.images import ImageReference
from service.core.words import Repository, Sha
from service.ports.registry import PushTarget


class Checkout(Protocol):
    """Source code of one commit, on disk."""

    def __call__(self, repository: Repository, commit: Sha, directory: Path) -> None:
        """Fetch the commit, shallow, without hooks or submodules, into an empty directory (no .git left)."""
        ...


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One image wanted of one source commit. `options` is the builder's own, already validated model."""

    repository: Repository
    commit: Sha
    reference: ImageReference
    target: PushTarget
    labels: Mapping[str, str]
    options: object


class BuildControl(Protocol):
    """What a builder is given to tell and to be told while it works."""

    def log(self, text: str) -> None:
        """Keep a piece of the build's log."""
        ...

    def cancelled(self) -> bool:
        """Tell whether to stop: the build is not wanted any more, or this process is going down."""
        ...


class Builder(Protocol):
    """Has an image made and pushed.

    `local` builders work for minutes on this machine, on the build queue. The others start somebody
    else's work (or nothing) and return at once; the run then waits until the registry has the tag.
    """

    local: bool

    def build(self, request: BuildRequest, control: BuildControl) -> None:
        """Make and push the image; raise PermanentError with code `build-failed` where it cannot be made."""
        ...
