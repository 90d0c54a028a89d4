"""Finds image references in a values file, in any common chart layout. Called by `mergeport values paths --images`.

Known layouts: `image: host/name:tag` (and any key that ends in image), `image: {registry, repository, tag, digest}`,
the same keys beside others, `image: name` with `tag`, `imageRepository` with `imageTag`, and `name` with `newTag`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from service.core.values.listing import SettablePath, settable_paths
from service.core.values_paths import Key, Step, format_path

_ROLES = {
    "registry": "registry",
    "repository": "repository",
    "repo": "repository",
    "newname": "repository",
    "name": "name",
    "image": "image",
    "tag": "tag",
    "newtag": "tag",
    "digest": "digest",
    "sha": "digest",
    "sha256": "digest",
}
_KEY = re.compile(rf"(?P<owner>.*?)(?P<image>image)?(?P<role>{'|'.join(sorted(_ROLES, key=len, reverse=True))})")
# https://github.com/distribution/reference: [host[:port]/]path[:tag][@digest]
_REFERENCE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*"
    r"(?P<tag>:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?P<digest>@[a-z0-9]+:[0-9a-fA-F]{32,})?"
)


@dataclass(frozen=True, slots=True)
class ImagePaths:
    """One image: where its parts are set, by `whole`, or `registry`, `repository`, `tag` and `digest`.

    `reference` is the image as the file names it now; `whole` is one scalar that holds all of it.
    """

    at: str
    reference: str
    parts: dict[str, SettablePath]


@dataclass(slots=True)
class _Group:
    """The scalars of one mapping that may belong to one image."""

    roles: dict[str, SettablePath] = field(default_factory=dict)
    says_image: bool = False


def list_images(text: str, *, file: str = "") -> list[ImagePaths]:
    """Give the images of a file in its order."""
    groups: dict[tuple[tuple[Step, ...], str], _Group] = {}
    for steps, scalar in settable_paths(text, file=file):
        last = steps[-1]
        if not isinstance(last, Key):
            continue
        named = _KEY.fullmatch(re.sub(r"[-_]", "", last.name).lower())
        if named is None:
            continue
        group = groups.setdefault((steps[:-1], named["owner"]), _Group(says_image=_is_image(steps[:-1])))
        group.roles.setdefault(_ROLES[named["role"]], scalar)
        group.says_image = group.says_image or named["image"] is not None
    return [image for (steps, _), group in groups.items() for image in _images(steps, group)]


def _is_image(steps: tuple[Step, ...]) -> bool:
    """Tell whether a mapping is called an image, or stands in a list of images."""
    names = [step.name for step in steps if isinstance(step, Key)]
    in_list = bool(steps) and not isinstance(steps[-1], Key)
    return bool(names) and re.search(r"images?$" if in_list else r"image$", names[-1], re.IGNORECASE) is not None


def _images(steps: tuple[Step, ...], group: _Group) -> list[ImagePaths]:
    roles = group.roles
    one = roles.get("image")
    versioned = "tag" in roles or "digest" in roles
    whole = one is not None and (not versioned or _has_version(one)) and (one.value == "" or _is_reference(one))
    found = []
    if one is not None and whole:
        found.append(ImagePaths(one.path, _text(one), {"whole": one}))
    repository = roles.get("repository") or (None if whole else one)
    if repository is None and versioned and "name" in roles:
        repository = roles["name"]
    if repository is not None and not _is_reference(repository) and repository.value not in {"", None}:
        return found
    if not versioned and not (group.says_image and "repository" in roles):
        return found
    if repository is None and not group.says_image:
        return found
    parts = {"registry": roles.get("registry"), "repository": repository}
    parts |= {"tag": roles.get("tag"), "digest": roles.get("digest")}
    there = {role: scalar for role, scalar in parts.items() if scalar is not None}
    at = format_path(steps) if steps else next(iter(there.values())).path
    return [*found, ImagePaths(at, _reference(there), there)]


def _is_reference(scalar: SettablePath) -> bool:
    return isinstance(scalar.value, str) and _REFERENCE.fullmatch(scalar.value) is not None


def _has_version(scalar: SettablePath) -> bool:
    named = _REFERENCE.fullmatch(_text(scalar))
    return named is not None and bool(named["tag"] or named["digest"])


def _text(scalar: SettablePath | None) -> str:
    return "" if scalar is None or scalar.value is None else str(scalar.value)


def _reference(parts: dict[str, SettablePath]) -> str:
    """Write the image as its parts give it now."""
    registry, repository, tag, digest = (_text(parts.get(role)) for role in ("registry", "repository", "tag", "digest"))
    name = f"{registry}/{repository}" if registry else repository
    digest = digest if ":" in digest or not digest else f"sha256:{digest}"
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
