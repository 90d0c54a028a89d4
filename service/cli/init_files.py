"""The templates that `mergeport init` brings, and the folder that it writes to. Called by the command alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from service.core.starting.planned_files import RECORD, Fate, PlannedFile, written
from service.core.starting.set_up import Given
from service.errors import PermanentError

_PACKAGED = Path(__file__).parents[1] / "given"
_REPOSITORY = Path(__file__).parents[2]
_FOLDERS = {"manifests": "manifests-template", "workflows": "docs/workflows", "aws": "docs/aws"}
"""Ours in the installed package, and where each is in the repository."""


def given() -> Given:
    """Read the templates: those of the package, or of the repository that this runs from."""
    return Given(_files("manifests"), _files("workflows"), _files("aws"))


def _files(name: str) -> dict[str, str]:
    folder = _PACKAGED / name if (_PACKAGED / name).is_dir() else _REPOSITORY / _FOLDERS[name]
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    if not found:
        raise PermanentError(
            f"the templates are not here: {folder} is empty",
            code="templates-missing",
            hint="install Mergeport again",
        )
    return {path: file.read_text(encoding="utf-8") for path, file in found.items()}


def there(folder: Path, paths: Iterable[str]) -> dict[str, str]:
    """Read what is there of these files."""
    found = {}
    for path in paths:
        file = folder / path
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise PermanentError(
                f"{file} is no plain file", code="init-in-the-way", hint="move it away, or name another folder"
            )
        if file.exists():
            found[path] = file.read_bytes().decode(errors="replace")
    return found


def record(folder: Path) -> str:
    """Read what we have written before."""
    file = folder / RECORD
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def carry_out(folder: Path, planned: list[PlannedFile], before: str) -> None:
    """Write what is new or updated, then the record."""
    for one in planned:
        if one.fate in {Fate.NEW, Fate.UPDATED}:
            file = folder / one.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(one.wanted, encoding="utf-8")
    (folder / RECORD).write_text(written(planned, before), encoding="utf-8")
