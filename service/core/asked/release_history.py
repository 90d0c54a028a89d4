"""Reads the history of what runs where from values files and commit messages: what changed, by whom, from which source.

Pure: the texts are handed in. A commit counts as ours only if its trailers name an artifact that it really wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.core import trailers
from service.core.artifacts import told_in
from service.core.config import Target
from service.core.config.placeholders import Placeholder, parse
from service.core.foreign_text import cut, line
from service.core.images import ImageReference
from service.core.models import ModelReference
from service.core.standing import SHORTEST_COMMIT
from service.core.step_back import short
from service.core.values import decode_values, read_value
from service.core.words import Actor
from service.errors import MergeportError

_CONSTANT = frozenset({"application", "environment", "branch", "repository", "registry", "name"})
_REVERTS = re.compile(r"This reverts commit ([0-9a-f]{7,40})")
_MERGED = re.compile(r"Merge pull request #(\d+) |.*\(#(\d+)\)$")
_LONGEST = 200

Artifacts = Mapping[tuple[str, str], str]
"""What a target's values files say of its artifacts, by file and values path."""


class Kind(StrEnum):
    """How an artifact came into a values file."""

    PROMOTION = "promotion"
    """A commit of ours."""
    ROLLBACK = "rollback"
    """A commit of ours that goes back to a former release."""
    REVERT = "revert"
    """A person's `git revert`."""
    PERSON = "person"
    """Another commit of a person."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a commit of ours says about itself."""

    run: str
    application: str
    environment: str
    source_repository: str
    source_commit: str
    subject: str
    author: str
    pull_requests: tuple[int, ...]
    images: tuple[ImageReference, ...]
    back_from: str = ""
    """Of a rollback: what was gone back from, in short."""
    actor: str = ""
    reason: str = ""

    def wrote(self, artifacts: Artifacts) -> bool:
        """Tell whether these artifacts are its own: all of its images, or its source commit where no image is named."""
        values = set(artifacts.values())
        if self.images and all(_is_named(image, values) for image in self.images):
            return True
        short = [value for value in values if len(value) >= SHORTEST_COMMIT and self.source_commit.startswith(value)]
        return bool(short) and len(values) == len(short)


def _is_named(image: ImageReference, values: Collection[str]) -> bool:
    """Tell whether values name an image, by its digest if any has one, else by its tag; or a model's version."""
    if isinstance(image, ModelReference):
        return image.uri in values or image.tag in values
    if any("sha256:" in value for value in values):
        return any(image.digest is not None and value.endswith(image.digest) for value in values)
    return any(value == image.tag or value.endswith(f":{image.tag}") for value in values)


@dataclass(frozen=True, slots=True)
class Written:
    """One change of what runs in a place: `changes` are (values path, old, new).

    `by` is the source change's author for a promotion, who asked for a rollback, else the committing person. `commit`
    is the one on the branch, `pull_request` the one that its subject names. `cut_off`: it may be older than it.
    """

    at: datetime
    application: str
    environment: str
    kind: Kind
    changes: tuple[tuple[str, str, str], ...]
    by: str
    commit: str
    words: str
    origin: Origin | None = None
    pull_request: int | None = None
    cut_off: bool = False
    position: int = 0
    """Where it is in the branch's history: clocks of people differ, so times do not tell the order."""


def artifact_paths(target: Target) -> tuple[tuple[str, str], ...]:
    """Name file and values path of everything that says which artifact runs."""
    return tuple(
        (entry.file, path)
        for entry in target.values
        for path, template in entry.set
        if isinstance(template, str)
        and any(
            isinstance(piece, Placeholder) and piece.name.rpartition(".")[2] not in _CONSTANT
            for piece in parse(template)
        )
    )


def artifacts_in(target: Target, read: Callable[[str], bytes | None]) -> Artifacts:
    """Read what a target's values files say; what is not there, or cannot be read, is left out."""
    texts: dict[str, str] = {}
    found: dict[tuple[str, str], str] = {}
    for file, path in artifact_paths(target):
        if file not in texts:
            data = read(file)
            texts[file] = "" if data is None else _decoded(data, file)
        value = _value(texts[file], path, file)
        if value is not None:
            found[file, path] = value
    return found


