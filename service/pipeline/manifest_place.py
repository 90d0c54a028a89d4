"""Where a target's desired state is, and what it should say there: shared by commits, pull requests and checks."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from service.core.config import FileEdit, Target, resolve_values
from service.core.values import ScalarChange, decode_values, edit_values, encode_values
from service.core.words import Repository, Sha
from service.pipeline.build_stage import images_of
from service.pipeline.context import Context
from service.ports import Manifests
from service.store.runs import Run


@dataclass(frozen=True, slots=True)
class Place:
    """A branch of a manifest repository."""

    repository: Repository
    branch: str

    @property
    def lease(self) -> str:
        """Name the lease under which the branch is written."""
        return f"manifest:{self.repository}:{self.branch}"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What a run's edit comes to on one commit: nothing where `files` is empty."""

    files: Mapping[str, bytes]
    changes: tuple[tuple[str, ScalarChange], ...]
    diff: str
    warnings: tuple[str, ...]


def place_of(context: Context, target: Target) -> Place:
    """Give where the target's values files are."""
    repository = target.manifest_repository or context.configuration_repository
    if target.manifest_branch is not None:
        return Place(repository, target.manifest_branch)
    if repository == context.configuration_repository:
        return Place(repository, context.configurations.branch())
    return Place(repository, context.configurations.default_branch(repository))


def wanted_edits(run: Run, target: Target) -> tuple[FileEdit, ...]:
    """Give what each values file should say once the run is promoted."""
    return resolve_values(target, images_of(run), commit=run.commit, branch=run.branch)


def rewrite(manifests: Manifests, commit: Sha, wanted: tuple[FileEdit, ...]) -> Rewrite:
    """Compute the wanted edits on a commit; raises ValuesEditError or PermanentError where one is refused."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    changes: list[tuple[str, ScalarChange]] = []
    warnings: list[str] = []
    for entry in wanted:
        if entry.file not in before:
            before[entry.file] = after[entry.file] = decode_values(manifests.read(commit, entry.file), file=entry.file)
        edited = edit_values(after[entry.file], entry.edits, file=entry.file, create=entry.create)
        after[entry.file] = edited.text
        changes += [(entry.file, change) for change in edited.changes]
        warnings += edited.warnings
    changed = [file for file in after if after[file] != before[file]]
    return Rewrite(
        files={file: encode_values(after[file]) for file in changed},
        changes=tuple(changes),
        diff="".join(unified_diff(file, before[file], after[file]) for file in changed),
        warnings=tuple(warnings),
    )


def unified_diff(file: str, before: str, after: str) -> str:
    """Give the unified diff of a file's texts, as git prints it for a changed file."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{file}", f"b/{file}"
    )
    whole = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    return f"diff --git a/{file} b/{file}\n{whole}" if whole else ""


def has_images(manifests: Manifests, commit: Sha, wanted: tuple[FileEdit, ...]) -> bool:
    """Tell whether the values files at a commit already say what is wanted."""
    return not rewrite(manifests, commit, wanted).files
