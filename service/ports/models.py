"""A registry of models: which version an alias names, and what is known of a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A model as its registry has it now: the version of each alias, and the newest version, empty if there is none."""

    aliases: Mapping[str, str]
    newest: str = ""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a model. Everything but `name`, `version`, `uri` and `ready` is for people and for gates.

    `uri` is where the artifact's files are, as the registry resolves it. `why_not` says why it is not ready.
    `page` and `run_page` are addresses of the registry's own pages.
    """

    name: str
    version: str
    uri: str
    ready: bool
    why_not: str = ""
    page: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    run: str = ""
    run_page: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """What was found of a version's files. `checksum` is empty where nobody tells it; then `words` say why."""

    checksum: str = ""
    signature: str = ""
    words: str = ""


class ModelRegistry(Protocol):
    """One registry of models."""

    def registered(self, name: str) -> RegisteredModel | None:
        """Give a model; None if the registry has none of the name. One request."""
        ...

    def version(self, name: str, version: str) -> ModelVersion | None:
        """Give a version with what its run tells; None if there is none."""
        ...

    def artifact(self, found: ModelVersion) -> Artifact:
        """Look for a version's files; PermanentError if they are not there, or may change under their address."""
        ...

    def set_tag(self, name: str, version: str, key: str, value: str) -> bool:
        """Set a tag of a version; False if there is no such version. The same tag again changes nothing."""
        ...

    def delete_tag(self, name: str, version: str, key: str) -> None:
        """Delete a tag of a version, if it is there."""
        ...
