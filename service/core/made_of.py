"""Reads from an image's labels which commit it was made of, and decides how far to believe them.

The build stage and the order of promotions call it. Labels are inherited from base images, and written by whatever
pipeline builds: only a commit id, in an image that does not name another repository, says anything of our commits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.core.foreign_text import value
from service.core.images import Image, PlatformImage
from service.core.words import Repository, Sha

SHORTEST_COMMIT = 7
"""The fewest characters to which git itself abbreviates."""

_COMMIT = re.compile(rf"[0-9a-f]{{{SHORTEST_COMMIT},40}}")
_FULL = 40
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://(?:[^/@]*@)?|[^/@:]*@)(?P<host>[^/:]+)(?::\d+)?[/:]")


@dataclass(frozen=True, slots=True)
class Told:
    """The commit, whole or its beginning; empty if the image tells none, and then `words` say why."""

    commit: str
    words: str = ""

    @property
    def whole(self) -> Sha | None:
        """The commit, if the label has its full id."""
        return Sha(self.commit) if len(self.commit) == _FULL else None


def told_of(image: Image | PlatformImage, source: Repository) -> Told:
    """Read from the labels which commit of the source repository the image was made of."""
    revision = (image.revision or "").strip().lower()
    if not revision:
        return Told("", "it has no revision label, so its source commit is not known")
    if image.source is not None and not names(image.source, source):
        return Told(
            "", f"its labels name {value(image.source)}, as those of a base image do, so its source commit is not known"
        )
    if not _COMMIT.fullmatch(revision):
        return Told(
            "", f"its revision label `{value(image.revision)}` is not a commit id, so its source commit is not known"
        )
    return Told(revision)


def is_made_of(image: Image | PlatformImage, commit: Sha, *, tree: str = "") -> bool:
    """Tell whether the labels name this commit, whole or by its beginning, whatever else they say.

    `tree` is what the commit's own image would be made of: an image of another commit with the same one is as good.
    """
    if tree and image.tree == tree:
        return True
    revision = (image.revision or "").strip().lower()
    return _COMMIT.fullmatch(revision) is not None and commit.startswith(revision)


def part_of_another(image: Image, commit: Sha, source: Repository, *, tree: str = "") -> PlatformImage | None:
    """Give a platform's image that was made of another commit and tree; one that tells no commit is not counted.

    So an index that joins the images of two commits is never taken for one of them.
    """
    told = (part for part in image.parts if told_of(part, source).commit)
    return next((part for part in told if not is_made_of(part, commit, tree=tree)), None)


def names(address: str, repository: Repository) -> bool:
    """Tell whether an address of any form, or a plain `owner/name`, names the repository."""
    plain = address.strip().lower().partition("#")[0].partition("?")[0].rstrip("/").removesuffix(".git")
    host = _HOST.match(plain)
    path = plain[host.end() :] if host else plain
    return path == repository.key or path.startswith(f"{repository.key}/") or path.endswith(f"/{repository.key}")
