"""`mergeport build`: prints the Dockerfile that a template gives a project, so that people can read and keep it.

Mounted by `service.cli.main`. Needs no settings and speaks to nothing: it reads a folder.
"""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from service.adapters.project_files import read_project
from service.core.config.report import in_words
from service.core.dockerfiles.describe import find_template
from service.core.dockerfiles.project import Server, Template
from service.core.dockerfiles.render import dockerfile_for
from service.core.dockerfiles.wishes import Wishes


@click.group()
def build() -> None:
    """Look at how images are built."""


@build.command()
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path())
@click.option("--template", type=click.Choice([one.value for one in Template]), help="The template; found if absent.")
@click.option("--base", help="The base image: NAME:TAG@sha256:…")
@click.option("--entry", help="python-web: the application, as MODULE:NAME.")
@click.option("--server", type=click.Choice([one.value for one in Server]), help="python-web: what serves it.")
@click.option("--port", type=int, help="The port that is listened on.")
@click.option("--health", help="The path that answers with 200 while all is well.")
@click.option("--package", "packages", multiple=True, help="A package of Debian or Ubuntu. May be given again.")
@click.option("--index", help="A package mirror. It is not in the image.")
@click.option("--credentials", is_flag=True, default=None, help="The mirror wants credentials, from a netrc file.")
def dockerfile(path: Path, template: str | None, packages: tuple[str, ...], **wishes: object) -> None:
    """Print the Dockerfile that a template gives the project in the folder PATH.

    PATH is what `build.context` names. The options are the keys of `build.with`.
    """
    said = {name: value for name, value in wishes.items() if value is not None}
    try:
        wanted = Wishes.model_validate({**said, "packages": packages})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        words, hint = in_words(first, f'"{first["input"]}"')
        words = f"{words} ({hint})" if hint else words
        raise click.BadParameter(words, param_hint=f"--{str(first['loc'][0]).removesuffix('s')}") from None
    files = read_project(path)
    click.echo(dockerfile_for(Template(template) if template else find_template(files), files, wanted), nl=False)
