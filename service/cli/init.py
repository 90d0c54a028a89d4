"""`mergeport init`: makes a set-up out of a few answers: manifests, workflows, AWS, the GitHub App, settings.

Needs no settings and reaches nobody; `mergeport init app` registers the App. It shows what it would write first, and
never writes over a file that a person has changed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from service.cli.init_app import app
from service.cli.printing import say

if TYPE_CHECKING:
    from service.core.starting.answers import Answers
    from service.core.starting.planned_files import PlannedFile

T = TypeVar("T")
_BUILDERS = ("github-actions", "external", "docker")


@click.group()
def init() -> None:
    """Make a set-up: `new` writes it into a folder, `app` registers its GitHub App."""


init.add_command(app)


@init.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--manifests", help="The manifest repository, owner/name.", prompt="Manifest repository (owner/name)")
@click.option(
    "--app", "applications", multiple=True, metavar="[NAME=]OWNER/REPOSITORY[:DOCKERFILE]",
    help="An application, its source repository, and how its image is made: own (its Dockerfile), python-web, "
    "python-model or r-model. May be given several times.",
)  # fmt: skip
@click.option("--registry", help="The registry's host.", prompt="Registry (host)")
@click.option(
    "--environment", "environments", multiple=True, metavar="NAME=BRANCH",
    help="An environment and the branch that feeds it, in order; the last one is promoted by pull request. "
    "dev=develop, stage=staging and prod=main if there is none.",
)  # fmt: skip
@click.option("--builder", type=click.Choice(_BUILDERS), default=_BUILDERS[0], show_default=True, help="Who builds.")
@click.option("--reviewers", default="", metavar="WHO", help="Who reviews pull requests: team:SLUG or a login.")
@click.option("--hooks", default="https://hooks.example.com", help="The public address, which GitHub calls.")
@click.option("--url", default="https://mergeport.example.com", help="The address of the pages, for people.")
@click.option("--argocd", default="", metavar="URL", help="Argo CD's address; without it runs end at the commit.")
@click.option(
    "--workflow", default="acme/mergeport@COMMIT", help="Your copy of Mergeport on GitHub, and a commit of it."
)
@click.option("--oidc-provider", default="", metavar="ARN", help="The cluster's OIDC provider, for IRSA.")
@click.option("--yes", is_flag=True, help="Write without asking.")
def new(folder: Path, yes: bool, **given: str | tuple[str, ...]) -> None:
    """Write a set-up into FOLDER: what is new or ours; what a person has changed stays."""
    from service.cli import init_files  # noqa: PLC0415 - heavy
    from service.core.starting.planned_files import Fate, plan  # noqa: PLC0415 - heavy
    from service.core.starting.set_up import set_up  # noqa: PLC0415 - heavy

    answers = _answers(given)
    files = set_up(init_files.given(), answers, _app_manifest(answers))
    before = init_files.record(folder)
    planned = plan(files, init_files.there(folder, files), before)
    _show(folder, planned)
    if all(one.fate in {Fate.SAME, Fate.KEPT} for one in planned):
        say("Nothing is to be written.")
        return
    if not yes and not click.confirm(f"Write to {folder}?", err=True):
        sys.exit(1)
    init_files.carry_out(folder, planned, before)
    say(f"Written. Go on with {folder / 'README.md'}.")


def _answers(given: dict[str, str | tuple[str, ...]]) -> Answers:
    from service.core.config import texts  # noqa: PLC0415 - heavy
    from service.core.starting import answers as read  # noqa: PLC0415 - heavy

    def text(name: str) -> str:
        return str(given[name])

    applications = list(_many(given["applications"])) or [click.prompt("Source repository (owner/name)", err=True)]
    workflow, _, version = text("workflow").partition("@")
    found = read.Answers(
        manifests=_read(texts.repository, text("manifests"), "--manifests"),
        applications=tuple(_read(read.application, one, "--app") for one in applications),
        registry=_read(texts.registry_host, text("registry"), "--registry"),
        builder=text("builder"),
        reviewers=_read(texts.reviewer, text("reviewers"), "--reviewers") if text("reviewers") else "",
        hooks=_read(read.address, text("hooks"), "--hooks"),
        url=_read(read.address, text("url"), "--url"),
        argocd=_read(read.address, text("argocd"), "--argocd") if text("argocd") else "",
        workflow=_read(texts.repository, workflow, "--workflow"),
        version=version or "COMMIT",
        oidc_provider=text("oidc_provider"),
        **(
            {
                "environments": tuple(
                    _read(read.environment, one, "--environment") for one in _many(given["environments"])
                )
            }
            if given["environments"]
            else {}
        ),
    )
    _read(lambda _: read.check(found.environments, found.applications), "", "init")
    return found


def _many(value: str | tuple[str, ...]) -> Sequence[str]:
    return value if isinstance(value, tuple) else (value,)


def _read(reader: Callable[[str], T], text: str, option: str) -> T:
    from service.core.config.texts import TextError  # noqa: PLC0415 - heavy

    try:
        return reader(text)
    except TextError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise click.UsageError(f"{option}: {error}{hint}") from error


def _app_manifest(answers: Answers) -> dict[str, object]:
    """Give the App's manifest for the very configuration that is written."""
    from service.adapters.kinds import kinds  # noqa: PLC0415 - heavy
    from service.core.config import load  # noqa: PLC0415 - heavy
    from service.core.doctor.needs import needs_of  # noqa: PLC0415 - heavy
    from service.core.starting.github_app import app_manifest  # noqa: PLC0415 - heavy
    from service.core.starting.manifest_files import configuration  # noqa: PLC0415 - heavy

    needs = needs_of(load(configuration(answers), kinds=kinds()), answers.manifests)
    return app_manifest(needs.values(), owner=answers.owner, hooks=answers.hooks, url=answers.url)


def _show(folder: Path, planned: list[PlannedFile]) -> None:
    """Show the differences of what is there, and the names of what is new."""
    from service.core.starting.planned_files import Fate  # noqa: PLC0415 - heavy

    for one in planned:
        if one.fate is Fate.UPDATED:
            say(one.diff, nl=False)
        elif one.fate is Fate.KEPT:
            say(f"{folder / one.path}: somebody has changed it, so it stays. What we would write there:", err=True)
            say(one.diff, err=True, nl=False)
    for fate in Fate:
        names = [one.path for one in planned if one.fate is fate]
        if names:
            say(f"{fate}: {len(names)} file{'' if len(names) == 1 else 's'}")
            for name in names if fate is not Fate.SAME else ():
                say(f"  {name}")
