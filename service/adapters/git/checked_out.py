"""What a checkout on this machine says of itself: where it comes from, and which branch it is on.

Used by `mergeport config check`. Reads through GitPython, which knows worktrees and included configurations; starts no
git, reaches nobody and writes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class CheckedOut(NamedTuple):
    """The address of `origin` and the branch; None for what the checkout does not say."""

    origin: str | None
    branch: str | None


def checked_out(folder: Path) -> CheckedOut:
    """Read a checkout; a folder that is none, or a broken one, gives None for both."""
    try:
        import git  # noqa: PLC0415 - heavy, and fails without a git on PATH
    except ImportError:
        return CheckedOut(None, None)
    try:
        with git.Repo(folder) as repo:
            origin = next((one.url for one in repo.remotes if one.name == "origin"), None)
            branch = None if repo.head.is_detached else repo.active_branch.name
    except (git.GitError, OSError, ValueError, TypeError):
        return CheckedOut(None, None)
    return CheckedOut(origin, branch)
