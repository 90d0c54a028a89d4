"""What a registry's scan found in an image: facts for gates and for people. Pure; the registries read them.

A scan that is not there, has not ended or failed has no findings to show. That never means that there are none: only
`ScanStatus.COMPLETE` tells what an image has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from service.core.words import Digest


class ScanStatus(StrEnum):
    """How far a scan is. The worst of several platforms counts for their index: a later one here is worse."""

    COMPLETE = "complete"
    IN_PROGRESS = "in progress"
    ABSENT = "absent"
    """Nobody asked for a scan, or its image is not there."""
    UNSUPPORTED = "unsupported"
    """The registry cannot scan such an image."""
    FAILED = "failed"
    """There is no result that counts now, and waiting changes nothing."""
    NOT_OFFERED = "not offered"
    """The registry has no scans at all."""


class Severity(StrEnum):
    """How bad a finding is, the worst first, as Amazon ECR and the configuration name it.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanFinding.html
    """

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"
    INFORMATIONAL = "INFORMATIONAL"
    UNDEFINED = "UNDEFINED"
    """Not judged yet, or by a word that we do not know."""

    def reaches(self, other: Severity) -> bool:
        """Tell whether it is as bad as another one, or worse."""
        order = list(Severity)
        return order.index(self) <= order.index(other)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: its name (a CVE's id, where it has one), and in which package at which version."""

    name: str
    severity: Severity
    package: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class PlatformScan:
    """The scan of one platform's image. `told` are the registry's own counts, `said` its words about the status."""

    digest: Digest
    platform: str
    status: ScanStatus
    findings: tuple[Finding, ...] = ()
    told: Mapping[Severity, int] = field(default_factory=dict)
    scanned_at: datetime | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    """The scans of an image: one for each platform of an index, else one."""

    parts: tuple[PlatformScan, ...] = ()

    @property
    def status(self) -> ScanStatus:
        """The worst of the platforms; `ABSENT` if there is none."""
        order = list(ScanStatus)
        return max((part.status for part in self.parts), key=order.index, default=ScanStatus.ABSENT)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, the worst first; what several platforms have is there once."""
        order = list(Severity)
        found = dict.fromkeys(finding for part in self.parts for finding in part.findings)
        return tuple(sorted(found, key=lambda one: (order.index(one.severity), one.name, one.package)))

    @property
    def counts(self) -> Mapping[Severity, int]:
        """How many findings of each severity there are, never less than the registry counted on one platform."""
        listed = Counter(finding.severity for finding in self.findings)
        most = {one: max([listed[one], *(part.told.get(one, 0) for part in self.parts)]) for one in Severity}
        return {severity: count for severity, count in most.items() if count}

    @property
    def scanned_at(self) -> datetime | None:
        """When the oldest of the platforms' scans ended; None if one does not tell that."""
        times = [part.scanned_at for part in self.parts]
        told = [one for one in times if one is not None]
        return min(told) if told and len(told) == len(times) else None

    @property
    def said(self) -> str:
        """What the registry says about the platforms whose status is the worst."""
        return "; ".join(dict.fromkeys(part.said for part in self.parts if part.said and part.status is self.status))


NO_SCANS = Scan((PlatformScan(Digest(""), "", ScanStatus.NOT_OFFERED, said="this registry has no scans"),))
"""The answer of a registry that never scans."""


def record_of(scan: Scan) -> dict[str, Any]:
    """Give what a run keeps of a scan: how it was when it was read, without the single findings."""
    return {
        "status": scan.status.value,
        "counts": {severity.value.lower(): count for severity, count in scan.counts.items()},
        "scanned_at": scan.scanned_at.isoformat() if scan.scanned_at else None,
        "said": scan.said,
    }


def words_of(record: Mapping[str, Any]) -> str:
    """Say for people what `record_of` has kept. "No findings" is said of a complete scan alone."""
    status, said = str(record["status"]), str(record.get("said") or "")
    if status != ScanStatus.COMPLETE:
        return f"{status}: {said}" if said else status
    counts = _counted(record.get("counts", {}).items())
    when = str(record.get("scanned_at") or "")[:16].replace("T", " ")
    return f"{counts or 'no findings'}{f', scanned {when} UTC' if when else ''}"


def _counted(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count} {severity}" for severity, count in counts)
