"""The image gate: every image of the release has the platforms, and its scan found nothing too bad.

A finding is let pass by an entry that names it, says why, and ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, assert_never

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from service.core.config.texts import TextError
from service.core.gates.facts import Facts
from service.core.gates.gate_keys import GateKeys, Platform, day
from service.core.gates.gate_verdict import Allow, Evidence, Refuse, Traits, Verdict, Wait
from service.core.gates.image_facts import ImageFacts
from service.core.gates.moments import earliest, moment
from service.core.gates.unknown import Unknown, wait_for
from service.core.platforms import lacking
from service.core.scans import PlatformScan, Scan, ScanStatus, Severity
from service.core.words import Digest

TRAITS = Traits(frozenset({Evidence.IMAGES}), of_release=True)
_FEW = 5
_LOOK_AGAIN = timedelta(minutes=1)
"""When a scan is read again that may be done by then."""


def _severity(value: object) -> object:
    if isinstance(value, str):
        if value.upper() in Severity.__members__:
            return Severity(value.upper())
        raise TextError(f'"{value}" is not a severity', f"known: {', '.join(Severity)}")
    return value


class AllowedFinding(GateKeys):
    """A finding that is let pass until the end of a day, UTC."""

    id: str = Field(min_length=1, description="The finding's id, such as CVE-2026-1234.")
    until: Annotated[str, AfterValidator(day)] = Field(description='The last day on which it passes: "2026-12-31".')
    reason: str = Field(min_length=1, description="Why it may pass.")

    @property
    def end(self) -> datetime:
        """The moment from which the finding counts again."""
        return datetime.combine(date.fromisoformat(self.until), time(), UTC) + timedelta(days=1)


class ScanKeys(GateKeys):
    """How bad a finding of a scan may be."""

    fail_on: Annotated[Severity, BeforeValidator(_severity)] = Field(
        description="The least severity that refuses an image: LOW, MEDIUM, HIGH, CRITICAL."
    )
    allow: list[AllowedFinding] = Field(default=[], description="Findings that are let pass for a while.")
    unsupported: Literal["refuse", "wait", "allow"] = Field(
        default="refuse", description="What happens to an image that its registry cannot scan."
    )


class Options(GateKeys):
    """What the images of a release must be."""

    platforms: list[Platform] = Field(default=[], description="Platforms that each image must have: linux/arm64.")
    scan: ScanKeys | None = Field(default=None, description="What the registry's scan must say.")

    @model_validator(mode="after")
    def _asks_something(self) -> Options:
        if not self.platforms and self.scan is None:
            raise TextError("asks for nothing", "name platforms or scan")
        return self


def judge(options: Options, facts: Facts) -> Verdict:
    """Join the verdicts on all images: one that is refused refuses the release."""
    if not facts.images:
        return Allow("the release has no image")
    found = [verdict for image in facts.images for verdict in _verdicts(options, image, facts.now)]
    refused = [one.words for one in found if isinstance(one, Refuse)]
    if refused:
        return Refuse("; ".join(refused))
    waits = [one for one in found if isinstance(one, Wait)]
    until = earliest(one.until for one in found if not isinstance(one, Refuse))
    if waits:
        return Wait("; ".join(one.words for one in waits), until)
    return Allow("; ".join(one.words for one in found), until)


def _verdicts(options: Options, image: ImageFacts, now: datetime) -> Iterator[Verdict]:
    name = str(image.reference.repository)
    if options.platforms:
        yield _platforms(options.platforms, image, name)
    if options.scan:
        yield from _scans(options.scan, image, name, now)


def _platforms(wanted: Sequence[str], image: ImageFacts, name: str) -> Verdict:
    if isinstance(image.platforms, Unknown):
        return wait_for(f"the platforms of {name}", image.platforms)
    absent = lacking(wanted, image.platforms)
    if absent:
        has = ", ".join(image.platforms) or "none that is told"
        return Refuse(f"{name} lacks {', '.join(absent)}; it has {has}")
    return Allow(f"{name} has {', '.join(wanted)}")


def _scans(options: ScanKeys, image: ImageFacts, name: str, now: datetime) -> Iterator[Verdict]:
    """Give a verdict on all findings, and one on each way in which the scan of a platform is not there."""
    if isinstance(image.scan, Unknown):
        yield wait_for(f"the scan of {name}", image.scan)
        return
    complete = tuple(part for part in image.scan.parts if part.status is ScanStatus.COMPLETE)
    if complete:
        yield _findings(options, Scan(complete), name, now)
    others = {part.status: part for part in image.scan.parts if part.status is not ScanStatus.COMPLETE}
    if not image.scan.parts:
        others = {ScanStatus.ABSENT: PlatformScan(Digest(""), "", ScanStatus.ABSENT)}
    for part in others.values():
        yield _without_result(options, part, f"{name} {part.platform}".strip(), now)


def _without_result(options: ScanKeys, part: PlatformScan, name: str, now: datetime) -> Verdict:
    said = f": {part.said}" if part.said else ""
    match part.status:
        case ScanStatus.IN_PROGRESS:
            return Wait(f"the scan of {name} is not done yet{said}", now + _LOOK_AGAIN)
        case ScanStatus.ABSENT:
            return Wait(f"there is no scan of {name}{said}", now + _LOOK_AGAIN)
        case ScanStatus.FAILED:
            return Wait(f"the scan of {name} failed{said}; scan it again in the registry")
        case ScanStatus.UNSUPPORTED | ScanStatus.NOT_OFFERED:
            words = f"the registry does not scan {name}{said}"
            verdicts: dict[str, Verdict] = {"refuse": Refuse(words), "wait": Wait(words), "allow": Allow(words)}
            return verdicts[options.unsupported]
        case ScanStatus.COMPLETE:
            raise AssertionError("a complete scan has a result")
        case _:
            assert_never(part.status)


def _findings(options: ScanKeys, scan: Scan, name: str, now: datetime) -> Verdict:
    """Refuse what is bad enough and not let pass; else look again when the first entry that was needed ends."""
    bad = {one.name: one.severity for one in reversed(scan.findings) if one.severity.reaches(options.fail_on)}
    ends = {finding: _end(options, finding) for finding in bad}
    closed = [one for one in sorted(bad) if (end := ends[one]) is None or end <= now]
    if closed:
        told = ", ".join(
            f"{one or 'a finding without a name'} ({bad[one]}{_ended(ends[one])})" for one in closed[:_FEW]
        )
        more = f" and {len(closed) - _FEW} more" if len(closed) > _FEW else ""
        return Refuse(f"the scan of {name} found {told}{more}; {options.fail_on} and worse are refused")
    if missing := _only_counted(options, scan):
        return Wait(f"the scan of {name} counts {missing}, but lists none of them", now + _LOOK_AGAIN)
    passing = f", {', '.join(sorted(bad)[:_FEW])} let pass" if bad else ""
    unrated = len({one.name for one in scan.findings if one.severity is Severity.UNDEFINED and one.name not in bad})
    told = f", {unrated} not rated" if unrated else ""
    return Allow(f"the scan of {name} found nothing {options.fail_on} or worse{passing}{told}", earliest(ends.values()))


def _only_counted(options: ScanKeys, scan: Scan) -> str:
    """Say which severities a registry counts without listing any finding of them; empty if there are none."""
    listed = {one.severity for one in scan.findings}
    counted = {severity: count for severity, count in scan.counts.items() if severity not in listed}
    return ", ".join(f"{count} {one}" for one, count in counted.items() if one.reaches(options.fail_on))


def _end(options: ScanKeys, finding: str) -> datetime | None:
    """Give the end of the entry that lets a finding pass the longest; None if there is no entry."""
    return max((one.end for one in options.allow if one.id.lower() == finding.lower()), default=None)


def _ended(end: datetime | None) -> str:
    return f", let pass until {moment(end)}" if end else ""
