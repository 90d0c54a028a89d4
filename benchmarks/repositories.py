"""Manifest repositories of any size, in the layout of the documentation: `apps/APPLICATION/values-ENVIRONMENT.yaml`.

Used by the benchmarks that write. Ten files an application, all different, packed as a server packs them.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.values_files import part_name, values_file
from devstack.bare import BareRepository

BRANCH = "main"
FILES_AN_APPLICATION = 10
FILE_LINES = 24
_ENVIRONMENTS = ("dev", "stage", "prod", "test", "load")
_OTHERS = ("Chart", "limits", "alerts", "dashboards", "policies")


def make_repository(path: Path, files: int) -> BareRepository:
    """Make a bare repository with one commit of so many files."""
    repository = BareRepository.create(path, BRANCH)
    repository.commit_files(BRANCH, content_of(files), "Begin")
    repository.git("repack", "-a", "-d", "-q")
    return repository


def content_of(files: int) -> dict[str, str]:
    """Give so many files by their paths."""
    applications = max(1, files // FILES_AN_APPLICATION)
    names = [f"values-{environment}.yaml" for environment in _ENVIRONMENTS] + [f"{other}.yaml" for other in _OTHERS]
    return {
        f"apps/{part_name(number)}/{name}": values_file(FILE_LINES, seed=number * 10 + place)
        for number in range(applications)
        for place, name in enumerate(names)
    }


def file_of(application: int) -> str:
    """Give the values file of an application in dev."""
    return f"apps/{part_name(application)}/values-dev.yaml"


def make_commits(bare: BareRepository, count: int) -> list[str]:
    """Add so many commits to main; give the one before them and theirs, oldest first."""
    first = bare.tip("main")
    person = b"committer Alice <alice@example.invalid> 1767225600 +0000\n"
    stream = b"".join(
        b"commit refs/heads/main\n%sdata 6\nChange\n%sM 100644 inline app.py\ndata %d\n%s\n"
        % (person, f"from {first}\n".encode() if number == 0 else b"", len(text), text)
        for number in range(count)
        for text in [f"print({number + 1})".encode()]
    )
    bare.git("fast-import", "--quiet", data=stream)
    return [first, *bare.git("rev-list", "--reverse", f"{first}..main").splitlines()]
