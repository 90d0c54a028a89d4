"""What a registry tells of an image: its platforms and its scan. Values; the image gate reads them."""

from __future__ import annotations

from dataclasses import dataclass

from service.core.gates.unknown import NOT_READ, Unknown
from service.core.images import ImageReference
from service.core.scans import Scan
from service.core.words import Digest


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One image of the release, and what its registry tells; `parts` are the digests of its platforms' own images."""

    reference: ImageReference
    parts: frozenset[Digest] = frozenset()
    platforms: tuple[str, ...] | Unknown = NOT_READ
    scan: Scan | Unknown = NOT_READ
