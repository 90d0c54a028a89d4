"""The image gate: platforms, and what a scan found."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from service.core.gates import Allow, Refuse, Unknown, Verdict, Wait
from service.core.gates.image import Options, judge
from service.core.gates.image_facts import ImageFacts
from service.core.scans import NO_SCANS, Finding, PlatformScan, Scan, ScanStatus, Severity
from service.core.words import Digest
from tests.core.gates.promotions import REFERENCE, facts

CRITICAL, HIGH = Finding("CVE-2026-1", Severity.CRITICAL), Finding("CVE-2026-2", Severity.HIGH)


def part(*found: Finding, status: ScanStatus = ScanStatus.COMPLETE, told: Severity | None = None) -> PlatformScan:
    return PlatformScan(Digest("sha256:" + "0b" * 32), "linux/arm64", status, found, {told: 2} if told else {})


def scan_of(*found: Finding) -> Scan:
    return Scan((part(*found),))


def without(status: ScanStatus) -> Scan:
    return Scan((part(status=status),))


def judged(options: object, **image: object) -> Verdict:
    return judge(Options.model_validate(options), facts(images=(ImageFacts(REFERENCE, **image),)))  # type: ignore[arg-type]


def scanned(*found: Finding, **scan: object) -> Verdict:
    return judged({"scan": {"fail_on": "critical", **scan}}, scan=scan_of(*found))


def test_an_image_with_the_platforms_opens() -> None:
    assert judged({"platforms": ["linux/aarch64"]}, platforms=("linux/amd64", "linux/arm64/v8")) == Allow(
        "acme/checkout has linux/arm64"
    )


def test_a_digest_never_gets_another_platform() -> None:
    assert judged({"platforms": ["linux/amd64", "linux/arm64"]}, platforms=("linux/amd64",)) == Refuse(
        "acme/checkout lacks linux/arm64; it has linux/amd64"
    )


def test_what_could_not_be_read_waits() -> None:
    unread = Unknown("the registry does not answer")

    assert isinstance(judged({"platforms": ["linux/amd64"]}, platforms=unread), Wait)
    assert isinstance(judged({"scan": {"fail_on": "LOW"}}, scan=unread), Wait)
    assert isinstance(judged({"scan": {"fail_on": "LOW"}}), Wait)


def test_findings_that_are_bad_enough_refuse() -> None:
    assert scanned(CRITICAL, HIGH) == Refuse(
        "the scan of acme/checkout found CVE-2026-1 (CRITICAL); CRITICAL and worse are refused"
    )


def test_findings_that_are_less_bad_pass() -> None:
    assert scanned(HIGH, Finding("X", Severity.UNDEFINED)) == Allow(
        "the scan of acme/checkout found nothing CRITICAL or worse, 1 not rated"
    )


@pytest.mark.parametrize(
    ("missing", "verdict"),
    [
        (without(ScanStatus.IN_PROGRESS), Wait),
        (without(ScanStatus.FAILED), Wait),
        (without(ScanStatus.ABSENT), Wait),
        (Scan(), Wait),
        (without(ScanStatus.UNSUPPORTED), Refuse),
        (NO_SCANS, Refuse),
    ],
)
def test_no_scan_never_opens(missing: Scan, verdict: type[Verdict]) -> None:
    assert isinstance(judged({"scan": {"fail_on": "LOW"}}, scan=missing), verdict)


@pytest.mark.parametrize(("unsupported", "verdict"), [("wait", Wait), ("allow", Allow), ("refuse", Refuse)])
@pytest.mark.parametrize("scan", [NO_SCANS, without(ScanStatus.UNSUPPORTED)])
def test_an_image_that_cannot_be_scanned_is_as_configured(scan: Scan, unsupported: str, verdict: type[Verdict]) -> None:
    options = {"scan": {"fail_on": "LOW", "unsupported": unsupported}}

    assert isinstance(judged(options, scan=scan), verdict)


@pytest.mark.parametrize(
    ("other", "verdict"),
    [
        (part(CRITICAL), Refuse),
        (part(status=ScanStatus.IN_PROGRESS), Wait),
        (part(status=ScanStatus.ABSENT), Wait),
        (part(status=ScanStatus.FAILED), Wait),
        (part(HIGH), Allow),
    ],
)
def test_a_platform_that_cannot_be_scanned_hides_no_other(other: PlatformScan, verdict: type[Verdict]) -> None:
    options = {"scan": {"fail_on": "CRITICAL", "unsupported": "allow"}}
    scan = Scan((part(status=ScanStatus.UNSUPPORTED), other))

    assert isinstance(judged(options, scan=scan), verdict)


def test_findings_refuse_while_another_platform_is_still_scanned() -> None:
    scan = Scan((part(status=ScanStatus.IN_PROGRESS), part(CRITICAL)))

    assert isinstance(judged({"scan": {"fail_on": "CRITICAL"}}, scan=scan), Refuse)


def test_findings_that_are_only_counted_do_not_open() -> None:
    scan = Scan((part(HIGH, told=Severity.CRITICAL),))

    verdict = judged({"scan": {"fail_on": "CRITICAL"}}, scan=scan)

    assert isinstance(verdict, Wait)
    assert "counts 2 CRITICAL, but lists none" in verdict.words


def test_one_finding_in_several_packages_is_told_once_with_its_worst_severity() -> None:
    again = Finding(CRITICAL.name, Severity.HIGH, "zlib"), Finding(CRITICAL.name, Severity.CRITICAL, "log4j")

    assert scanned(*again, fail_on="HIGH") == Refuse(
        "the scan of acme/checkout found CVE-2026-1 (CRITICAL); HIGH and worse are refused"
    )


def test_an_entry_lets_a_finding_pass_until_its_day_has_ended() -> None:
    entry = {"id": "cve-2026-1", "until": "2026-01-05", "reason": "not reachable"}

    assert scanned(CRITICAL, allow=[entry]) == Allow(
        "the scan of acme/checkout found nothing CRITICAL or worse, CVE-2026-1 let pass",
        datetime(2026, 1, 6, tzinfo=UTC),
    )


def test_an_entry_that_has_ended_is_told() -> None:
    entry = {"id": "CVE-2026-1", "until": "2026-01-04", "reason": "not reachable"}

    assert scanned(CRITICAL, allow=[entry]) == Refuse(
        "the scan of acme/checkout found CVE-2026-1 (CRITICAL, let pass until Mon 2026-01-05 00:00 UTC); "
        "CRITICAL and worse are refused"
    )


def test_an_entry_that_is_not_needed_changes_no_time() -> None:
    entry = {"id": "CVE-2026-9", "until": "2026-01-05", "reason": "not reachable"}

    assert scanned(HIGH, allow=[entry]) == Allow("the scan of acme/checkout found nothing CRITICAL or worse")


def test_one_image_of_several_decides() -> None:
    options = Options.model_validate({"scan": {"fail_on": "HIGH"}})
    images = (
        ImageFacts(REFERENCE, scan=scan_of()),
        ImageFacts(REFERENCE, scan=without(ScanStatus.IN_PROGRESS)),
        ImageFacts(REFERENCE, scan=scan_of(HIGH)),
    )

    assert isinstance(judge(options, facts(images=images)), Refuse)
    assert isinstance(judge(options, facts(images=images[:2])), Wait)
    assert isinstance(judge(options, facts(images=images[:1])), Allow)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "asks for nothing"),
        ({"platforms": ["arm64"]}, "is not a platform"),
        ({"scan": {"fail_on": "BAD"}}, '"BAD" is not a severity'),
        ({"scan": {"fail_on": "LOW", "allow": [{"id": "x", "until": "soon", "reason": "y"}]}}, '"soon" is not a date'),
        ({"scan": {"fail_on": "LOW", "allow": [{"id": "x", "until": "2026-01-01"}]}}, "reason"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Options.model_validate(options)
