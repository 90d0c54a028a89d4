"""The refs of a bare repository, read from git's files without a process.

Used by `bare`, which reads refs far more often than anything else. It reads the loose files and `packed-refs`, as git
itself does, and never writes. A name that is no plain path below `refs/` is left to git.
"""

from __future__ import annotations

import re
from pathlib import Path

_SHA = re.compile(r"[0-9a-f]{40}")
_SYMBOLIC = "ref: "
_DEPTH = 5
"""How many symbolic refs git follows."""


def read(directory: Path, name: str) -> str | None:
    """Return what a ref's full name points at, or None where there is no such ref."""
    for _ in range(_DEPTH):
        if not name.startswith("refs/") or not {"", ".", ".."}.isdisjoint(name.split("/")):
            return None
        text = _loose(directory / name)
        if text is None:
            return _packed(directory).get(name)
        if not text.startswith(_SYMBOLIC):
            return text if _SHA.fullmatch(text) else None
        name = text.removeprefix(_SYMBOLIC)
    return None


def read_all(directory: Path) -> dict[str, str]:
    """Return every ref by its full name, in the order of names."""
    loose = [path for path in (directory / "refs").rglob("*") if path.suffix != ".lock" and path.is_file()]
    names = {path.relative_to(directory).as_posix() for path in loose}
    found = {name: read(directory, name) for name in names | _packed(directory).keys()}
    return {name: sha for name, sha in sorted(found.items()) if sha is not None}


def _loose(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # it does not exist, is a folder, or its name is too long or has a NUL
        return None


def _packed(directory: Path) -> dict[str, str]:
    lines = (_loose(directory / "packed-refs") or "").splitlines()
    pairs = (line.split(" ", 1) for line in lines if not line.startswith(("#", "^")))
    return {name: sha for sha, name in pairs}
