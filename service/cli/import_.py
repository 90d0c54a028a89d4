"""`mergeport import`: reads the set-up of older tools, proposes `mergeport.yaml`, and tells what will be different.

Mounted by `service.cli.main`. Needs no settings and speaks to nothing. It writes one file at most, and only if asked.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from service.cli.import_files import read_files
from service.cli.printing import print_json, say
from service.core.importing import Difference, Library, Proposal, Skipped, read_all
from service.core.values import unified_diff
from service.core.visible import one_line
from service.errors import NotFoundError, PermanentError


@click.command("import")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH...]")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the proposal to this file.")
@click.option("--overwrite", is_flag=True, help="With --output: also if the file exists and says something else.")
@click.option("--json", "json_wanted", is_flag=True, help="Print the proposal and all that differs as JSON.")
def import_(paths: tuple[Path, ...], output: Path | None, overwrite: bool, json_wanted: bool) -> None:
    """Propose mergeport.yaml from what an older tool does, and list what will be different.

    PATHs are checkouts of source and manifest repositories, folders or files (default: this folder). Read are sed, yq,
    kustomize and gitopscli in workflows, Jenkinsfiles, Makefiles and scripts; annotations and ImageUpdater objects of
    argocd-image-updater; Flux's image policies with their markers. The proposal is printed, what differs goes to
    standard error.
    """
    skipped: list[Skipped] = []
    proposal = read_all(Library(read_files(paths or (Path(),), skipped)))
    every = [*skipped, *proposal.skipped]
    if json_wanted:
        _print_json(proposal, every)
    else:
        _tell(proposal, every)
    if not proposal.text:
        raise NotFoundError(
            "Nothing was found that writes images into files",
            code="import-nothing-found",
            hint="name the folders of the manifest repository and of the source repositories",
        )
    if output is not None:
        _write(output, proposal.text, overwrite=overwrite, json_wanted=json_wanted)
    elif not json_wanted:
        say(proposal.text, nl=False)


def _print_json(proposal: Proposal, skipped: list[Skipped]) -> None:
    print_json(
        {
            "proposal": proposal.text,
            "repository": proposal.repository or None,
            "questions": [question._asdict() for question in proposal.questions],
            "differences": [
                {
                    "file": one.at.file,
                    "line": one.at.line,
                    "tool": one.tool,
                    "kind": one.kind,
                    "was": one.was,
                    "now": one.now,
                    "decide": one.decide,
                }
                for one in proposal.differences
            ],
            "skipped": [{"file": one.at.file, "line": one.at.line, "why": one.why} for one in skipped],
        }
    )


def _tell(proposal: Proposal, skipped: list[Skipped]) -> None:
    for one in skipped:
        say(f"{one.at.file}:{one.at.line}: skipped: {one.why}", err=True)
    for difference in proposal.differences:
        _tell_difference(difference)
    if not proposal.text:
        return
    where = f" {proposal.repository}" if proposal.repository else ""
    say(f"mergeport.yaml belongs at the root of the manifest repository{where}.", err=True)
    count = len(proposal.questions)
    if count:
        left = f"{count} question is" if count == 1 else f"{count} questions are"
        say(f"{left} left, each marked with `# ?`; `mergeport config check` names them:", err=True)
        for question in proposal.questions:
            say(f"  line {question.line}: {question.key}: {question.what}", err=True)


def _tell_difference(one: Difference) -> None:
    say(one_line(f"{one.at.file}:{one.at.line}: {one.kind}: {one.tool} {one.was}"), err=True)
    say(f"    now: {one_line(one.now)}", err=True)
    if one.decide:
        say(f"    decide: {one_line(one.decide)}", err=True)


def _write(output: Path, text: str, *, overwrite: bool, json_wanted: bool) -> None:
    """Write the file as a whole, or leave it as it is and show what would change."""
    try:
        before = output.read_text(encoding="utf-8")
    except FileNotFoundError:
        before = None
    if before == text:
        say(f"{output}: nothing to change", err=True)
        return
    if before is not None and not overwrite:
        if not json_wanted:
            say(unified_diff(before, text, str(output)), nl=False)
        raise PermanentError(
            f"{output} exists and says something else",
            code="import-output-exists",
            hint="take over from the difference what you want, or write it anew with --overwrite",
        )
    descriptor, name = tempfile.mkstemp(dir=output.absolute().parent, prefix=f".{output.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(output)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    say(f"{output}: {'written' if before is None else 'written anew'}", err=True)
