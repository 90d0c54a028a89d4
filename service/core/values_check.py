"""Checks that the values files are there and have every path that a configuration writes, before anything is built.

`mergeport config check` does this for a checkout; the service can do it for a commit. It computes the edits of a
promotion with made-up images, so it reports exactly what would refuse a run. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from service.core.config import Configuration, Target
from service.core.config.report import Report, nearest_names
from service.core.config.tree import Place
from service.core.edits import resolve_values
from service.core.images import ImageReference, tag_for
from service.core.models import model_reference
from service.core.values import FileEdit, rewrite
from service.core.words import Digest, Sha
from service.errors import Fault, MergeportError, ValuesEditError

_COMMIT = Sha("0123456789abcdef" * 2 + "01234567")
_DIGEST = Digest("sha256:" + "0123456789abcdef" * 4)


class Tree(Protocol):
    """The files of one manifest repository, at a commit or in a folder."""

    def read(self, file: str) -> bytes | None:
        """Give a file's bytes, None if it is not there; MergeportError if it may not be written."""
        ...

    def names(self, folder: str) -> Collection[str]:
        """Name what is in a folder; empty if there is none. The root is an empty text."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    """One values file of a target, and what would be written in it."""

    target: Target
    index: int
    edit: FileEdit


def check_values(configuration: Configuration, targets: Iterable[Target], tree: Tree, *, file: str) -> list[Fault]:
    """Report each missing values file, and each path that is not in its file, at the lines of the configuration.

    `file` is the configuration's name in the faults.
    """
    report = Report(file)
    entries = [entry for target in targets for entry in _entries(target)]
    taken = {entry.edit.file for entry in entries}
    for entry in entries:
        _check(configuration, entry, tree, taken, report)
    return report.faults


def _entries(target: Target) -> Iterator[_Entry]:
    images: dict[str, ImageReference] = {
        image.name: ImageReference(
            image.registry_host, image.repository, tag_for(image.tag, commit=_COMMIT, branch="main"), _DIGEST
        )
        for image in target.images
    }
    if (model := target.model) is not None:
        images[model.name] = model_reference(model.registry, model.repository, "1", "models:/m-1", _DIGEST)
    edits = resolve_values(target, images, commit=_COMMIT, branch="main")
    for entry, edit in zip(target.values, edits, strict=True):
        yield _Entry(target, entry.position, edit)


def _check(configuration: Configuration, entry: _Entry, tree: Tree, taken: Collection[str], report: Report) -> None:
    edit = entry.edit

    def place(*parts: str | int) -> Place:
        return configuration.place(entry.target.application, entry.target.environment, "values", entry.index, *parts)

    def tell(at: Place, words: str, hint: str) -> None:
        report.add(at, f"{entry.target.application} in {entry.target.environment}: {words}", hint)

    try:
        content = tree.read(edit.file)
    except MergeportError as error:
        tell(place("file"), f"{edit.file}: {error.message}", error.hint)
        return
    if content is None and not edit.new_file:
        tell(place("file"), f"{edit.file} does not exist", _meant(tree, edit.file, taken))
        return
    if (fault := _refusal(content or b"", edit)) is None:
        return
    one_by_one = [
        (one.path, refusal)
        for one in edit.edits
        if (refusal := _refusal(content or b"", FileEdit(edit.file, (one,), edit.create, edit.new_file)))
    ]
    same = {str(refusal) for _, refusal in one_by_one}
    all_alike = len(one_by_one) == len(edit.edits) > 1 and len(same) == 1
    if not one_by_one or all_alike:  # the fault is of the file as a whole
        tell(place("file"), _words(fault), fault.hint)
        return
    for path, refusal in one_by_one:
        tell(place("set", path), _words(refusal), refusal.hint)


def _refusal(content: bytes, edit: FileEdit) -> ValuesEditError | None:
    try:
        rewrite(lambda _: content, [edit])
    except ValuesEditError as error:
        return error
    return None


def _words(error: ValuesEditError) -> str:
    where = ":".join(str(error.fields[name]) for name in ("file", "line") if error.fields.get(name))
    return f"{where}: {error.message}" if where else error.message


def _meant(tree: Tree, file: str, taken: Collection[str]) -> str:
    """Give the hint that names the file most likely meant, unless the configuration names it elsewhere."""
    found = _nearest_file(tree, "", file.split("/"), taken)
    return f"did you mean {found}?" if found else "add the file, or set `create: file`"


def _nearest_file(tree: Tree, folder: str, parts: list[str], taken: Collection[str]) -> str:
    """Follow the parts of a path, each by its own name or the most similar one."""
    names = tree.names(folder)
    for name in dict.fromkeys([*(one for one in names if one == parts[0]), *nearest_names(parts[0], names)]):
        path = f"{folder}/{name}" if folder else name
        if len(parts) > 1 and (found := _nearest_file(tree, path, parts[1:], taken)):
            return found
        if len(parts) == 1 and path not in taken and not tree.names(path):
            return path
    return ""
