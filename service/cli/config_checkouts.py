"""Checkouts of manifest repositories on this machine, for `mergeport config check`: which they are, and their files.

Starts no git, writes nothing, and follows no link.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from service.adapters.git.checked_out import checked_out
from service.core.config import Configuration, Target
from service.core.reserved_files import TEMPLATE_FILE
from service.core.words import Repository
from service.errors import Fault, PermanentError

_NAME = re.compile(r"[/:](?P<name>[^/:\s]+/[^/:\s]+?)(?:\.git)?/?$")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A folder with the files of a repository; `name` and `branch` are from its `.git`, None if that does not tell.

    `beside` marks the checkout that has the configuration.
    """

    folder: Path
    name: Repository | None
    branch: str | None
    beside: bool = False

    def read(self, file: str) -> bytes | None:
        """Give a file's bytes, None if it is not there; PermanentError for anything but a regular file."""
        path = self.folder
        for part in file.split("/"):
            path = path / part
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                return None
            except NotADirectoryError:
                hint = "name a file, or a new file in an existing folder"
                raise PermanentError("is below a file, not a folder", code="values-file-clash", hint=hint) from None
            if stat.S_ISLNK(mode):
                raise PermanentError("is a symbolic link", code="values-file-symlink", hint="name the file itself")
        if not stat.S_ISREG(mode):
            raise PermanentError("is not a file", code="values-file-forbidden", hint="name a values file")
        try:
            return path.read_bytes()
        except OSError as error:
            raise PermanentError(f"cannot be read: {error.strerror}", code="values-file-forbidden") from error

    def names(self, folder: str) -> Collection[str]:
        """Name what is in a folder."""
        try:
            return [entry.name for entry in (self.folder / folder).iterdir() if entry.name != ".git"]
        except OSError:
            return []


def find_checkouts(folders: Iterable[Path], beside: Path | None) -> list[Checkout]:
    """Give the checkouts at the folders, and the one whose root has the configuration, if there is one."""
    found = [_checkout(folder) for folder in folders]
    if beside is not None and (beside / ".git").exists():
        resolved = beside.resolve()
        found = [one for one in found if one.folder.resolve() != resolved] + [_checkout(beside, beside=True)]
    return found


def _checkout(folder: Path, *, beside: bool = False) -> Checkout:
    origin, branch = checked_out(folder)
    name = _NAME.search(origin) if origin else None
    return Checkout(folder, Repository(name["name"]) if name else None, branch, beside=beside)


def share_out(
    configuration: Configuration, checkouts: Iterable[Checkout]
) -> tuple[list[tuple[Checkout, list[Target]]], list[str]]:
    """Give each checkout the targets whose values files are in it, and words about those that are in none."""
    shares: list[tuple[Checkout, list[Target]]] = [(checkout, []) for checkout in checkouts]
    named = {target.manifest_repository for target in configuration.targets() if target.manifest_repository}
    left: dict[str, None] = {}
    for target in configuration.targets():
        here = [share for share in shares if _has(share[0], target, named)]
        there = next((share for share in here if _is_on(share[0], target)), None)
        if there is not None:
            there[1].append(target)
        elif here:
            left[f"{target.manifest_branch} is not checked out in {here[0][0].folder}"] = None
        else:
            left[f"there is no checkout of {target.manifest_repository or 'the configuration repository'}"] = None
    return shares, list(left)


def template_faults(checkout: Checkout) -> Iterator[Fault]:
    """Tell what is wrong with the checkout's template of pull requests, if it has one."""
    where = str(checkout.folder / TEMPLATE_FILE)
    try:
        found = checkout.read(TEMPLATE_FILE)
    except PermanentError as error:
        yield Fault(where, error.message, "make it a plain file")
        return
    if found is None:
        return
    try:
        text = found.decode("utf-8")
    except UnicodeDecodeError:
        yield Fault(where, "it is not UTF-8 text", "save it as UTF-8")
        return
    from service.core.pull_request_template import faults_of  # noqa: PLC0415 - loads Jinja, which few checks need

    for fault in faults_of(text):
        yield Fault(where, fault.message, "docs/promotion.md has the names", line=fault.line or None)


def _has(checkout: Checkout, target: Target, named: Collection[Repository]) -> bool:
    if target.manifest_repository is None:
        return checkout.beside or checkout.name not in named
    if checkout.name is None:
        return not checkout.beside
    return checkout.name == target.manifest_repository


def _is_on(checkout: Checkout, target: Target) -> bool:
    return target.manifest_branch is None or checkout.branch in {None, target.manifest_branch}
