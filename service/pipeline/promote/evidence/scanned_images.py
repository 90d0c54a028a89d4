"""Reads what the registries tell of a run's images: evidence for the image gate. Called by `gate_facts`.

Platforms were read back when the image was found; they belong to its digest and stay true. A scan is read at each
judgement, and only where a gate asks for it, because new findings appear in old images.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from service.core.gates import Unknown
from service.core.gates.image_facts import ImageFacts
from service.core.scans import Scan
from service.core.words import Digest
from service.errors import MergeportError
from service.pipeline.promote.evidence.asked_once import Answers
from service.pipeline.runs.claim import Claim, images_of


def images_as_found(claim: Claim) -> dict[str, ImageFacts]:
    """Give the run's images by name, with the platforms that were read back with them."""
    found = claim.run.images
    return {
        name: ImageFacts(
            reference,
            frozenset(Digest(part["digest"]) for part in found[name].get("parts", ())),
            tuple(found[name].get("platforms", ())),
        )
        for name, reference in images_of(claim.run).items()
    }


def images_scanned(claim: Claim, again: datetime, answers: Answers) -> tuple[ImageFacts, ...]:
    """Give the run's images, with their scans where a gate asks for these."""
    images = images_as_found(claim)
    if not any(getattr(options, "scan", None) for _, options in claim.target.gates):
        return tuple(images.values())
    return tuple(replace(image, scan=_scan(claim, name, image, again, answers)) for name, image in images.items())


def _scan(claim: Claim, name: str, facts: ImageFacts, again: datetime, answers: Answers) -> Scan | Unknown:
    reference = facts.reference
    image = next((one for one in claim.target.images if one.name == name), None)
    if image is None or reference.registry != image.registry_host:
        return Unknown(f"the configuration has no registry {reference.registry} for it")
    if reference.digest is None:
        return Unknown("its digest was not read")
    repository, digest = reference.repository, reference.digest
    try:
        return answers.once(
            ("scan", reference.registry, repository, digest),
            lambda: claim.context.outside.images.registry(image).scan(repository, digest),
        )
    except MergeportError as error:
        return Unknown(str(error), again)
