"""Texts with parts that are known only as a placeholder, or not at all; and what can be said of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

_MOST_OPTIONS = 12


class Known(NamedTuple):
    """A part of a text that Mergeport knows as a placeholder."""

    template: str


class Unknown(NamedTuple):
    """A part of a text that only the old pipeline knows, as it is written there; `options` if it is one of these."""

    name: str
    options: tuple[str, ...] = ()


Piece = str | Known | Unknown
Text = tuple[Piece, ...]


def expanded(text: Text) -> list[Text]:
    """Give the texts that a text with options may be, a few at most."""
    found: list[Text] = [()]
    for piece in text:
        options: tuple[Piece, ...] = piece.options if isinstance(piece, Unknown) and piece.options else (piece,)
        if len(found) * len(options) > _MOST_OPTIONS:
            return [text]
        found = [(*one, option) for one in found for option in options]
    return [joined(iter(one)) for one in found]


def shown(text: Text) -> str:
    """Write a text for people: placeholders as Mergeport has them, unknowns as they are written."""
    return "".join(piece if isinstance(piece, str) else piece[0] for piece in text)


def template(text: Text) -> str | None:
    """Write a text as a template of Mergeport; None if a part of it is unknown."""
    if any(isinstance(piece, Unknown) for piece in text):
        return None
    return "".join(_escaped(piece) if isinstance(piece, str) else piece[0] for piece in text)


def literal(text: Text) -> str | None:
    """Give a text that is known to the last character; None if it has a placeholder or an unknown."""
    return "".join(map(str, text)) if all(isinstance(piece, str) for piece in text) else None


def varies(text: Text) -> bool:
    """Tell whether a text has any variable."""
    return any(not isinstance(piece, str) for piece in text)


def names_commit(template_text: str) -> bool:
    """Tell whether a tag differs from commit to commit, which Mergeport requires."""
    return "{sha}" in template_text or "{short_sha" in template_text


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def options_of(text: Text) -> tuple[str, ...]:
    """Give what a text may be; nothing if that is not known."""
    if len(text) == 1 and isinstance(text[0], Unknown):
        return text[0].options
    known = literal(text)
    return (known,) if known is not None else ()


def joined(pieces: Iterator[Piece]) -> Text:
    """Put neighbouring literals together and leave out empty ones."""
    found: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and found and isinstance(found[-1], str):
            found[-1] += piece
        elif piece != "":
            found.append(piece)
    return tuple(found)
