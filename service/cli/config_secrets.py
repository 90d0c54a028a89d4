"""The search for plain secrets in checkouts, for `mergeport config check`. Follows no link, writes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from service.adapters.secret_detector import ProcessSecretDetector
from service.cli.config_checkouts import Checkout
from service.core.config import Target
from service.core.plain_secrets import Finding, allowed_words, chosen, faults_of, in_scope
from service.errors import Fault, PermanentError

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Searched:
    """How many files were searched, what is wrong in them, what is allowed, and what was left out."""

    files: int
    faults: list[Fault]
    allowed: tuple[str, ...]
    unsearched: tuple[str, ...]


def search_checkouts(shares: Sequence[tuple[Checkout, Sequence[Target]]]) -> Searched:
    """Search the values files of the targets, and all below `apps/`, in each checkout that has targets.

    A search that does not end well is a fault: nobody takes it for a clean one.
    """
    count = 0
    found: list[Finding] = []
    faults: list[Fault] = []
    left: list[str] = []
    for checkout, targets in shares:
        if not targets:
            continue
        scope = chosen({name: _content(checkout, name) for name in in_scope(targets, _names(checkout.folder))})
        count += len(scope.files)
        left += scope.left
        try:
            findings = ProcessSecretDetector(seconds=SECONDS).search(scope.files)
        except PermanentError as error:
            faults.append(Fault(str(checkout.folder), error.message, error.hint))
            continue
        found += [replace(one, file=_shown(checkout, one.file)) for one in findings]
    return Searched(count, [*faults_of(found), *faults], tuple(allowed_words(found)), tuple(left))


def _names(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git" and not (Path(place) / name).is_symlink()]
        below = Path(place).relative_to(folder)
        yield from ((below / name).as_posix() for name in files)


def _content(checkout: Checkout, name: str) -> bytes | None:
    try:
        return checkout.read(name)
    except PermanentError:
        return None


def _shown(checkout: Checkout, file: str) -> str:
    """Name a file as one finds it: from the current folder if that is the checkout."""
    return file if checkout.folder == Path() else str(checkout.folder / file)
