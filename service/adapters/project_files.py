"""Reads a project's telling files from a checkout, and has its Dockerfile written from them.

Builders and `mergeport build dockerfile` use it. Follows no symbolic link, and reads nothing else of the project.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from service.adapters.workspace import resolve_inside
from service.core.dockerfiles.describe import is_telling
from service.core.dockerfiles.project import ProjectFiles
from service.core.dockerfiles.render import dockerfile_for
from service.core.dockerfiles.wishes import TemplateKeys, Wishes
from service.errors import NotStartedError, PermanentError, RetryableError
from service.ports import Checkout, StartRequest

_LARGEST = 16 * 1024 * 1024


def read_project(context: Path) -> ProjectFiles:
    """Give the texts of the telling files in a folder and in the folders right below it."""
    found: dict[str, str] = {}
    folders = [entry for entry in _entries(context) if entry.is_dir(follow_symlinks=False)]
    for entry in (*_entries(context), *(inner for folder in folders for inner in _entries(Path(folder.path)))):
        path = Path(entry.path).relative_to(context).as_posix()
        if is_telling(path) and entry.is_file(follow_symlinks=False):
            found[path] = _text(Path(entry.path), path)
    return found


def render_project(keys: TemplateKeys, context: Path) -> str:
    """Give the Dockerfile that the template gives the project in a folder."""
    if keys.template is None:
        raise ValueError("no template is set")
    return dockerfile_for(keys.template, read_project(context), keys.wishes or Wishes())


def dockerfile_at(checkout: Checkout, request: StartRequest, keys: TemplateKeys, context: str) -> str | None:
    """Give the Dockerfile for a builder elsewhere, from the source at its commit; None where no template is set.

    NotStartedError where the source cannot be fetched now.
    """
    if keys.template is None:
        return None
    with tempfile.TemporaryDirectory(prefix="mergeport-template-") as folder:
        try:
            checkout(request.repository, request.commit, Path(folder))
        except RetryableError as error:
            raise NotStartedError(
                error.message, code=error.code, hint=error.hint, retry_after=error.retry_after
            ) from error
        return render_project(keys, resolve_inside(Path(folder), context))


def write_dockerfile(keys: TemplateKeys, context: Path, file: Path) -> str:
    """Write the Dockerfile of the project in a context to a file; give what the build's log says of it."""
    text = render_project(keys, context)
    file.write_text(text, encoding="utf-8")
    there = (context / "Dockerfile").exists()
    unused = "the source's own Dockerfile is not used, because `template` is set\n" if there else ""
    return f"{unused}the Dockerfile, from the template {keys.template}:\n\n{text}\n"


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _text(file: Path, path: str) -> str:
    if file.stat().st_size > _LARGEST:
        raise PermanentError(
            f"{path} is larger than {_LARGEST // 1024 // 1024} MiB.",
            code="project-unreadable",
            hint="make it smaller, or write a Dockerfile of your own",
        )
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PermanentError(
            f"{path} is not UTF-8 text.", code="project-unreadable", hint="save it as UTF-8"
        ) from error
