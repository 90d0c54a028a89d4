"""The rights in a registry: a read, and where we push, an upload that is begun and dropped.

Called by the examination.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.core.config import ImageTarget
from service.core.doctor.finding import Finding, Verdict, good
from service.core.words import Reuse
from service.errors import MergeportError
from service.ports import Registry

PART = "registry"
MISSING = "registry-repository-missing"
_PUSHED_BY_OTHERS = frozenset({"external"})


def pushes(image: ImageTarget) -> bool:
    """Tell whether we write to the image's registry: a build of ours, a tag for an image that is reused, a copy."""
    if image.copy or image.builder_kind == "docker":
        return True
    return image.reuse is Reuse.TREE or (image.reuse is Reuse.DEFAULT and image.builder_kind not in _PUSHED_BY_OTHERS)


def examine(registry: Registry, image: ImageTarget, *, writes: bool) -> Iterator[Finding]:
    """Try what the image needs of the registry."""
    subject = image.full_name
    try:
        registry.newest_tags(image.repository, 1)
        if writes:
            registry.check_push(image.repository)
    except MergeportError as error:
        if error.code == MISSING:
            words, hint = "the repository is not there yet", "create it, or let `create` do so at the first build"
            yield Finding(PART, subject, Verdict.WARNING, words, hint)
        else:
            yield Finding(PART, subject, Verdict.FAULT, error.message, error.hint)
    else:
        yield good(PART, subject, "we may read and push" if writes else "we may read; others push")
