"""Measures an earlier revision first, by its own benchmarks, so that one run shows before and after.

Called by `python -m benchmarks --before REVISION`. It uses the installed libraries, and never changes the working tree.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def measure_before(revision: str, arguments: Sequence[str]) -> int:
    """Run the revision's benchmarks with these arguments, printing its tables; give its exit status.

    ValueError: git does not know the revision.
    """
    with _checked_out(revision) as tree:
        command = [sys.executable, "-m", "benchmarks", *arguments]
        return subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, check=False).returncode


@contextmanager
def _checked_out(revision: str) -> Iterator[Path]:
    """Give a tree of the revision next to the working tree, and remove it at the end."""
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.returncode:
        raise ValueError(f"git knows no revision {revision}; a shallow clone has only the newest")
    with tempfile.TemporaryDirectory(prefix="mergeport-before-") as folder:
        tree = Path(folder) / "tree"
        _git("worktree", "add", "--detach", "--quiet", str(tree), found.stdout.strip()).check_returncode()
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False)
