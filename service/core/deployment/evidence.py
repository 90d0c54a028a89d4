"""Which images an observation proves, and whether another one runs in place of ours. Called by `judging`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from service.core.deployment.observation import Observation
from service.core.images import ImageReference

_HUB = "docker.io"
_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})


def is_same(seen: str, image: ImageReference) -> bool:
    """Tell whether an image in a cluster is ours: by digest under any name or, without a digest, by name and tag."""
    name, _, digest = seen.partition("@")
    if digest and image.digest is not None:
        return digest == image.digest
    return _repository(name) == _repository(image.name) and _tag(name) == image.tag


def has_all(observation: Observation, images: Collection[ImageReference]) -> bool:
    """Tell whether each image is live."""
    return bool(images) and all(any(is_same(seen, image) for seen in observation.images) for image in images)


def has_any_repository(observation: Observation, images: Collection[ImageReference]) -> bool:
    """Tell whether any version from our images' repositories is live or was applied."""
    names = {_repository(image.name) for image in images}
    return any(_repository(seen) in names for seen in (*observation.images, *_applied(observation)))


def replaced(
    observation: Observation,
    images: Iterable[ImageReference],
    jobs: frozenset[str],
    *,
    overridden: bool = False,
) -> tuple[ImageReference, str] | None:
    """Give an image of ours that another one has replaced, and that other one.

    What runs decides; if nothing of the repository runs, what the newest operation applied. `overridden` says that a
    setting overrides what was written: then an image of another repository, or one that a schedule ran last, may be in
    the place of ours.
    """
    running = [seen for seen in observation.images if seen not in jobs]
    applied = _applied(observation)
    for image in images:
        lists = (running, applied, list(observation.images)) if overridden else (running, applied)
        if (other := _in_place(image, *lists)) is not None:
            return image, other
        if overridden and (other := _moved(image, running or applied)) is not None:
            return image, other
    return None


def carriers(observation: Observation, images: Iterable[ImageReference]) -> tuple[str, ...]:
    """Name the objects of the newest operation that have our images; empty unless each image is in one."""
    found: list[str] = []
    for image in images:
        of_image = [one.object for one in observation.applied if any(is_same(seen, image) for seen in one.images)]
        if not of_image:
            return ()
        found += of_image
    return tuple(dict.fromkeys(found))


def _in_place(image: ImageReference, *shown_first: list[str]) -> str | None:
    """Give another image of the same repository, from the first list that shows the repository at all."""
    for shown in shown_first:
        if any(is_same(seen, image) for seen in shown):
            return None
        if others := [seen for seen in shown if _repository(seen) == _repository(image.name)]:
            return others[0]
    return None


def _moved(image: ImageReference, shown: list[str]) -> str | None:
    """Give an image of another repository that may run in place of ours; None if ours runs, or nothing is shown."""
    if any(is_same(seen, image) or _repository(seen) == _repository(image.name) for seen in shown):
        return None
    alike = [seen for seen in shown if _last(_repository(seen)) == _last(image.repository)]
    if any("@" not in seen and _tag(seen) == image.tag for seen in alike):
        return None
    return next(iter(alike or shown), None)


def _applied(observation: Observation) -> list[str]:
    return [seen for one in observation.applied for seen in one.images]


def _tag(seen: str) -> str:
    return _last(seen.partition("@")[0]).partition(":")[2]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _repository(seen: str) -> str:
    """Give a reference's registry and repository in a normal form, without digest and tag.

    A registry's port is no tag, the default port is left out, a name without a registry is Docker Hub's, and a host
    ignores case. https://github.com/distribution/reference/blob/main/normalize.go
    """
    name = seen.partition("@")[0]
    head, slash, last = name.rpartition("/")
    host, _, path = f"{head}{slash}{last.partition(':')[0]}".partition("/")
    if not path or not ("." in host or ":" in host or host == "localhost"):
        host, path = _HUB, f"{host}/{path}" if path else host
    host = host.lower().removesuffix(":443")
    if host in _HUB_HOSTS:
        host, path = _HUB, path if "/" in path else f"library/{path}"
    return f"{host}/{path}"
