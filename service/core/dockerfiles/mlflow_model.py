"""Reads a saved MLflow model: its folder, the Python that saved it, and what serves it.

Called by `describe`. The format: https://mlflow.org/docs/latest/ml/model/#model-files
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from service.core.dockerfiles.dependencies import checked_path, read_dependencies
from service.core.dockerfiles.project import Dependencies, ProjectFiles, PythonModel, missing, unclear, unreadable

FILE, ENVIRONMENT = "MLmodel", "python_env.yaml"
_VERSION = re.compile(r"(\d+\.\d+)[\w.+-]*", re.ASCII)
_SAVE_AGAIN = "save the model again with MLflow 1.28 or newer, and commit its whole folder"


def read_model(files: ProjectFiles) -> PythonModel:
    """Describe the one model of the context."""
    folder = _folder(files)
    document = _mapping(files, posixpath.join(folder, FILE))
    flavors = document.get("flavors")
    flavor = flavors.get("python_function") if isinstance(flavors, Mapping) else None
    if not isinstance(flavor, Mapping):
        known = ", ".join(map(str, flavors)) if isinstance(flavors, Mapping) else "none"
        raise missing(
            f"{posixpath.join(folder, FILE)} has no flavor python_function, by which models are served, but {known}.",
            "save the model with a flavor of Python, or write a Dockerfile of your own",
        )
    if folder and posixpath.join(folder, "requirements.txt") not in files and not _has_lock(files, folder):
        raise missing(f"There is no {folder}/requirements.txt beside {FILE}.", _SAVE_AGAIN)
    dependencies = read_dependencies(files, folder)
    return PythonModel(
        folder=folder,
        python=_python(files, folder, flavor),
        version=_added_version(dependencies, _told(document.get("mlflow_version"))),
        mlserver={"mlserver", "mlserver-mlflow"} <= dependencies.names,
        dependencies=dependencies,
    )


def _added_version(dependencies: Dependencies, saved_by: str) -> str | None:
    """Give what is added of MLflow itself, which serves the model."""
    if "mlflow" in dependencies.names:
        return None
    if dependencies.hashed:
        raise missing(f"{dependencies.file} lacks mlflow, which serves the model.", "lock it again, with mlflow in it")
    return f"=={saved_by}" if saved_by else ""


def _folder(files: ProjectFiles) -> str:
    found = sorted(posixpath.dirname(path) for path in files if posixpath.basename(path) == FILE)
    if not found:
        raise missing(
            f"There is no {FILE} in the build's context, nor in a folder of it.",
            "commit the model's folder as MLflow saved it, or name the folder above it: `build.context`",
        )
    if len(found) > 1:
        places = ", ".join(posixpath.join(folder, FILE) for folder in found)
        raise unclear(f"There are several models: {places}.", "name one model's folder: `build.context`")
    return checked_path(found[0]) if found[0] else ""


def _has_lock(files: ProjectFiles, folder: str) -> bool:
    return posixpath.join(folder, "requirements.lock") in files


def _python(files: ProjectFiles, folder: str, flavor: Mapping[object, object]) -> str:
    """Give the minor version: what a model was pickled with reads it again."""
    told = _told(flavor.get("python_version"))
    path = posixpath.join(folder, ENVIRONMENT)
    if not told and path in files:
        told = _told(_mapping(files, path).get("python"))
    match = _VERSION.fullmatch(told)
    return match[1] if match else ""


def _told(value: object) -> str:
    """Give a version as text; empty where it is none. YAML reads `3.10` without quotes as a number."""
    text = str(value) if isinstance(value, str | float) else ""
    return text if _VERSION.fullmatch(text) else ""


def _mapping(files: ProjectFiles, path: str) -> Mapping[object, object]:
    try:
        document = YAML(typ="safe", pure=True).load(files[path])
    except (YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else path
        said = getattr(error, "problem", None) or "it cannot be read"
        raise unreadable(f"{where}: is not YAML: {said}.", _SAVE_AGAIN) from error
    if not isinstance(document, Mapping):
        raise unreadable(f"{path} is not a mapping.", _SAVE_AGAIN)
    return document
