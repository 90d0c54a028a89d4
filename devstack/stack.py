"""The whole devstack as one object: git, GitHub, ECR and Argo CD on loopback, over one directory.

Used by the tests' fixtures, the demo and `python -m devstack`. All ends with `stop`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from devstack.argocd.server import ArgoCD
from devstack.bare import Entry, Files
from devstack.ecr import Ecr
from devstack.git_http import GitServer
from devstack.github.server import GitHub, Validator
from devstack.github.state import Repository

GITHUB_TOKEN = "devstack-github-token"
ARGOCD_TOKEN = "devstack-argocd-token"
WEBHOOK_SECRET = "devstack-webhook-secret"


class Devstack:
    """An offline world for Mergeport, with its state in a directory."""

    def __init__(self, directory: Path, *, ecr: Ecr | None = None, validator: Validator | None = None) -> None:
        """Start everything; a given ECR is used as it is and is not ended with the stack."""
        self.directory = directory
        self._own_ecr = Ecr(directory / "ecr") if ecr is None else None
        self.ecr = ecr or cast(Ecr, self._own_ecr)
        self.git = GitServer(directory / "git")
        self.github = GitHub(self.git, validator=validator)
        self.github.add_token(GITHUB_TOKEN)
        self.argocd = ArgoCD(self.git)
        self.argocd.add_token(ARGOCD_TOKEN)

    def create_repository(
        self,
        full_name: str,
        files: Files | Path | None = None,
        *,
        branches: Iterable[str] = (),
        default_branch: str = "main",
    ) -> Repository:
        """Create a repository from files, or from a directory of this machine, and the branches at its first commit."""
        content = read_directory(files) if isinstance(files, Path) else files
        return self.github.create_repository(full_name, content, branches=branches, default_branch=default_branch)

    def environment(self) -> dict[str, str]:
        """Return the settings with which Mergeport runs in this world."""
        return {
            "MERGEPORT_GITHUB_API_URL": self.github.api_url,
            "MERGEPORT_GITHUB_GIT_URL": self.git.url,
            "MERGEPORT_GITHUB_TOKEN": GITHUB_TOKEN,
            "MERGEPORT_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "MERGEPORT_ARGOCD_URL": self.argocd.url,
            "MERGEPORT_ARGOCD_TOKEN": ARGOCD_TOKEN,
            **self.ecr.environment(),
        }

    def stop(self) -> None:
        """End everything; calling this again is harmless."""
        self.argocd.stop()
        self.github.stop()
        self.git.stop()
        if self._own_ecr is not None:
            self._own_ecr.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def read_directory(directory: Path) -> Files:
    """Read a directory's files, executables and symbolic links as such, by their path in it."""
    found: dict[str, Entry] = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.is_symlink():
            found[name] = Entry(str(path.readlink()).encode(), "120000")
        elif path.is_file():
            found[name] = Entry(path.read_bytes(), "100755" if path.stat().st_mode & 0o100 else "100644")
    return found
