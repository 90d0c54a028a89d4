"""Which settings of an application stand over the very values that were written. Called by `judging`; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from service.core.deployment.observation import Override
from service.core.images import ImageReference

_KUSTOMIZE_IMAGES = "kustomize.images"


def over_ours(
    overrides: Iterable[Override], paths: Collection[str], images: Collection[ImageReference]
) -> tuple[Override, ...]:
    """Give the overrides of what was written, or of values next to it, such as the repository next to a tag.

    An image that kustomize replaces is ours if its old or new name ends like our repository.
    """
    return tuple(one for one in overrides if _is_over(one, paths, images))


def _is_over(override: Override, paths: Collection[str], images: Collection[ImageReference]) -> bool:
    if override.setting == _KUSTOMIZE_IMAGES:
        names = {_last_part(name) for name in override.name.split("=")}
        return any(_last_part(image.repository) in names for image in images)
    return any(_touches(override.name, path) for path in paths)


def _touches(name: str, path: str) -> bool:
    parent = path.rpartition(".")[0]
    is_above = path.startswith((f"{name}.", f"{name}["))
    return bool(name) and (name == path or is_above or (bool(parent) and name.rpartition(".")[0] == parent))


def _last_part(name: str) -> str:
    return name.partition("@")[0].rpartition("/")[2].partition(":")[0]
