"""Says in words whose image a run has, from what was recorded with it. The pages and the command line show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from service.core.words import ImageOrigin, RunId


def handed_on(images: Mapping[str, dict[str, Any]], run: RunId) -> dict[str, dict[str, Any]]:
    """Give the images of a run as those of another one: what was its own build is the build of that run."""
    own = ImageOrigin.OWN_BUILD.value
    by = {"origin": ImageOrigin.OTHER_BUILD.value, "built_by": run}
    return {name: {**image, **by} if image.get("origin") == own else image for name, image in images.items()}


def origin_words(image: Mapping[str, Any]) -> str:
    """Give the words for an image of a run; empty for one that was recorded before its origin was."""
    if not image.get("origin"):
        return ""
    origin = ImageOrigin(image["origin"])
    match origin:
        case ImageOrigin.OWN_BUILD:
            return "this run's build"
        case ImageOrigin.OTHER_BUILD:
            return f"the build of run {image['built_by']}"
        case ImageOrigin.SAME_TREE:
            return f"the image of {str(image['made_for'])[:12]}, the same tree"
        case ImageOrigin.PUSHED:
            return "pushed by another pipeline"
        case ImageOrigin.THERE:
            return "in the registry before the run looked"
        case _:
            assert_never(origin)
