"""Placeholders such as `{tag}`: which there are, whether a text uses them rightly, and what they become.

`load` checks every text by this; `service.core.edits` fills them in when the images are known.
A literal brace is written twice. Numbers and booleans pass through as they are, texts stay texts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from service.core.config.report import nearest
from service.core.config.texts import TextError

SHORT_SHA_LENGTH = 12
"""Known as soon as the configuration is read."""
COMMIT = ("sha", "short_sha", "branch")
"""Known once the change is known."""
IMAGE = ("repository", "tag", "digest", "image", "registry")
"""Known once the registry has given the image; with several images, `{name.tag}`."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME = re.compile(r"([a-z0-9_.-]+)(?::([0-9]{1,4}))?", re.IGNORECASE)
_SHORTEST, _FULL = 7, 40


class Placeholder(NamedTuple):
    """One placeholder as written: `{short_sha:7}` has a length."""

    name: str
    length: int | None = None

    def __str__(self) -> str:
        return f"{{{self.name}}}" if self.length is None else f"{{{self.name}:{self.length}}}"


@lru_cache(maxsize=4096)
def parse(template: str) -> tuple[str | Placeholder, ...]:
    """Give the pieces of a template in order; raise TextError at the first invalid one."""
    return tuple(_pieces(template))


def _pieces(template: str) -> Iterator[str | Placeholder]:
    at = 0
    for match in _TOKEN.finditer(template):
        if match.start() > at:
            yield template[at : match.start()]
        at = match.end()
        token = match[0]
        if token in {"{{", "}}"}:
            yield token[0]
        elif match[1] is None:
            raise TextError(f"a lone {token}", f"a literal brace is written twice: {token * 2}")
        else:
            yield _placeholder(match[1])
    if at < len(template):
        yield template[at:]


def _placeholder(inner: str) -> Placeholder:
    found = _NAME.fullmatch(inner)
    if not found:
        raise TextError(f"{{{inner}}} is not a placeholder", "a literal brace is written twice: {{ and }}")
    if found[2] is None:
        return Placeholder(found[1])
    length = int(found[2])
    if found[1] != "short_sha":
        raise TextError(f"{{{inner}}} cannot have a length", "only {short_sha:7} can")
    if not _SHORTEST <= length <= _FULL:
        raise TextError(f"{{{inner}}}: the length is from {_SHORTEST} to {_FULL}", "{short_sha} has 12")
    return Placeholder("short_sha", length)


def check_placeholders(template: str, known: Collection[str], images: Collection[str] = ()) -> None:
    """Raise TextError for the first placeholder that is not among the known ones.

    `images` are the names of an application's images, for a hint about `{tag}` if there are several.
    """
    for piece in parse(template):
        if isinstance(piece, str) or piece.name in known:
            continue
        if piece.name in IMAGE and images:
            several = " or ".join(f"{{{name}.{piece.name}}}" for name in images)
            raise TextError(f"{piece} of which image?", f"there are several: write {several}")
        raise TextError(f"{piece} is not a placeholder here", nearest(piece.name, known))


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill in the values; `{short_sha:7}` is cut from `sha`. Every placeholder must be among the values."""
    return "".join(
        piece if isinstance(piece, str) else values["sha"][: piece.length] if piece.length else values[piece.name]
        for piece in parse(template)
    )


def render_known(template: str, values: Mapping[str, str]) -> str:
    """Fill in the values that are given and leave everything else as it is written."""
    return re.sub(r"(?<!\{)\{([a-z_]+)\}(?!\})", lambda match: values.get(match[1], match[0]), template)


def image_placeholders(names: Collection[str]) -> frozenset[str]:
    """Give the placeholders of an application's images: bare ones only where there is just one image."""
    named = {f"{name}.{part}" for name in names if name for part in IMAGE}
    return frozenset(named | set(IMAGE) if len(names) == 1 else named)
