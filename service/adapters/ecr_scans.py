"""What Amazon ECR's scans found, basic (Clair, AWS's own) and enhanced (Inspector), as facts.

Used by the `ecr` registry alone. It starts no scan. ECR scans the images of an index, not the index:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from service.core.foreign_text import cut, line
from service.core.scans import Finding, PlatformScan, Scan, ScanStatus, Severity
from service.core.words import Digest

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

    from service.adapters.distribution import Child
    from service.adapters.ecr_api import EcrApi

_PAGE = 1000
"""The most findings that AWS gives at once."""
_WORDS = 200
_STATUS = {
    "COMPLETE": ScanStatus.COMPLETE,
    "ACTIVE": ScanStatus.COMPLETE,
    "IN_PROGRESS": ScanStatus.IN_PROGRESS,
    "PENDING": ScanStatus.IN_PROGRESS,
    "UNSUPPORTED_IMAGE": ScanStatus.UNSUPPORTED,
    "IMAGE_SIZE_EXCEEDED": ScanStatus.UNSUPPORTED,
}
"""ACTIVE is an enhanced scan that goes on with each new CVE. Every other word, also an unknown one, means `FAILED`.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanStatus.html
"""
_NOT_OPEN = {"CLOSED", "SUPPRESSED"}
"""Findings of Inspector that are repaired, or that a rule of the account puts aside."""


class EcrScans:
    """The scans of one registry's images."""

    def __init__(self, api: EcrApi, account: str) -> None:
        """Take the API and the registry's account."""
        self._api = api
        self._account = account

    def of_all(self, repository: str, digest: Digest, children: Sequence[Child]) -> Scan:
        """Read the scan of each image of an index, or of the image itself where there are none."""
        wanted = [(child.digest, child.platform) for child in children] or [(digest, "")]
        return Scan(tuple(self.of_one(repository, *one) for one in wanted))

    def of_one(self, repository: str, digest: Digest, platform: str) -> PlatformScan:
        """Read the scan of one image that is no index, all pages. Raises what ECR refuses."""

        def read(client: ECRClient) -> Sequence[Mapping[str, Any]] | str:
            pages = client.get_paginator("describe_image_scan_findings").paginate(
                registryId=self._account,
                repositoryName=repository,
                imageId={"imageDigest": digest},
                PaginationConfig={"PageSize": _PAGE},
            )
            try:
                return list(pages)
            except client.exceptions.ScanNotFoundException:
                return "nobody has had it scanned"
            except (client.exceptions.ImageNotFoundException, client.exceptions.RepositoryNotFoundException):
                return "the image is not there"

        told = self._api.call("ecr:DescribeImageScanFindings", read)
        if isinstance(told, str):
            return PlatformScan(digest, platform, ScanStatus.ABSENT, said=told)
        return _read(told, digest, platform)


def _read(pages: Sequence[Mapping[str, Any]], digest: Digest, platform: str) -> PlatformScan:
    """Join the pages. The status of the last one counts: a scan may have begun anew meanwhile."""
    said = pages[-1].get("imageScanStatus") or {}
    word = str(said.get("status", ""))
    status = _STATUS.get(word, ScanStatus.FAILED)
    sections = [page.get("imageScanFindings") or {} for page in pages]
    told: dict[Severity, int] = {}
    for section in sections:
        for name, count in section.get("findingSeverityCounts", {}).items():
            told[_severity(name)] = max(told.get(_severity(name), 0), int(count))
    findings = tuple(dict.fromkeys(one for section in sections for one in _findings(section)))
    ended = next((at for section in reversed(sections) if (at := section.get("imageScanCompletedAt"))), None)
    words = ": ".join(filter(None, (word, line(str(said.get("description") or "")))))
    if status is ScanStatus.COMPLETE and not (ended or findings or told):
        status, words = ScanStatus.IN_PROGRESS, f"{word}: without a result yet"
    return PlatformScan(
        digest,
        platform,
        status,
        findings,
        told,
        _in_utc(ended),
        "" if status is ScanStatus.COMPLETE else cut(words or "ECR told no status", _WORDS),
    )


def _findings(section: Mapping[str, Any]) -> Iterator[Finding]:
    for basic in section.get("findings") or ():
        about = {one.get("key", ""): one.get("value", "") for one in basic.get("attributes", ())}
        yield Finding(
            basic.get("name", ""),
            _severity(basic.get("severity", "")),
            about.get("package_name", ""),
            about.get("package_version", ""),
        )
    for enhanced in section.get("enhancedFindings") or ():
        if enhanced.get("status") in _NOT_OPEN:
            continue
        details = enhanced.get("packageVulnerabilityDetails") or {}
        name = details.get("vulnerabilityId") or enhanced.get("title", "")
        severity = _severity(enhanced.get("severity", ""))
        packages: Sequence[Mapping[str, Any]] = details.get("vulnerablePackages") or ({},)
        for package in packages:
            yield Finding(name, severity, package.get("name", ""), package.get("version", ""))


def _severity(word: str) -> Severity:
    try:
        return Severity(word.upper())
    except ValueError:
        return Severity.UNDEFINED


def _in_utc(at: datetime | None) -> datetime | None:
    return at.astimezone(UTC) if at else None
