"""Types of keys that several gates have, and the base of a gate's mapping. Used by the kinds' options alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from service.core.config.texts import TextError, duration, duration_text, platform

T = TypeVar("T")

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?", re.ASCII)
_YEARS = range(2000, 3000)


class GateKeys(BaseModel):
    """A mapping of a gate's options, with known keys only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def _read(words: str, read: Callable[[str], T]) -> Callable[[object], object]:
    def check(value: object) -> object:
        if isinstance(value, str):
            return read(value)
        raise PydanticCustomError("wrong_type", "expected {words}", {"words": words})

    return check


def zone_of(name: str) -> ZoneInfo:
    """Give a time zone by its name in the IANA database; raise TextError if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise TextError(f'"{name}" is not a time zone', "write a name such as Europe/Berlin or UTC") from error


def _zone_name(name: str) -> str:
    zone_of(name)
    return name


def day(text: str) -> str:
    """Accept a day such as 2026-12-24."""
    if not _DAY.fullmatch(text):
        raise TextError(f'"{text}" is not a date', 'write it like "2026-12-24"')
    return day_or_time(text)


def day_or_time(text: str) -> str:
    """Accept a day, or a time of a day such as 2026-12-24 18:00, of this millennium."""
    if not (_DAY.fullmatch(text) or _TIME.fullmatch(text)):
        raise TextError(f'"{text}" is not a date', 'write "2026-12-24" or "2026-12-24 18:00", and the zone as timezone')
    try:
        year = datetime.fromisoformat(text).year
    except ValueError as error:
        raise TextError(f'"{text}" is not a date', str(error)) from error
    if year not in _YEARS:
        raise TextError(f'"{text}" is not between 2000 and 2999')
    return text


def is_day(text: str) -> bool:
    """Tell whether a text is a day, without a time."""
    return _DAY.fullmatch(text) is not None


Length = Annotated[
    timedelta,
    BeforeValidator(_read("a duration", duration)),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string"}),
]
TimeZone = Annotated[str, AfterValidator(_zone_name)]
Platform = Annotated[str, AfterValidator(platform)]
