"""Reads which images values files name now, at the paths that a promotion writes.

Called by the order of promotions. The target's placeholders say which path holds the tag, the digest or the commit of
which image, so other texts are not searched. Pure: it gets the values that an edit replaces, and looks nothing up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from service.core.config.placeholders import Placeholder, parse
from service.core.config.targets import Target
from service.core.images import ImageReference
from service.core.models import ModelReference, commit_of
from service.core.values.model import ScalarChange
from service.core.words import Digest, Sha

SHORTEST_COMMIT = 7
"""The fewest characters that identify a commit in a values file or a tag."""

_LONGEST = 1_000
"""The most characters of a text that is read; a longer one names no image."""
_NO_DIGEST = Digest("sha256:" + "0" * 64)
_NO_TAG = "unreleased"
"""What people write where there is no image yet: this digest, this tag (the manifests template does), or nothing."""
NO_MODEL = frozenset({"", _NO_TAG, "none", "0"})
_TAG, _DIGEST = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", r"sha256:[0-9a-f]{64}"
_OF_MODELS = {"version": "[0-9]{1,18}", "uri": r"\S+"}
_COMMIT_PARTS = frozenset({"sha", "short_sha"})


@dataclass(frozen=True, slots=True)
class Standing:
    """An image that an edit would replace: `text` for people, and what is known from it.

    `name` is the image's in the target; `commit` are the first characters of the source commit, at least seven. A text
    without digest, tag and commit names an unknown image.
    """

    name: str
    text: str
    digest: Digest | None = None
    tag: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """Images and the source commit that they were made of: by a run of ours, or by a manifest commit's trailers."""

    commit: Sha
    images: tuple[ImageReference, ...]

    def has(self, standing: Standing) -> bool:
        """Tell whether an image in a values file is one of these, or was made of the commit."""
        if any(isinstance(image, ModelReference) and image.uri == standing.text for image in self.images):
            return True
        if standing.digest is not None:
            return any(image.digest == standing.digest for image in self.images)
        tagged = bool(standing.tag) and any(image.tag == standing.tag for image in self.images)
        return tagged or (bool(standing.commit) and self.commit.startswith(standing.commit))


def standing_images(
    target: Target, changes: Iterable[tuple[str, ScalarChange]], images: Mapping[str, ImageReference]
) -> tuple[Standing, ...]:
    """Name the images that an edit would replace, by digest if there is one, else by tag or commit.

    `changes` are the scalars that it changes, each with its file; `images` the new ones by name. Nothing is named if
    the new image's digest is there already, or if there is no image yet.
    """
    before = {(file, change.path): change.before or "" for file, change in changes}
    if target.model is not None:
        return tuple(_of_model(target, target.model.name, before))
    names = sorted(images)
    found = [
        standing
        for name in names
        if (tag := next((image.tag for image in target.images if image.name == name), None)) is not None
        for standing in _of_image(name, tag, list(_spots(target, before, name, alone=len(names) == 1)))
    ]
    if not found and not any(_names_images(template, names) for _, template in _templates(target)):
        found = list(_of_commit(target, before))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class _Spot:
    """A values path to which one image is written, with the old value; None if the edit leaves it unchanged."""

    before: str | None
    pattern: re.Pattern[str]
    has_digest: bool


def _of_image(name: str, tag_template: str, spots: list[_Spot]) -> Iterator[Standing]:
    reads = [_read(name, spot, tag_template) for spot in spots if spot.before]
    digests = [read for read in reads if read.digest is not None and read.digest != _NO_DIGEST]
    there_already = any(spot.before is None and spot.has_digest for spot in spots)
    none_yet = any(_is_none_yet(read) for read in reads)
    if digests:
        yield from digests
    elif not there_already and not none_yet:
        yield from reads


def _is_none_yet(read: Standing) -> bool:
    return read.digest == _NO_DIGEST or (read.digest is None and read.tag == _NO_TAG)


def _read(name: str, spot: _Spot, tag_template: str) -> Standing:
    text = spot.before or ""
    match = _matching(spot.pattern, text) or _matching(_pattern("{image}", ""), text)
    parts = match.groupdict() if match else {}
    tag, digest, commit = parts.get("tag") or "", parts.get("digest"), parts.get("commit") or ""
    if digest:
        return Standing(name, digest, Digest(digest))
    if tag and (of_tag := _matching(_pattern(tag_template, ""), tag)):
        commit = of_tag.groupdict().get("commit") or ""
    return Standing(name, text, tag=tag, commit=commit)


