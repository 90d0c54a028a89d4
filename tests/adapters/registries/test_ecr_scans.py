"""Scans of ECR, basic and enhanced, read from the double in pages, and AWS's other words for a scan's state.

The answers have the shapes that AWS publishes: boto3 drops every field of another name.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from devstack.ecr import Ecr
from service.adapters.ecr_api import EcrApi
from service.adapters.ecr_options import Options
from service.adapters.ecr_scans import EcrScans
from service.adapters.registries.ecr import EcrRegistry
from service.core.scans import Finding, PlatformScan, ScanStatus, Severity
from service.core.words import Digest
from service.errors import DoubtfulError
from tests.contract.registries import ECR_HOST, LABELS, Ministack, TestClock, make_image, push, push_index
from tests.fixtures.aws import aws_session

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

ENDED = datetime(2026, 11, 29, 10, 30, tzinfo=UTC)
DIGEST = Digest(f"sha256:{'a' * 64}")


def on(ministack: Ministack) -> EcrRegistry:
    return EcrRegistry(Options(host=ECR_HOST), clock=TestClock(), endpoint=ministack.url, reached_at=ministack.host)


def basic(name: str, severity: str, package: str) -> dict[str, Any]:
    attributes = [{"key": "package_version", "value": "1.0"}, {"key": "package_name", "value": package}]
    return {"name": name, "severity": severity, "attributes": attributes}


def enhanced(name: str, severity: str, *packages: str, status: str = "ACTIVE") -> dict[str, Any]:
    vulnerable = [{"name": package, "version": "2.0"} for package in packages]
    details = {"vulnerabilityId": name, "vulnerablePackages": vulnerable}
    return {"severity": severity, "status": status, "packageVulnerabilityDetails": details, "title": f"{name} - x"}


def scanned(status: str = "COMPLETE", *, ended: bool = True, **findings: Any) -> dict[str, Any]:
    at = {"imageScanCompletedAt": ENDED.timestamp()} if ended else {}
    return {"imageScanStatus": {"status": status, "description": "told"}, "imageScanFindings": at | findings}


def stubbed(answer: dict[str, Any] | str) -> PlatformScan:
    """Read one image's scan from an answer that the Stubber checks against AWS's description, or an error."""
    client: ECRClient = aws_session().client("ecr")
    with Stubber(client) as stub:
        if isinstance(answer, str):
            stub.add_client_error("describe_image_scan_findings", answer)
        else:
            stub.add_response("describe_image_scan_findings", answer)
        options = Options(host=ECR_HOST)
        return EcrScans(EcrApi(options, client=lambda: client), options.account).of_one("app", DIGEST, "linux/amd64")


def test_findings_of_each_platform_are_read_and_no_attestation_is_asked_for(ecr: Ecr, ministack: Ministack) -> None:
    ministack.client().create_repository(repositoryName="app")
    amd64, arm64 = make_image(LABELS), make_image(LABELS, architecture="arm64")
    index = push_index(ministack.pusher(), "app", "1", {"linux/amd64": amd64, "linux/arm64": arm64})
    ecr.scans.known[amd64.digest] = scanned(
        findings=[basic("CVE-1", "HIGH", "zlib")], findingSeverityCounts={"HIGH": 1}
    )
    ecr.scans.known[arm64.digest] = scanned(findings=[], findingSeverityCounts={})
    scan = on(ministack).scan("app", Digest(index))
    assert [(one.platform, one.status) for one in scan.parts] == [
        ("linux/amd64", ScanStatus.COMPLETE),
        ("linux/arm64", ScanStatus.COMPLETE),
    ]
    assert scan.findings == (Finding("CVE-1", Severity.HIGH, "zlib", "1.0"),)
    assert (scan.counts, scan.scanned_at) == ({Severity.HIGH: 1}, ENDED)


def test_findings_of_every_page_are_read(ecr: Ecr, ministack: Ministack) -> None:
    ministack.client().create_repository(repositoryName="app")
    image = make_image(LABELS)
    push(ministack.pusher(), "app", "1", image)
    many = [enhanced(f"CVE-{number}", "LOW", "pkg") for number in range(2345)]
    ecr.scans.known[image.digest] = scanned("ACTIVE", enhancedFindings=many, findingSeverityCounts={"LOW": 2345})
    scan = on(ministack).scan("app", Digest(image.digest))
    assert (len(scan.findings), scan.status) == (2345, ScanStatus.COMPLETE)


def test_image_that_nobody_had_scanned_is_absent_and_not_without_findings(ministack: Ministack) -> None:
    ministack.client().create_repository(repositoryName="app")
    image = make_image(LABELS)
    push(ministack.pusher(), "app", "1", image)
    scan = on(ministack).scan("app", Digest(image.digest))
    assert (scan.status, scan.said) == (ScanStatus.ABSENT, "nobody has had it scanned")


def test_finding_of_inspector_names_each_package_and_closed_ones_are_left_out() -> None:
    told = [
        enhanced("CVE-2", "CRITICAL", "jackson", "log4j"),
        enhanced("CVE-3", "HIGH", "zlib", status="CLOSED"),
        enhanced("CVE-4", "UNTRIAGED"),
    ]
    at = {"imageScanStatus": {"status": "ACTIVE"}}
    found = stubbed(at | {"imageScanFindings": {"imageScanCompletedAt": ENDED, "enhancedFindings": told}})
    assert found.findings == (
        Finding("CVE-2", Severity.CRITICAL, "jackson", "2.0"),
        Finding("CVE-2", Severity.CRITICAL, "log4j", "2.0"),
        Finding("CVE-4", Severity.UNDEFINED),
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("IN_PROGRESS", ScanStatus.IN_PROGRESS),
        ("PENDING", ScanStatus.IN_PROGRESS),
        ("UNSUPPORTED_IMAGE", ScanStatus.UNSUPPORTED),
        ("IMAGE_SIZE_EXCEEDED", ScanStatus.UNSUPPORTED),
        ("FAILED", ScanStatus.FAILED),
        ("SCAN_ELIGIBILITY_EXPIRED", ScanStatus.FAILED),
        ("FINDINGS_UNAVAILABLE", ScanStatus.FAILED),
        ("LIMIT_EXCEEDED", ScanStatus.FAILED),
        ("IMAGE_ARCHIVED", ScanStatus.FAILED),
        ("A_WORD_OF_TOMORROW", ScanStatus.FAILED),
    ],
)
def test_other_states_of_a_scan_are_told_with_awss_word(word: str, status: ScanStatus) -> None:
    found = stubbed({"imageScanStatus": {"status": word, "description": "because"}})
    assert (found.status, found.said) == (status, f"{word}: because")


@pytest.mark.parametrize("section", [{}, {"imageScanFindings": {"enhancedFindings": []}}])
def test_continuous_scan_without_a_result_yet_is_not_complete(section: dict[str, Any]) -> None:
    assert stubbed({"imageScanStatus": {"status": "ACTIVE"}} | section).status is ScanStatus.IN_PROGRESS


@pytest.mark.parametrize("code", ["ScanNotFoundException", "ImageNotFoundException", "RepositoryNotFoundException"])
def test_what_is_not_there_is_absent(code: str) -> None:
    assert stubbed(code).status is ScanStatus.ABSENT


def test_refused_reading_names_its_action() -> None:
    with pytest.raises(DoubtfulError, match="ecr:DescribeImageScanFindings"):
        stubbed("AccessDeniedException")
