"""Trailers: the facts that a commit's message carries about itself. Every key is here.

Written into manifest commits and read back from them, so that history describes itself and the database may be lost.
Reads what `git interpret-trailers --parse --no-divider` reads; a commit's message has no patch below a `---`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

RUN: Final = "Mergeport-Run"
APPLICATION: Final = "Mergeport-Application"
ENVIRONMENT: Final = "Mergeport-Environment"
IMAGE: Final = "Mergeport-Image"
MODEL: Final = "Mergeport-Model"
"""`REGISTRY/NAME@VERSION URI [CHECKSUM]`: the version of a model; it stands in the place of image and source."""
MADE_FOR: Final = "Mergeport-Image-Made-For"
"""The commit that an image was made for, if that is another one with the same source tree."""
CARRIED: Final = "Mergeport-Carried"
"""`ENVIRONMENT@COMMIT: PATH, PATH`: the values that went along, and the manifest commit that they were read at."""
OVERRIDE: Final = "Mergeport-Override"
"""`GATE by NAME: REASON`: a gate that a person opened for the release."""
SOURCE_REPOSITORY: Final = "Source-Repository"
SOURCE_COMMIT: Final = "Source-Commit"
SOURCE_PULL_REQUEST: Final = "Source-Pull-Request"

ROLLBACK: Final = "Mergeport-Rollback"
"""On the commit of a rollback: the source commit or the digest that was gone back from."""

ACTION: Final = "Mergeport-Action"
"""The id of the action that changed the state; the same action makes one commit."""
ACTOR: Final = "Mergeport-Actor"
"""Who asked for the action."""
REASON: Final = "Mergeport-Reason"

CO_AUTHOR: Final = "Co-authored-by"
"""`Name <address>`: shown by GitHub as an author beside the commit's own."""

# What Argo CD shows beside a manifest commit: https://argo-cd.readthedocs.io/en/stable/user-guide/source-hydrator/
REFERENCE_AUTHOR: Final = "Argocd-reference-commit-author"
"""`Name <address>`, as RFC 5322 has it."""
REFERENCE_SHA: Final = "Argocd-reference-commit-sha"
REFERENCE_SUBJECT: Final = "Argocd-reference-commit-subject"
REFERENCE_REPOURL: Final = "Argocd-reference-commit-repourl"
"""A whole address."""

_SPACE = " \t\n\r"
_KEY = re.compile(r"[A-Za-z0-9-]+")
_TOKEN = re.compile(r"(?P<key>[A-Za-z0-9-]+)[ \t]*:(?P<value>.*)", re.DOTALL)
_WRITTEN_BY_GIT = ("Signed-off-by: ", "(cherry picked from commit ")
_SCISSORS = "# ------------------------ >8 ------------------------\n"


def format(pairs: Iterable[tuple[str, str]]) -> str:  # noqa: A001 # read as `trailers.format` wherever it is called
    """Write trailers, one on each line; one without a value is left out.

    A value becomes one line: line ends and the space around them become one space. ValueError for an invalid key, which
    is a bug of ours. The block goes after an empty line, at the very end of a message.
    """
    lines = []
    for key, value in pairs:
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a trailer's key: {key!r}")
        parts = (part.strip(_SPACE) for part in value.replace("\0", "\n").splitlines())
        if line := " ".join(part for part in parts if part):
            lines.append(f"{key}: {line}\n")
    return "".join(lines)


def value_of(trailers: Iterable[tuple[str, str]], key: str) -> str | None:
    """Give the last value of a key, ignoring case as git does; None if there is none."""
    found = [value for name, value in trailers if name.casefold() == key.casefold()]
    return found[-1] if found else None


def parse(message: str) -> tuple[tuple[str, str], ...]:
    """Read the trailers of a message, in order; continued lines are joined by one space.

    The last paragraph counts, if it is not the first, and is all trailers, or has a line that git itself writes
    and at most three other lines to one trailer. https://git-scm.com/docs/git-interpret-trailers
    """
    lines = _lines(message)
    del lines[_end(lines) :]
    block = lines[_start(lines) :]
    found: list[tuple[str, str]] = []
    for whole in _joined(block):
        match = _TOKEN.match(whole)
        if match and not whole.startswith("#"):
            found.append((match["key"], re.sub(r"\n[ \t\n\r]*", " ", match["value"].strip(_SPACE)).strip(_SPACE)))
    return tuple(found)


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _blank(line: str) -> bool:
    return not line.strip(_SPACE)


def _end(lines: list[str]) -> int:
    """Find where the message ends: before trailing comments and empty lines, an old list of conflicts, or scissors."""
    cutoff = lines.index(_SCISSORS) if _SCISSORS in lines else len(lines)
    end, conflicts = 0, False  # as in git, the very first line does not begin what is left out
    for number, line in enumerate(lines[:cutoff]):
        if line.startswith(("#", "\n")):
            end = end or number
        elif line == "Conflicts:\n":
            conflicts = True
            end = end or number
        elif conflicts and line.startswith("\t"):
            continue
        else:
            end, conflicts = 0, False
    return end or cutoff


@dataclass
class _Count:
    """The kinds of the lines of the last paragraph, counted from its end."""

    trailers: int = 0
    others: int = 0
    continued: int = 0
    by_git: bool = False

    def add(self, line: str) -> None:
        if line.startswith(_WRITTEN_BY_GIT):
            self.trailers, self.continued, self.by_git = self.trailers + 1, 0, True
        elif _TOKEN.match(line):
            self.trailers, self.continued = self.trailers + 1, 0
        elif line[0] in _SPACE:
            self.continued += 1
        else:
            self.others, self.continued = self.others + 1 + self.continued, 0

    def settle(self) -> None:
        self.others, self.continued = self.others + self.continued, 0

    def is_block(self) -> bool:
        if self.by_git:
            return self.trailers * 3 >= self.others
        return self.trailers > 0 and self.others == 0


def _start(lines: list[str]) -> int:
    """Find the first line of the trailers; the number of lines when there are none."""
    title = next((n for n, line in enumerate(lines) if not line.startswith("#") and _blank(line)), len(lines))
    count, begun = _Count(), False
    for number in range(len(lines) - 1, title - 1, -1):
        line = lines[number]
        if line.startswith("#"):
            count.settle()
        elif not _blank(line):
            begun = True
            count.add(line)
        elif begun:
            count.settle()
            return number + 1 if count.is_block() else len(lines)
    return len(lines)


def _joined(block: list[str]) -> list[str]:
    """Join continued lines to the trailer before them; a continued line after anything else stands alone."""
    wholes: list[str] = []
    for line in block:
        if wholes and line[0] in _SPACE and _TOKEN.match(wholes[-1]):
            wholes[-1] += line
        else:
            wholes.append(line)
    return wholes