def _of_commit(target: Target, before: Mapping[tuple[str, str], str]) -> Iterator[Standing]:
    """Read the commit if no path names an image, as with `image.tag: "{short_sha}"`."""
    for where, template in _templates(target):
        pattern = _pattern(template, "")
        if "commit" in pattern.groupindex and (text := before.get(where)):
            match = _matching(pattern, text)
            name = target.images[0].name if len(target.images) == 1 else ""
            read = Standing(name, text, tag=text, commit=match["commit"] if match else "")
            if not _is_none_yet(read):
                yield read


def _of_model(target: Target, name: str, before: Mapping[tuple[str, str], str]) -> Iterator[Standing]:
    """Read the model's version that an edit would replace; its URI, where no version is written."""
    wanted = {"uri", "version"}
    spots = [(where, one) for where, one in _templates(target) if _parts_of(one, name) & wanted]
    versions = [spot for spot in spots if "version" in _parts_of(spot[1], name)]
    for where, template in versions or spots:
        text = before.get(where, "")
        if text in NO_MODEL:
            continue
        match = _matching(_pattern(template, name), text)
        parts = match.groupdict() if match else {}
        if version := parts.get("version"):
            yield Standing(name, f"{name} {version}", tag=version, commit=commit_of(version))
        else:
            yield Standing(name, parts.get("uri") or text)
        return


def _parts_of(template: str, name: str) -> set[str]:
    return {_part(piece, name, alone=False) for piece in parse(template)}


def _templates(target: Target) -> Iterator[tuple[tuple[str, str], str]]:
    """Give file, values path and template of all that is written as text."""
    for entry in target.values:
        for path, value in entry.set:
            if isinstance(value, str):
                yield (entry.file, path), value


def _spots(target: Target, before: Mapping[tuple[str, str], str], name: str, *, alone: bool) -> Iterator[_Spot]:
    for where, template in _templates(target):
        parts = {_part(piece, name, alone=alone) for piece in parse(template)}
        if parts & {"tag", "digest", "image"}:
            yield _Spot(before.get(where), _pattern(template, name, alone=alone), bool(parts & {"digest", "image"}))


def _names_images(template: str, names: Iterable[str]) -> bool:
    parts = {_part(piece, name, alone=True) for piece in parse(template) for name in names}
    return bool(parts & {"tag", "digest", "image"})


def _part(piece: str | Placeholder, name: str, *, alone: bool) -> str:
    """Give the part of the image that a placeholder names: `tag` for `{tag}` or `{web.tag}`; empty for other images."""
    if isinstance(piece, str):
        return ""
    prefix, _, part = piece.name.rpartition(".")
    return part if prefix == name or (not prefix and (alone or part in _COMMIT_PARTS)) else ""


@lru_cache(maxsize=1024)
def _pattern(template: str, name: str, *, alone: bool = True) -> re.Pattern[str]:
    """Give a pattern for the texts that a template makes, with groups for the tag, the digest and the commit."""
    seen: set[str] = set()

    def group(role: str, expression: str) -> str:
        if role in seen:
            return f"(?:{expression})"
        seen.add(role)
        return f"(?P<{role}>{expression})"

    def written(piece: str | Placeholder) -> str:
        if isinstance(piece, str):
            return re.escape(piece)
        match _part(piece, name, alone=alone):
            case "tag":
                return group("tag", _TAG)
            case "digest":
                return group("digest", _DIGEST)
            case "image":
                return rf"(?:[^@\s]*/)?[^/:@\s]+(?::{group('tag', _TAG)})?(?:@{group('digest', _DIGEST)})?"
            case "version" | "uri" as part:
                return group(part, _OF_MODELS[part])
            case "sha" | "short_sha":
                return group("commit", f"[0-9a-f]{{{SHORTEST_COMMIT},40}}")
            case _:
                return ".*?"

    return re.compile("".join(written(piece) for piece in parse(template)))


def _matching(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return pattern.fullmatch(text) if len(text) <= _LONGEST else None
