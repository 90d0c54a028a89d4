"""Finds image references in a values file, in any common chart layout. Called by `mergeport values paths --images`.

Known layouts: `image: host/name:tag` (and any key that ends in image), `image: {registry, repository, tag, digest}`,
the same keys beside others, `image: name` with `tag`, `imageRepository` with `imageTag`, `name` with `newTag`,
`repository` with `version`, references in a list or mapping called images, and Helm parameters of Argo CD.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace

from service.core.values.listing import SettablePath, settable_paths
from service.core.values.lookup import image_name
from service.core.values_paths import Condition, Index, Key, Selector, Step, format_path

_ROLES = {
    "registry": "registry",
    "repository": "repository",
    "repo": "repository",
    "newname": "repository",
    "name": "name",
    "image": "image",
    "tag": "tag",
    "newtag": "tag",
    "version": "version",
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


_PARAMETERS = (Key("helm"), Key("parameters"))


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
    """The scalars of one mapping that may belong to one image; `steps` is empty where the file has no such mapping."""

    steps: tuple[Step, ...]
    roles: dict[str, SettablePath] = field(default_factory=dict)
    says_image: bool = False


def list_images(text: str, *, file: str = "") -> list[ImagePaths]:
    """Give the images of a file in its order."""
    scalars = list(settable_paths(text, file=file))
    names = {steps[:-1]: scalar.text for steps, scalar in scalars if steps[-1] == Key("name")}
    plain = Counter((steps[:-1], image_name(scalar.text)) for steps, scalar in scalars if isinstance(steps[-1], Index))
    groups: dict[tuple[tuple[Step, ...], str], _Group] = {}
    for steps, scalar in scalars:
        if (reference := _plain_reference(steps, scalar, plain)) is not None:
            groups[steps, ""] = _Group((), {"image": reference}, says_image=True)
            continue
        parameter = _parameter(steps, names)
        said = steps if parameter is None else parameter
        last = said[-1]
        if not isinstance(last, Key):
            continue
        named = _KEY.fullmatch(re.sub(r"[-_]", "", last.name).lower())
        if named is None:
            continue
        fresh = _Group(steps[:-1] if parameter is None else (), says_image=_is_image(said[:-1]))
        group = groups.setdefault((said[:-1], named["owner"]), fresh)
        group.roles.setdefault(_ROLES[named["role"]], scalar)
        group.says_image = group.says_image or named["image"] is not None
    return [image for group in groups.values() for image in _images(group.steps, group)]


def _parameter(steps: tuple[Step, ...], names: dict[tuple[Step, ...], str]) -> tuple[Step, ...] | None:
    """Give the values path that a Helm parameter of an Argo CD Application sets, below the list of parameters.

    https://argo-cd.readthedocs.io/en/stable/user-guide/helm/#helm-parameters
    """
    if len(steps) < 4 or steps[-1] != Key("value") or steps[-4:-2] != _PARAMETERS:  # noqa: PLR2004 - helm.parameters[].value
        return None
    name = names.get(steps[:-1])
    return None if name is None else (*steps[:-2], *(Key(part) for part in re.split(r"(?<!\\)\.", name)))


def _plain_reference(
    steps: tuple[Step, ...], scalar: SettablePath, plain: Counter[tuple[tuple[Step, ...], str]]
) -> SettablePath | None:
    """Give an entry of a list or mapping called images that is a whole reference; named by its image if possible."""
    if not _is_reference(scalar) or not (_has_version(scalar) or "/" in scalar.text):
        return None
    owner = next((step for step in reversed(steps[:-1]) if isinstance(step, Key)), None)
    if owner is None or len(steps) < 2 or steps[-2] != owner or not re.search(r"images$", owner.name, re.IGNORECASE):  # noqa: PLR2004 - its owner is above
        return None
    name = image_name(scalar.text)
    if isinstance(steps[-1], Index) and plain[steps[:-1], name] == 1:
        selector = Selector((Condition(("image",), name),))
        return replace(scalar, path=format_path((*steps[:-1], selector)))
    return scalar


def _is_image(steps: tuple[Step, ...]) -> bool:
    """Tell whether a mapping is called image, or is in a list of images."""
    names = [step.name for step in steps if isinstance(step, Key)]
    in_list = bool(steps) and not isinstance(steps[-1], Key)
    return bool(names) and re.search(r"images?$" if in_list else r"image$", names[-1], re.IGNORECASE) is not None


def _images(steps: tuple[Step, ...], group: _Group) -> list[ImagePaths]:
    roles = group.roles
    one = roles.get("image")
    if "tag" not in roles and "version" in roles and ("repository" in roles or one is not None):
        roles = roles | {"tag": roles["version"]}
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
    """Give a part as it is written: a tag is text, though Helm may read a number in it."""
    return "" if scalar is None or scalar.value is None else scalar.text


def _reference(parts: dict[str, SettablePath]) -> str:
    """Write the image as its parts give it now."""
    registry, repository, tag, digest = (_text(parts.get(role)) for role in ("registry", "repository", "tag", "digest"))
    name = f"{registry}/{repository}" if registry else repository
    digest = digest if ":" in digest or not digest else f"sha256:{digest}"
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
