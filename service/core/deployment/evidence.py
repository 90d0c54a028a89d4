"""Which images an observation proves, and whether another one runs in place of ours. Called by `judging`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from service.core.deployment.observation import Observation
from service.core.images import ImageReference


def is_same(seen: str, image: ImageReference) -> bool:
    """Tell whether what a cluster shows is this image: by digest or, rendered so, by tag."""
    name, _, digest = seen.partition("@")
    if digest and image.digest is not None:
        return digest == image.digest and _repository(name) == image.name
    return name == f"{image.name}:{image.tag}"


def has_all(observation: Observation, images: Collection[ImageReference]) -> bool:
    """Tell whether each image is live."""
    return bool(images) and all(any(is_same(seen, image) for seen in observation.images) for image in images)


def has_any_repository(observation: Observation, images: Collection[ImageReference]) -> bool:
    """Tell whether anything of our images' repositories is live or was brought, in whatever version."""
    names = {image.name for image in images}
    return any(_repository(seen) in names for seen in (*observation.images, *_applied(observation)))


def replaced(
    observation: Observation, images: Iterable[ImageReference], jobs: frozenset[str]
) -> tuple[ImageReference, str] | None:
    """Give an image of ours that another one of its repository stands for, and that one.

    What runs decides; where none of the repository runs, what the newest operation brought.
    """
    running = [seen for seen in observation.images if seen not in jobs]
    applied = _applied(observation)
    for image in images:
        for shown in (running, applied):
            others = [seen for seen in shown if _repository(seen) == image.name]
            if any(is_same(seen, image) for seen in others):
                break
            if others:
                return image, others[0]
    return None


def carriers(observation: Observation, images: Iterable[ImageReference]) -> tuple[str, ...]:
    """Name the objects of the newest operation that carry our images; none unless each image has one."""
    found: list[str] = []
    for image in images:
        of_image = [one.object for one in observation.applied if any(is_same(seen, image) for seen in one.images)]
        if not of_image:
            return ()
        found += of_image
    return tuple(dict.fromkeys(found))


def _applied(observation: Observation) -> list[str]:
    return [seen for one in observation.applied for seen in one.images]


def _repository(seen: str) -> str:
    """Give a reference without digest and tag; a registry's port is no tag."""
    name = seen.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
