"""Writes the Dockerfile of a project that was described: the same description gives the same text. Pure.

Called by builders, with what `describe` found, and by `mergeport build dockerfile`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from service.core.dockerfiles.describe import describe
from service.core.dockerfiles.project import Project, ProjectFiles, PythonModel, PythonWeb, RModel, Template
from service.core.dockerfiles.render_python import render_model, render_web
from service.core.dockerfiles.render_r import render_r
from service.core.dockerfiles.wishes import Wishes


def dockerfile_for(template: Template, files: ProjectFiles, wishes: Wishes) -> str:
    """Describe the project and write its Dockerfile; PermanentError `project-…` where it is not clear."""
    return render(template, describe(template, files, wishes), wishes)


def render(template: Template, project: Project, wishes: Wishes) -> str:
    """Write the Dockerfile."""
    head = (
        f"# Written by Mergeport from the template {template}; `mergeport build dockerfile` prints it.",
        "# To change it by hand, keep it as Dockerfile and remove `template` from mergeport.yaml.",
    )
    return "\n".join([*head, *_lines(project, wishes), ""])


def _lines(project: Project, wishes: Wishes) -> Iterator[str]:
    match project:
        case PythonWeb():
            return render_web(project, wishes)
        case PythonModel():
            return render_model(project, wishes)
        case RModel():
            return render_r(project, wishes)
        case _:
            assert_never(project)
