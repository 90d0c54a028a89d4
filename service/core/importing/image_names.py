"""Image names as pipelines write them: registry, repository and tag, each as far as it is known. Pure."""

from __future__ import annotations

import re

from service.core.importing.findings import Image
from service.core.importing.pieces import Text, Unknown, literal, template

HUB = "docker.io"
_MARK = "\ue000"


def read_image(text: Text) -> Image:
    """Read `registry/repository:tag@digest`; a part that has an unknown is left out."""
    pieces: list[str] = []
    held: list[Text] = []
    for piece in text:
        if isinstance(piece, str):
            pieces.append(piece)
        else:
            pieces.append(f"{_MARK}{len(held)}{_MARK}")
            held.append((piece,))
    name, tag = _split("".join(pieces).strip().strip("\"'").partition("@")[0])
    if not name:
        return Image(tag=template(_back(tag, held)) or "")
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and (_MARK in first or "." in first or ":" in first or first == "localhost")
    registry, repository = (first, rest) if is_host else (HUB, name)
    if not is_host and _MARK in name:
        registry = "" if slash or name.startswith(_MARK) else HUB
    if registry == HUB and repository and "/" not in repository and _MARK not in repository:
        repository = f"library/{repository}"
    return Image(
        literal(_back(registry, held)) or "",
        (literal(_back(repository, held)) or "").lower(),
        template(_back(tag, held)) or "",
    )


def _split(name: str) -> tuple[str, str]:
    """Split off the tag: what follows the last colon, unless that is a port."""
    head, colon, tail = name.rpartition(":")
    return (head, tail) if colon and "/" not in tail else (name, "")


def _back(text: str, held: list[Text]) -> Text:
    """Put the variables back in their places."""
    found: list[Text] = []
    for number, part in enumerate(re.split(_MARK, text)):
        if number % 2 == 0:
            found.append((part,) if part else ())
        else:
            found.append(held[int(part)] if part.isdigit() and int(part) < len(held) else (Unknown(part),))
    return tuple(piece for one in found for piece in one)