def _decoded(data: bytes, file: str) -> str:
    try:
        return decode_values(data, file=file)
    except MergeportError:
        return ""


def _value(text: str, path: str, file: str) -> str | None:
    try:
        value = read_value(text, path, file=file)
    except MergeportError:
        return None
    return None if value is None else str(value)


def differences(before: Artifacts, after: Artifacts) -> Iterator[tuple[str, str, str]]:
    """Give (values path, old, new) of what differs; empty where there is nothing."""
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key, ""), after.get(key, "")
        if old != new:
            yield key[1], old, new


def origins_in(message: str) -> list[Origin]:
    """Read what a message says of promotions of ours; several, where a squash has joined several commits.

    Trailers count anywhere in it: GitHub puts co-authors below them, or takes the pull request's text, where they are
    in a code block. Whether they are true is for `Origin.wrote`.
    """
    blocks: list[list[tuple[str, str]]] = []
    for text in message.splitlines():
        key, colon, value = text.strip().partition(":")
        if colon and key in _KEYS:
            if key == trailers.RUN or not blocks:
                blocks.append([])
            blocks[-1].append((key, value.strip()))
    return [origin for block in blocks if (origin := _origin(block)) is not None]


def _origin(pairs: Sequence[tuple[str, str]]) -> Origin | None:
    said = {key: trailers.value_of(pairs, key) or "" for key in _KEYS}
    told = told_in(pairs)
    if told is None or not told.run:
        return None
    numbers = [value for key, value in pairs if key == trailers.SOURCE_PULL_REQUEST and value.isdigit()]
    return Origin(
        run=said[trailers.RUN],
        application=said[trailers.APPLICATION],
        environment=said[trailers.ENVIRONMENT],
        source_repository=told.repository,
        source_commit=told.commit,
        subject=said[trailers.REFERENCE_SUBJECT],
        author=said[trailers.REFERENCE_AUTHOR],
        pull_requests=tuple(int(number[:9]) for number in numbers),
        images=told.references,
        back_from=line(short(said[trailers.ROLLBACK])) if said[trailers.ROLLBACK] else "",
        actor=said[trailers.ACTOR],
        reason=cut(line(said[trailers.REASON]), _LONGEST),
    )


_KEYS = (
    trailers.RUN, trailers.APPLICATION, trailers.ENVIRONMENT, trailers.SOURCE_REPOSITORY, trailers.SOURCE_COMMIT,
    trailers.SOURCE_PULL_REQUEST, trailers.IMAGE, trailers.MODEL, trailers.REFERENCE_SUBJECT, trailers.REFERENCE_AUTHOR,
    trailers.ROLLBACK, trailers.ACTOR, trailers.REASON,
)  # fmt: skip


def written(
    target: Target, before: Artifacts, after: Artifacts, *, at: datetime, commit: str, on_branch: str, message: str,
    author: Actor, cut_off: bool = False, position: int = 0,
) -> Written:  # fmt: skip
    """Tell what a commit changed in a place; `on_branch` is the message of the branch's commit, if that is a merge."""
    place = (target.application, target.environment)
    said = [one for one in origins_in(message) if (one.application, one.environment) == place]
    origin = next((one for one in reversed(said) if one.wrote(after)), None)
    reverts = _REVERTS.search(message)
    kind = Kind.REVERT if reverts else Kind.PERSON
    if origin is not None:
        kind = Kind.ROLLBACK if origin.back_from else Kind.PROMOTION
    subject = line(message.partition("\n")[0])
    words = f"reverts {reverts[1][:12]}" if reverts and not origin else subject
    if origin is not None:
        words = origin.subject or subject
    merged = _MERGED.match(on_branch.partition("\n")[0])
    number = next((int(found[:9]) for found in merged.groups() if found), None) if merged else None
    ours = "" if origin is None else origin.actor if origin.back_from else origin.author
    by = ours or author.name or author.email
    return Written(
        at, *place, kind, tuple(differences(before, after)), cut(line(by), _LONGEST), commit, cut(words, _LONGEST),
        origin, number, cut_off, position,
    )  # fmt: skip
