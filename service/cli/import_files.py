"""The files that `mergeport import` reads: pipelines, scripts and YAML below the folders that are named.

Called by `import_`. Follows no links, leaves out what is not a person's, and is bounded in count and size.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from service.cli.config_checkouts import find_checkouts
from service.core.importing import Material, Skipped
from service.core.importing.findings import At

MOST_FILES, MOST_BYTES, MOST_IN_ALL = 5_000, 512 * 1024, 64 * 1024 * 1024
_LEFT_OUT = frozenset(
    {
        ".git",
        "node_modules",
        "vendor",
        ".venv",
        "venv",
        ".terraform",
        "__pycache__",
        ".tox",
        "dist",
        "target",
        ".idea",
        ".vscode",
        ".mypy_cache",
        ".gradle",
    }
)
_NAMES = ("Jenkinsfile", "Makefile", "GNUmakefile", "makefile", "Kustomization")
_ENDINGS = (".yaml", ".yml", ".sh", ".bash", ".mk", ".groovy", ".jenkinsfile")


def read_files(paths: Iterable[Path], skipped: list[Skipped]) -> Iterator[Material]:
    """Give the files below the paths; what is left out for its size or its text goes into `skipped`."""
    seen: set[str] = set()
    size = 0
    for given in paths:
        top = _top(given)
        repository = str(find_checkouts([top], None)[0].name or "") if (top / ".git").exists() else ""
        for file in _below(given):
            resolved = os.path.realpath(file)
            if resolved in seen:
                continue
            seen.add(resolved)
            if len(seen) > MOST_FILES or size > MOST_IN_ALL:
                skipped.append(
                    Skipped(
                        At(str(file), 1),
                        f"and all files after it: more than {MOST_FILES} files or {MOST_IN_ALL >> 20} MiB",
                    )
                )
                return
            text = _text(file, skipped)
            if text is not None:
                size += len(text)
                path = Path(resolved).relative_to(os.path.realpath(top)).as_posix()
                yield Material(path, text, str(file), repository)


def _top(given: Path) -> Path:
    """Give the checkout that a path lies in; the path's own folder if it is in none."""
    here = given.absolute() if given.is_dir() else given.absolute().parent
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def _below(given: Path) -> Iterator[Path]:
    if not given.is_dir():
        yield given
        return
    for folder, folders, files in os.walk(given):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(files):
            if name.endswith(_ENDINGS) or name.startswith(_NAMES):
                yield Path(folder) / name


def _text(file: Path, skipped: list[Skipped]) -> str | None:
    at = At(str(file), 1)
    try:
        status = file.lstat()
        if not stat.S_ISREG(status.st_mode):
            skipped.append(Skipped(at, "no regular file"))
            return None
        if status.st_size > MOST_BYTES:
            skipped.append(Skipped(at, f"larger than {MOST_BYTES // 1024} KiB"))
            return None
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        skipped.append(Skipped(at, "not UTF-8 text"))
    except OSError as error:
        skipped.append(Skipped(at, f"cannot be read: {error.strerror}"))
    return None
