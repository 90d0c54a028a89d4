"""What a registry tells of an image: its platforms and the findings of its scan. Values; the image gate reads them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.core.gates.unknown import NOT_READ, Unknown
from service.core.images import ImageReference
from service.core.words import Digest


class Severity(StrEnum):
    """How bad a finding is, as Amazon ECR names it: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html."""

    UNDEFINED = "UNDEFINED"
    """Nobody has rated it; ECR calls it UNTRIAGED as well."""
    INFORMATIONAL = "INFORMATIONAL"
    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    def reaches(self, other: Severity) -> bool:
        """Tell whether it is as bad as another one, or worse."""
        order = list(Severity)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Finding:
    """One weakness that a scan found: an id such as CVE-2026-1234, and how bad it is."""

    id: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Scan:
    """A complete scan; a scan without findings found nothing."""

    findings: tuple[Finding, ...]


class NoScan(StrEnum):
    """Why there is no scan."""

    PENDING = "pending"
    """It has not begun or is under way."""
    FAILED = "failed"
    """It was tried, and a later try may succeed."""
    UNSUPPORTED = "unsupported"
    """The registry does not scan, or cannot scan this image."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """One image of the release, and what its registry tells; `parts` are the digests of its platforms' own images."""

    reference: ImageReference
    parts: frozenset[Digest] = frozenset()
    platforms: tuple[str, ...] | Unknown = NOT_READ
    scan: Scan | NoScan | Unknown = NOT_READ
