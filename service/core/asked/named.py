"""Reads what a person names: a commit, a pull request or an image, as people write them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from service.core.words import Repository
from service.errors import NotFoundError

_URL = re.compile(r"https?://[^/\s]+/(?P<repository>[^/\s]+/[^/\s]+)/(?P<kind>pull|commit)/(?P<value>[0-9a-fA-F]+)\S*")
_NUMBERED = re.compile(r"(?:(?P<repository>[^/\s#]+/[^/\s#]+))?#(?P<number>\d{1,9})")
_NUMBER = re.compile(r"\d{1,6}")
_COMMIT = re.compile(r"(?:(?P<repository>[^/\s@]+/[^/\s@]+)@)?(?P<commit>[0-9a-fA-F]{7,40})")
_MODEL = re.compile(r"(?P<name>[^@/:]+)@(?P<version>\d{1,18})")
_DIGEST = re.compile(r"(?:\S*@)?(?P<digest>sha256:[0-9a-f]{7,64})", re.IGNORECASE)
_IMAGE = re.compile(r"(?:(?P<name>\S+):)?(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})")


@dataclass(frozen=True, slots=True)
class NamedCommit:
    """A commit by its beginning; it may also be a tag that looks like one."""

    beginning: str
    repository: Repository | None = None


@dataclass(frozen=True, slots=True)
class NamedPullRequest:
    """A pull request by its number."""

    number: int
    repository: Repository | None = None


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image by its digest, or by its tag and perhaps its name; a model's version by its number and name."""

    digest: str = ""
    tag: str = ""
    name: str = ""


Named: TypeAlias = NamedCommit | NamedPullRequest | NamedImage


def named(text: str) -> Named:
    """Read `4f2c1e9`, `acme/checkout@4f2c1e9`, `41`, `#41`, `acme/checkout#41`, an address of these, or an artifact."""
    text = text.strip()
    if found := _URL.fullmatch(text):
        repository = Repository(found["repository"])
        if found["kind"] == "commit":
            return NamedCommit(found["value"].lower(), repository)
        if found["value"].isdigit():
            return NamedPullRequest(int(found["value"]), repository)
    if found := _NUMBERED.fullmatch(text):
        return NamedPullRequest(int(found["number"]), _repository(found))
    if _NUMBER.fullmatch(text):
        return NamedPullRequest(int(text))
    if found := _COMMIT.fullmatch(text):
        return NamedCommit(found["commit"].lower(), _repository(found))
    if found := _MODEL.fullmatch(text):
        return NamedImage(tag=found["version"], name=found["name"].strip())
    if found := _DIGEST.fullmatch(text):
        return NamedImage(digest=found["digest"].lower())
    if found := _IMAGE.fullmatch(text):
        return NamedImage(tag=found["tag"], name=found["name"] or "")
    raise NotFoundError(
        f"{text[:100]} names no commit, pull request or image",
        code="asked-unclear",
        hint="give at least 7 characters of a commit, #NUMBER or OWNER/NAME#NUMBER, an image's tag or digest, "
        "or MODEL@VERSION",
    )


def _repository(found: re.Match[str]) -> Repository | None:
    name = found["repository"]
    return Repository(name) if name else None
