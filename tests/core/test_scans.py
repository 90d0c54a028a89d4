"""What a scan says: the worst platform decides, a finding counts once, and only a complete scan has no findings."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.core.scans import NO_SCANS, Finding, PlatformScan, Scan, ScanStatus, Severity, record_of, words_of
from service.core.words import Digest

AT = datetime(2026, 11, 29, 10, 30, tzinfo=UTC)
LOG4J = Finding("CVE-2021-44228", Severity.CRITICAL, "log4j", "2.14")
ZLIB = Finding("CVE-2022-37434", Severity.HIGH, "zlib", "1.2.11")


def part(
    platform: str,
    status: ScanStatus = ScanStatus.COMPLETE,
    *findings: Finding,
    told: dict[Severity, int] | None = None,
    said: str = "",
) -> PlatformScan:
    return PlatformScan(Digest(f"sha256:{platform}"), platform, status, findings, told or {}, AT, said)


def test_finding_of_two_platforms_counts_once() -> None:
    scan = Scan((part("linux/amd64", ScanStatus.COMPLETE, ZLIB, LOG4J), part("linux/arm64", ScanStatus.COMPLETE, ZLIB)))
    assert scan.findings == (LOG4J, ZLIB)
    assert scan.counts == {Severity.CRITICAL: 1, Severity.HIGH: 1}


def test_counts_are_never_less_than_the_registrys_own() -> None:
    scan = Scan((part("linux/amd64", ScanStatus.COMPLETE, ZLIB, told={Severity.CRITICAL: 2, Severity.HIGH: 1}),))
    assert scan.counts == {Severity.CRITICAL: 2, Severity.HIGH: 1}


def test_platform_that_is_not_scanned_makes_the_whole_not_complete() -> None:
    scan = Scan((part("linux/amd64"), PlatformScan(Digest("sha256:b"), "linux/arm64", ScanStatus.ABSENT, said="never")))
    assert (scan.status, scan.said, scan.scanned_at) == (ScanStatus.ABSENT, "never", None)


def test_no_scan_at_all_is_absent() -> None:
    assert Scan().status is ScanStatus.ABSENT


@pytest.mark.parametrize("status", [one for one in ScanStatus if one is not ScanStatus.COMPLETE])
def test_only_a_complete_scan_says_no_findings(status: ScanStatus) -> None:
    assert words_of(record_of(Scan((part("", status, said="why"),)))) == f"{status}: why"


def test_complete_scans_are_told_with_their_counts_and_time() -> None:
    assert words_of(record_of(Scan((part("", ScanStatus.COMPLETE, LOG4J, ZLIB),)))) == (
        "1 critical, 1 high, scanned 2026-11-29 10:30 UTC"
    )
    assert words_of(record_of(Scan((part(""),)))) == "no findings, scanned 2026-11-29 10:30 UTC"


def test_registry_without_scans_says_so() -> None:
    assert words_of(record_of(NO_SCANS)) == "not offered: this registry has no scans"
