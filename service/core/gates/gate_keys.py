"""Types of keys that several gates have, and the base of a gate's mapping. Used by the kinds' options alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from service.core.config.texts import TextError, duration, duration_text, platform

T = TypeVar("T")


class GateKeys(BaseModel):
    """A mapping of a gate's options, with known keys only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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


Length = Annotated[
    timedelta,
    BeforeValidator(_read("a duration", duration)),
    PlainSerializer(duration_text, return_type=str),
    WithJsonSchema({"type": "string"}),
]
TimeZone = Annotated[str, AfterValidator(_zone_name)]
Platform = Annotated[str, AfterValidator(platform)]
