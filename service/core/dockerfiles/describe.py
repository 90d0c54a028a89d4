"""Describes a project for its template, from the texts of its telling files. Pure: the files were read before.

Called by builders and by `mergeport build dockerfile`.
"""

from __future__ import annotations

import posixpath
import re
from typing import assert_never

from service.core.dockerfiles import mlflow_model, python_app, r_app
from service.core.dockerfiles.dependencies import python_version, read_dependencies
from service.core.dockerfiles.mlflow_model import read_model
from service.core.dockerfiles.project import (
    Project,
    ProjectFiles,
    PythonWeb,
    Server,
    Template,
    missing,
    unclear,
)
from service.core.dockerfiles.python_app import FoundApp, find_app, module_of
from service.core.dockerfiles.r_app import read_r_app
from service.core.dockerfiles.wishes import Wishes
from service.errors import PermanentError

_TELLING = re.compile(
    r"app\.py|MLmodel|python_env\.yaml|plumber\.R|renv\.lock|pyproject\.toml|\.python-version"
    r"|requirements\.lock|uv\.lock|poetry\.lock|(?:requirements|constraints)[\w.-]*\.(?:txt|in)"
)
_MARKS = {
    python_app.FILE: Template.PYTHON_WEB,
    mlflow_model.FILE: Template.PYTHON_MODEL,
    r_app.FILE: Template.R_MODEL,
}


def is_telling(path: str) -> bool:
    """Tell whether the file at a path below the context is needed to describe a project."""
    folder, name = posixpath.split(path)
    inside = posixpath.basename(folder) == "requirements" and name.endswith(".txt")
    return folder.count("/") < 1 and (inside or _TELLING.fullmatch(name) is not None)


def find_template(files: ProjectFiles) -> Template:
    """Give the only template that fits the files."""
    found = {template for name, template in _MARKS.items() if name in files}
    if not found and any(posixpath.basename(path) == mlflow_model.FILE for path in files):
        found = {Template.PYTHON_MODEL}
    if len(found) > 1:
        raise unclear(
            f"There are {' and '.join(name for name in _MARKS if name in files)}.",
            f"say which it is: --template {' or '.join(sorted(found))}",
        )
    if not found:
        raise missing(
            f"There is no {', '.join(_MARKS)} in the folder.",
            "name the folder that has one of them, or write a Dockerfile",
        )
    return found.pop()


def describe(template: Template, files: ProjectFiles, wishes: Wishes) -> Project:
    """Describe the project; PermanentError `project-…` with the file and the next action where it is not clear."""
    match template:
        case Template.PYTHON_WEB:
            return _web(files, wishes)
        case Template.PYTHON_MODEL:
            return read_model(files)
        case Template.R_MODEL:
            return read_r_app(files)
        case _:
            assert_never(template)


def _web(files: ProjectFiles, wishes: Wishes) -> PythonWeb:
    dependencies = read_dependencies(files)
    module, _, name = (wishes.entry or "app:").partition(":")
    elsewhere = module != "app" or (wishes.entry and python_app.FILE not in files)
    found = FoundApp(None, name) if elsewhere else _in_app_py(files, name, wishes)
    server = wishes.server or found.server or _by_dependencies(dependencies.names)
    return PythonWeb(
        server=server,
        entry=f"{module}:{found.name}",
        factory=found.factory,
        dependencies=dependencies,
        health=found.health,
        python=python_version(files),
    )


def _in_app_py(files: ProjectFiles, name: str, wishes: Wishes) -> FoundApp:
    """Find the application; a file that only a newer Python reads is believed to have what people say of it."""
    try:
        return find_app(files, wanted=name or None)
    except PermanentError as error:
        if name and wishes.server and error.code == "project-unreadable":
            return FoundApp(None, name)
        raise


def _by_dependencies(names: frozenset[str]) -> Server:
    """Give the server of the one framework among the dependencies."""
    fitting = [server for server in Server if module_of(server) in names]
    if len(fitting) != 1:
        told = "both Flask and FastAPI" if fitting else "neither Flask nor FastAPI"
        raise unclear(
            f"The application's framework does not show: app.py does not tell, and the dependencies name {told}.",
            "say what serves it in mergeport.yaml: `build.with.server: gunicorn` (WSGI) or `uvicorn` (ASGI)",
        )
    return fitting[0]
