"""Keeps with a run what its registry's scans had found when the run ended, for people to read.

Called once a run is live, and only where the configuration says that images are scanned: `scan_on_push`, or a gate. It
is no evidence: gates read the registry when they are judged. It never fails a run, and is left out where the registry
has no scan of the image, or does not let us read it.
"""

from __future__ import annotations

import structlog

from service.core.scans import ScanStatus, record_of
from service.errors import MergeportError
from service.pipeline.runs.claim import Claim, images_of

log = structlog.get_logger()


def note_scans(claim: Claim) -> None:
    """Read the scans of the run's images and note their counts; what is not known is left out."""
    references, images = images_of(claim.run), dict(claim.run.images)
    asked = any(getattr(options, "scan", None) for _, options in claim.target.gates)
    for image in claim.target.images:
        reference = references.get(image.name)
        if reference is None or reference.digest is None or reference.registry != image.registry_host:
            continue
        registry = claim.context.outside.images.registry(image)
        if not registry.scans and not asked:
            continue
        try:
            scan = registry.scan(reference.repository, reference.digest)
        except MergeportError as error:
            log.info("the scan of an image cannot be read", image=reference.name, error=str(error))
            continue
        told = {key: value for key, value in images[image.name].items() if key != "scan"}
        known = scan.status not in {ScanStatus.ABSENT, ScanStatus.NOT_OFFERED}
        images[image.name] = {**told, "scan": record_of(scan)} if known else told
    if images != claim.run.images:
        claim.note(images=images)
