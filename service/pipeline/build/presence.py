"""Tells whether the images that a run has read back are still in their registries. One HEAD a manifest, nothing more.

Called before a promotion is written, while it waits to be merged, and for what is live. A lifecycle rule or a person
may delete an image at any time. An index is only there if each platform's image is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from service.core.images import ImageReference
from service.core.words import Digest
from service.pipeline.runs.claim import Claim, images_of
from service.ports import Registry

Known = dict[tuple[str, str, Digest], bool]
"""What was looked up already, by host, repository and digest: many runs name the same images."""


def absent_of(claim: Claim, known: Known | None = None) -> str:
    """Say what is not in its registry any more, by its reference; empty if everything is there.

    An image that the run's configuration no longer has is not looked up. Raises what the registry raises.
    """
    known = {} if known is None else known
    references = images_of(claim.run)
    for image in claim.target.images:
        reference = references.get(image.name)
        if reference is None or reference.registry != image.registry_host:
            continue
        registry = claim.context.outside.images.registry(image)
        for digest, platform in _manifests(reference, claim.run.images[image.name]):
            if not _has(registry, reference, digest, known):
                return f"the image for {platform} of {reference}" if platform else str(reference)
    return ""


def _manifests(reference: ImageReference, record: dict[str, Any]) -> Iterator[tuple[Digest, str]]:
    """Give the digests that a node needs one of, the image's own first; each of the others with its platform."""
    if reference.digest is not None:
        yield reference.digest, ""
    for part in record.get("parts", ()):
        if part["digest"] != reference.digest:
            yield Digest(part["digest"]), part["platform"] or "a platform"


def _has(registry: Registry, reference: ImageReference, digest: Digest, known: Known) -> bool:
    key = (reference.registry, reference.repository, digest)
    if key not in known:
        known[key] = registry.has(reference.repository, digest)
    return known[key]
