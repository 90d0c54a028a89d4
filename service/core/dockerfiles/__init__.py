"""Dockerfiles for projects that have none: read the project's files, describe it, write the Dockerfile. Pure.

`wishes` has the keys of `build`; `describe` goes through `python_app`, `mlflow_model`, `r_app` and `dependencies`;
`render` writes. Reading the files is the adapters' work.
"""

from service.core.dockerfiles.describe import find_template, is_telling
from service.core.dockerfiles.project import ProjectFiles, Server, Template
from service.core.dockerfiles.render import dockerfile_for
from service.core.dockerfiles.wishes import TemplateKeys, Wishes

__all__ = [
    "ProjectFiles",
    "Server",
    "Template",
    "TemplateKeys",
    "Wishes",
    "dockerfile_for",
    "find_template",
    "is_telling",
]
