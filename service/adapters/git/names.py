"""Paths, branches and commits as git may be given them: whatever could mean something else is refused.

Used by the code that reads and writes manifest repositories.
"""

from __future__ import annotations

import re

from service.core.reserved_files import reserved_for
from service.core.words import Sha
from service.errors import PermanentError

_NOT_IN_A_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^[-./]|[./]$")
_SHA = re.compile(r"[0-9a-f]{40}")


def path_parts(path: str, *, writing: bool = False) -> tuple[bytes, ...]:
    """Split a path; refuse one that could be anything but a file inside the repository."""
    names = path.split("/")
    folded = [name.casefold() for name in names]
    inside = all(name not in {"", ".", "..", ".git"} for name in folded) and "\0" not in path and "\n" not in path
    if not inside or (writing and reserved_for(path)):
        raise PermanentError(
            f"{path!r} is not a values file.",
            code="values-file-forbidden",
            hint="it has to lie inside the repository, and not configure Mergeport or GitHub itself",
            path=path,
        )
    return tuple(name.encode("utf-8", "surrogateescape") for name in names)


def branch_ref(branch: str) -> str:
    """Give the ref of a branch; refuse a name with a character that is special to git."""
    if not branch or _NOT_IN_A_BRANCH.search(branch):
        raise PermanentError(f"{branch!r} is not a branch's name.", code="branch-name-invalid", branch=branch)
    return f"refs/heads/{branch}"


def commit_id(commit: Sha) -> Sha:
    """Check that a text is a commit's id, and give it."""
    if not _SHA.fullmatch(commit):
        raise PermanentError(f"{commit!r} is not a commit's id.", code="commit-id-invalid")
    return commit
