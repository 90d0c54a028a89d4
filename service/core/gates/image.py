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
from service.core.gates.image_facts import ImageFacts, NoScan, Scan, Severity
from service.core.gates.moments import earliest, moment
from service.core.gates.unknown import Unknown, wait_for
from service.core.platforms import lacking

TRAITS = Traits(frozenset({Evidence.IMAGES}), of_release=True)
_FEW = 5


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
        yield _scan(options.scan, image, name, now)


def _platforms(wanted: Sequence[str], image: ImageFacts, name: str) -> Verdict:
    if isinstance(image.platforms, Unknown):
        return wait_for(f"the platforms of {name}", image.platforms)
    absent = lacking(wanted, image.platforms)
    if absent:
        has = ", ".join(image.platforms) or "none that is told"
        return Refuse(f"{name} lacks {', '.join(absent)}; it has {has}")
    return Allow(f"{name} has {', '.join(wanted)}")


def _scan(options: ScanKeys, image: ImageFacts, name: str, now: datetime) -> Verdict:
    match image.scan:
        case Unknown() as unknown:
            return wait_for(f"the scan of {name}", unknown)
        case NoScan.PENDING:
            return Wait(f"the scan of {name} is not done yet")
        case NoScan.FAILED:
            return Wait(f"the scan of {name} failed; scan it again in the registry")
        case NoScan.UNSUPPORTED:
            words = f"the registry does not scan {name}"
            verdicts: dict[str, Verdict] = {"refuse": Refuse(words), "wait": Wait(words), "allow": Allow(words)}
            return verdicts[options.unsupported]
        case Scan() as scan:
            return _findings(options, scan, name, now)
        case _:
            assert_never(image.scan)


def _findings(options: ScanKeys, scan: Scan, name: str, now: datetime) -> Verdict:
    """Refuse what is bad enough and not let pass; else look again when the first entry that was needed ends."""
    bad = sorted({one for one in scan.findings if one.severity.reaches(options.fail_on)}, key=lambda one: one.id)
    ends = {one.id: _end(options, one.id) for one in bad}
    closed = [one for one in bad if (end := ends[one.id]) is None or end <= now]
    if closed:
        told = ", ".join(f"{one.id} ({one.severity}{_ended(ends[one.id])})" for one in closed[:_FEW])
        more = f" and {len(closed) - _FEW} more" if len(closed) > _FEW else ""
        return Refuse(f"the scan of {name} found {told}{more}; {options.fail_on} and worse are refused")
    passing = f", {', '.join(one.id for one in bad[:_FEW])} let pass" if bad else ""
    unrated = sum(one.severity is Severity.UNDEFINED for one in scan.findings)
    told = f", {unrated} not rated" if unrated else ""
    return Allow(f"the scan of {name} found nothing {options.fail_on} or worse{passing}{told}", earliest(ends.values()))


def _end(options: ScanKeys, finding: str) -> datetime | None:
    """Give the end of the entry that lets a finding pass the longest; None if there is no entry."""
    return max((one.end for one in options.allow if one.id.lower() == finding.lower()), default=None)


def _ended(end: datetime | None) -> str:
    return f", let pass until {moment(end)}" if end else ""
