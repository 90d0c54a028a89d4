"""Image references and tags: how an image is named. Pure; registries and builders are elsewhere.

Grammar of references, tags and digests: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from service.core.words import Digest, Sha

REVISION_LABEL = "org.opencontainers.image.revision"
SOURCE_LABEL = "org.opencontainers.image.source"
TREE_LABEL = "dev.mergeport.tree"
"""What an image was made of, whichever commit has it: see `service.core.source_tree`."""

LONGEST_TAG = 128

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_REFERENCE = re.compile(rf"([^/@\s]+)/([^:@\s]+):({_TAG.pattern})@(sha256:[0-9a-f]{{64}})")
_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_.-]+")
_PLACEHOLDER = re.compile(r"\{(?P<name>[a-z_]+)(?::(?P<length>\d+))?\}")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """`registry/repository:tag@digest`; the digest is absent until a registry has given it."""

    registry: str
    repository: str
    tag: str
    digest: Digest | None = None

    @property
    def name(self) -> str:
        """The reference without tag and digest."""
        return f"{self.registry}/{self.repository}"

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}@{self.digest}" if self.digest else f"{self.name}:{self.tag}"


@dataclass(frozen=True, slots=True)
class PlatformImage:
    """The image of one platform: its own digest, and the bytes that a node fetches (its configuration and layers).

    `platform` is empty where the image tells none. `revision`, `source` and `tree` are its labels, under the
    annotations of its manifest and of the index that it is in.
    """

    platform: str
    digest: Digest
    size: int
    revision: str | None = None
    source: str | None = None
    tree: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """The facts about an image, read from the registry and never taken from a builder.

    `digest` is that of what the tag names (an index if there is one); `platforms` are `os/arch`; `revision`, `source`
    and `tree` are labels or annotations, None if the image has none. `parts` has each platform's own image, and
    `absent` the platforms that the index names although the registry does not have them.
    """

    reference: ImageReference
    digest: Digest
    platforms: tuple[str, ...] = ()
    revision: str | None = None
    source: str | None = None
    tree: str | None = None
    parts: tuple[PlatformImage, ...] = ()
    absent: tuple[str, ...] = ()


def tag_for(template: str, *, commit: Sha, branch: str) -> str:
    """Render a tag template: `{short_sha}` (12), `{short_sha:7}`, `{sha}`, `{branch}` made valid for a tag.

    A long branch is cut, never the commit. The template was checked when the configuration was loaded, so the result is
    a valid tag.
    """
    longest = LONGEST_TAG - len(_render(template, commit=commit, branch=""))
    return _render(template, commit=commit, branch=_NOT_IN_A_TAG.sub("-", branch)[:longest]).lstrip(".-")


def _render(template: str, *, commit: Sha, branch: str) -> str:
    def text(match: re.Match[str]) -> str:
        match match["name"]:
            case "short_sha":
                return commit[: int(match["length"] or 12)]
            case "sha":
                return commit
            case _:
                return branch

    return _PLACEHOLDER.sub(text, template)


def is_tag(text: str) -> bool:
    """Tell whether a registry accepts the text as a tag."""
    return _TAG.fullmatch(text) is not None


def labels_for(*, source_url: str, commit: Sha, version: str, tree: str = "") -> Mapping[str, str]:
    """Give the labels of a build, so that an image tells what it was made of; `tree` is empty if it is not known."""
    labels = {SOURCE_LABEL: source_url, REVISION_LABEL: commit, "org.opencontainers.image.version": version}
    return {**labels, TREE_LABEL: tree} if tree else labels


def parse_reference(text: str) -> ImageReference | None:
    """Read `registry/repository:tag@digest` as it is written in trailers; None for anything else."""
    match = _REFERENCE.fullmatch(text)
    return ImageReference(match[1], match[2], match[3], Digest(match[4])) if match else None
