"""Keeps a text for the proposal only if `config check` accepts it; else it becomes a question. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from service.core.config.patterns import check_branch_pattern, check_pattern
from service.core.config.placeholders import parse
from service.core.config.texts import (
    TextError,
    argocd_name,
    branch_name,
    image_repository,
    label,
    registry_host,
    repository,
    values_file,
)
from service.core.importing.proposal_text import Asked
from service.core.secret_looking import is_secret_text

QUESTION, ASKED = "?", "{?}"
"""What stands where a person has to fill something in: alone, and within a text with placeholders."""
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def _tag(text: str) -> None:
    """Accept a tag's template: with its placeholders filled in it has to be a tag."""
    filled = "".join(piece if isinstance(piece, str) else "0" for piece in parse(text))
    if not _TAG.fullmatch(filled):
        raise TextError("no tag")


def _file(text: str) -> None:
    values_file("".join(piece if isinstance(piece, str) else "x" for piece in parse(text)))


_CHECKS: dict[str, Callable[[str], object]] = {
    "source": repository,
    "registry": registry_host,
    "image": image_repository,
    "tag": _tag,
    "branch": check_branch_pattern,
    "file": _file,
    "argocd": argocd_name,
    "label": label,
    "path": check_pattern,
    "repository": repository,
    "manifest": branch_name,
}


def fits(kind: str, text: str) -> bool:
    """Tell whether a text may stand in the configuration."""
    if is_secret_text(text):
        return False
    try:
        _CHECKS[kind](text)
    except (TextError, ValueError):
        return False
    return bool(text)


def kept(kind: str, text: str, asked: str) -> str | Asked:
    """Give the text if it may stand there, else the question."""
    return text if fits(kind, text) else Asked(QUESTION, asked)
