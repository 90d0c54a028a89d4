"""What an image is made of, as one text: two commits that have the same text give the same image. Pure.

It is a digest of git's ids of everything that the build reads, and of how it is built. The build stage asks the forge
for the ids; https://git-scm.com/book/en/v2/Git-Internals-Git-Objects says why equal ids are equal content.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Mapping, Sequence

from service.core.config.patterns import fixed_part

ROOT = "."


def paths_read(context: str, dockerfile: str, patterns: Sequence[str], recipe: str = "") -> tuple[str, ...]:
    """Name the files and folders that an image depends on, without those that lie in another of them.

    `context` and `dockerfile` are as the builders have them: the second is relative to the first. `patterns` are the
    application's `paths`; of each the part before its first wildcard counts, which may be more than it matches.
    `recipe` is the file that says how the builder builds, where it is in the repository.
    """
    wanted = {_plain(context), _plain(posixpath.join(context, dockerfile))}
    wanted |= {_plain(fixed_part(pattern)) for pattern in patterns if not pattern.startswith("!")}
    wanted |= {f"{_plain(posixpath.join(context, dockerfile))}.dockerignore"} if dockerfile else set()
    wanted |= {_plain(recipe)} if recipe else set()
    if ROOT in wanted:
        return (ROOT,)
    return tuple(sorted(one for one in wanted if not any(one.startswith(f"{other}/") for other in wanted)))


def dockerfile_beside(context: str, dockerfile: str) -> tuple[str, ...]:
    """Name the Dockerfile if it may be a link that leads out of what is read, so that its own id has to be asked for.

    In a context that is the whole repository all that it may lead to is read anyway.
    """
    return (_plain(posixpath.join(context, dockerfile or "Dockerfile")),) if _plain(context) != ROOT else ()


def is_whole(ids: Mapping[str, str], context: str, dockerfile: str) -> bool:
    """Tell whether the ids have the context and the Dockerfile: without them all commits would seem alike."""
    needed = (_plain(context), _plain(posixpath.join(context, dockerfile)))
    return all(any(one == ROOT or f"{path}/".startswith(f"{one}/") for one in ids) for path in needed)


def _plain(path: str) -> str:
    """Give a path as git names it, from the repository's root; what would lie outside is the root itself."""
    normal = posixpath.normpath(posixpath.join("/", path)).lstrip("/")
    return normal or ROOT


def tree_of(ids: Mapping[str, str], *, builder: str, options: str) -> str:
    """Give the text: 64 hexadecimal digits.

    `ids` are git's ids by path; `builder` and `options` are the builder's kind and its options, written always alike.
    """
    told = json.dumps([builder, options, sorted(ids.items())])
    return hashlib.sha256(told.encode()).hexdigest()
