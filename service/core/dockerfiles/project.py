"""What is known of a project that gets its Dockerfile from a template, as values; the errors of one that is not clear.

Made by the modules beside this one from the project's files, and rendered by `render`. Reads nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from service.errors import PermanentError

ProjectFiles: TypeAlias = Mapping[str, str]
"""The texts of a project's telling files, by their paths below the build's context."""


class Template(StrEnum):
    """A kind of project that needs no Dockerfile of its own."""

    PYTHON_WEB = "python-web"
    """`app.py` with Flask or FastAPI."""
    PYTHON_MODEL = "python-model"
    """A folder with `MLmodel`, as MLflow saves it."""
    R_MODEL = "r-model"
    """`plumber.R`."""


class Server(StrEnum):
    """What serves a web application in Python."""

    GUNICORN = "gunicorn"
    """For WSGI: Flask."""
    UVICORN = "uvicorn"
    """For ASGI: FastAPI."""


class Source(StrEnum):
    """Where a Python project says what it depends on."""

    REQUIREMENTS = "requirements"
    """A file that pip reads, locked or not."""
    UV = "uv.lock"
    POETRY = "poetry.lock"
    PYPROJECT = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Dependencies:
    """A Python project's dependencies: the main file, all files that it needs, and the names that it lists."""

    source: Source
    file: str
    files: tuple[str, ...]
    names: frozenset[str]
    hashed: bool = False
    local: bool = False
    """Whether it names parts of the project itself, so that installing needs the whole context."""
    listed: tuple[str, ...] = ()
    """What `pyproject.toml` lists, where there is no other file."""

    @property
    def locked(self) -> bool:
        """Whether the same commit always gets the same packages."""
        return self.hashed or self.source in {Source.UV, Source.POETRY} or self.file.endswith(".lock")


@dataclass(frozen=True, slots=True)
class PythonWeb:
    """A web application in Python; `entry` is what its server is given, such as `app:app`."""

    server: Server
    entry: str
    factory: bool
    dependencies: Dependencies
    health: str
    python: str


@dataclass(frozen=True, slots=True)
class PythonModel:
    """A saved MLflow model: its folder below the context, and what serves it."""

    folder: str
    python: str
    version: str | None
    """Which MLflow is added, as `==3.4.0` or nothing; None where the requirements name it."""
    mlserver: bool
    dependencies: Dependencies
    health: str = "/ping"


@dataclass(frozen=True, slots=True)
class RModel:
    """An API in R; `packages` are installed where there is no lock."""

    r: str
    packages: tuple[str, ...]
    health: str

    @property
    def locked(self) -> bool:
        """Whether `renv.lock` says what is installed."""
        return not self.packages


Project: TypeAlias = PythonWeb | PythonModel | RModel


def missing(what: str, hint: str) -> PermanentError:
    """Give the error for a file, or a part of one, that the template needs and the project lacks."""
    return PermanentError(what, code="project-file-missing", hint=hint)


def unreadable(what: str, hint: str) -> PermanentError:
    """Give the error for a file that cannot be understood."""
    return PermanentError(what, code="project-unreadable", hint=hint)


def unclear(what: str, hint: str) -> PermanentError:
    """Give the error for a project that could be served in more than one way: nothing is guessed."""
    return PermanentError(what, code="project-unclear", hint=hint)
