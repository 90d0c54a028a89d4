"""One entry of a freeze: a cron window, a span of dates, or a file; and the releases that it does not concern.

The same form stands in `mergeport.yaml` and in a list file of the manifest repository.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from service.core.config.texts import TextError
from service.core.gates.cron import CronStarts, cron_expression
from service.core.gates.gate_keys import GateKeys, Length, TimeZone, day_or_time, is_day, zone_of
from service.core.gates.spans import RepeatedSpan, SingleSpan, Span, Spans
from service.core.gates.wall_clock import beginning_of, end_of


def _file(text: str) -> str:
    parts = text.split("/")
    if not text.isprintable() or any(part.strip() in {"", ".", ".."} or part.lower() == ".git" for part in parts):
        raise TextError(f'"{text}" is not a path inside the repository', "no leading /, no . and no ..")
    if not text.lower().endswith((".ics", ".yaml", ".yml")):
        raise TextError(f'"{text}" is neither a calendar nor a list', "name a .ics, .yaml or .yml file")
    return text


class ExceptKeys(GateKeys):
    """Releases that a freeze does not concern."""

    applications: list[str] = Field(default=[], description="Names of applications.")
    labels: list[str] = Field(default=[], description="Labels of the source's pull request, such as hotfix.")


class Entry(GateKeys):
    """A cron window (cron and duration), a span of dates (from, until), or a file of the manifest repository."""

    cron: Annotated[str, AfterValidator(cron_expression)] | None = Field(
        default=None, description='When it begins: minute, hour, day, month, day of the week: "0 18 * * 5".'
    )
    duration: Length | None = Field(default=None, description="How long it lasts: 62h.")
    begins: Annotated[str, AfterValidator(day_or_time)] | None = Field(
        default=None, alias="from", description='When it begins: "2026-12-24" or "2026-12-24 18:00".'
    )
    until: Annotated[str, AfterValidator(day_or_time)] | None = Field(
        default=None, description="When it ends; a day alone means its end."
    )
    file: Annotated[str, AfterValidator(_file)] | None = Field(
        default=None, description="A calendar (.ics) or a list of such entries (.yaml) in the manifest repository."
    )
    timezone: TimeZone = Field(default="UTC", description="The time zone of the times, such as Asia/Seoul.")
    reason: str = Field(default="", description="What people are told.")
    excepted: ExceptKeys = Field(default=ExceptKeys(), alias="except", description="Releases that it does not concern.")

    @model_validator(mode="after")
    def _is_one_of_three(self) -> Entry:
        dates = self.begins is not None or self.until is not None
        if sum((self.cron is not None, dates, self.file is not None)) != 1:
            raise TextError("is not one freeze", "write cron and duration, or from and until, or file")
        if (self.cron is None) != (self.duration is None):
            there, absent = ("duration", "cron") if self.cron is None else ("cron", "duration")
            raise TextError(f"has {there} without {absent}", "a cron window has both")
        span = self.span()
        if span.start and span.end and span.start >= span.end:
            raise TextError("ends before it begins", "until comes after from")
        return self

    def span(self) -> Span:
        """Give the span of its dates."""
        zone = zone_of(self.timezone)
        start = beginning_of(datetime.fromisoformat(self.begins), zone) if self.begins else None
        end = end_of(_end(self.until), zone) if self.until else None
        return Span(start, end, self.reason, zone)

    def spans(self) -> Spans:
        """Give the spans of an entry that is no file."""
        if self.cron is not None and self.duration is not None:
            return RepeatedSpan(CronStarts(self.cron), zone_of(self.timezone), self.duration, self.reason)
        return SingleSpan(self.span())


def _end(text: str) -> datetime:
    """Give the time on the wall at which something ends; a day ends when the next one begins."""
    at = datetime.fromisoformat(text)
    return datetime.combine(at.date() + timedelta(days=1), time()) if is_day(text) else at
