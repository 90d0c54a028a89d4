"""Model versions: how one is named, what is known of it, and which of two is newer. Pure; registries are elsewhere.

A model is promoted as an image is: a run has a repository (`REGISTRY:NAME`), a branch (the alias that feeds it) and a
commit (`v3`). No repository of code has a colon in its name, so the three tell a model from code wherever they go.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from service.core.images import ImageReference
from service.core.words import Digest, Repository, Sha

NEWEST = "latest"
"""The alias that means the newest version; MLflow reserves the word, so no alias of its own has this name."""
PARTS = ("name", "sha256", "uri", "version")
"""What can be written of a model: `{scorer.uri}`."""
LONGEST_URI = 2_000

_VERSION = re.compile(r"v([0-9]{1,18})")
_TRAILER = re.compile(
    r"(?P<registry>[a-z0-9][a-z0-9_-]*)/(?P<name>[^/:@\r\n]+)@(?P<version>[0-9]{1,18}) (?P<uri>\S+)"
    r"(?: (?P<checksum>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True)
class ModelReference(ImageReference):
    """A model's version: `registry` is our name of its registry, `repository` its name there, `tag` its version.

    `digest` is what the release is recognised by: it changes with the version, its URI and its checksum. `checksum` is
    that of the artifact's files, and empty where nobody tells it.
    """

    uri: str = ""
    checksum: str = ""

    def __str__(self) -> str:
        """Write `NAME@VERSION`."""
        return f"{self.repository}@{self.tag}"


def model_reference(registry: str, name: str, version: str, uri: str, checksum: str = "") -> ModelReference:
    """Name a version; the same facts always give the same identity."""
    facts = f"{registry}\n{name}\n{version}\n{uri}\n{checksum}"
    identity = Digest(f"sha256:{hashlib.sha256(facts.encode()).hexdigest()}")
    return ModelReference(registry, name, version, identity, uri, checksum)


def stored(reference: ModelReference) -> dict[str, str]:
    """Give what is kept of a version with its run."""
    return {
        "registry": reference.registry,
        "repository": reference.repository,
        "tag": reference.tag,
        "digest": str(reference.digest),
        "uri": reference.uri,
        "checksum": reference.checksum,
    }


def placeholders(name: str, reference: ModelReference) -> Mapping[str, str]:
    """Give what `{NAME.uri}` and the like become."""
    return {
        f"{name}.name": reference.repository,
        f"{name}.sha256": reference.checksum.removeprefix("sha256:"),
        f"{name}.uri": reference.uri,
        f"{name}.version": reference.tag,
    }


# --- as a source of changes ------------------------------------------------------------------------


def source_of_model(registry: str, name: str) -> Repository:
    """Name what a model's changes come from."""
    return Repository(f"{registry}:{name}")


def is_model(repository: str) -> bool:
    """Tell whether this names a model and not a repository of code."""
    return ":" in repository


def model_of(repository: str) -> tuple[str, str]:
    """Give the registry and the name of a model's source."""
    registry, _, name = repository.partition(":")
    return registry, name


def commit_of(version: str) -> Sha:
    """Name a version as runs do."""
    return Sha(f"v{version}")


def commit_page(source_page: str, commit: str) -> str:
    """Give the page of a commit; of a model, the page of its source is that of the version already."""
    return source_page if version_of(commit) else f"{source_page}/commit/{commit}"


def version_of(commit: str) -> str:
    """Give the version that a model's commit names; empty for a commit of code."""
    found = _VERSION.fullmatch(commit)
    return found[1] if found else ""


# --- in trailers -----------------------------------------------------------------------------------


def trailer_value(reference: ModelReference) -> str:
    """Write `REGISTRY/NAME@VERSION URI [CHECKSUM]`."""
    words = (f"{reference.registry}/{reference.repository}@{reference.tag}", reference.uri, reference.checksum)
    return " ".join(word for word in words if word)


def parse_model(text: str) -> ModelReference | None:
    """Read a version as it is written in trailers; None for anything else."""
    found = _TRAILER.fullmatch(text)
    if found is None:
        return None
    return model_reference(found["registry"], found["name"], found["version"], found["uri"], found["checksum"] or "")
