"""Cron expressions as starts on the wall. CronSim reads them; it works without a time zone here, see `wall_clock`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

from service.core.config.texts import TextError

_FIELDS = 5
_ANY = datetime(2026, 1, 1)  # noqa: DTZ001 - a time on the wall
_SECOND = timedelta(seconds=1)
_HINT = 'five fields: minute, hour, day of the month, month, day of the week, such as "0 18 * * 5"'


@dataclass(frozen=True, slots=True)
class CronStarts:
    """The times on the wall that an expression names."""

    expression: str

    def backward(self, wall: datetime) -> Iterator[datetime]:
        """Give those at or before a time, the latest first."""
        return iter(CronSim(self.expression, wall + _SECOND, reverse=True))

    def forward(self, wall: datetime) -> Iterator[datetime]:
        """Give those at or after a time, the earliest first."""
        before = wall if wall.microsecond else wall - _SECOND
        return iter(CronSim(self.expression, before))


def cron_expression(text: str) -> str:
    """Accept a cron expression of five fields that names any time at all."""
    if text.startswith("@"):
        raise TextError(f'"{text}" is a nickname, not a cron expression', _HINT)
    if len(text.split()) != _FIELDS:
        raise TextError(f'"{text}" is not a cron expression', _HINT)
    try:
        next(CronSim(text, _ANY))
    except StopIteration:
        raise TextError(f'"{text}" never happens', "no such day exists") from None
    except (CronSimError, AssertionError, TypeError, ValueError, IndexError) as error:
        words = str(error)
        field = f": {words.removeprefix('Bad ')} is wrong" if words.startswith("Bad ") else ""
        raise TextError(f'"{text}" is not a cron expression{field}', _HINT) from error
    return text
