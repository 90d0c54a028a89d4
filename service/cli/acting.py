"""What the commands share that act on manifest repositories: the pipeline's context, who asks, why, and until when.

The settings are the worker's. Nothing is handed to an engine here: a worker finds what is queued in the database.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from service.cli.printing import actor, now, opened_store

if TYPE_CHECKING:
    from service.pipeline.actions import Asked
    from service.pipeline.context import Context
    from service.store.builds import Build
    from service.store.runs import Run

F = TypeVar("F", bound=Callable[..., Any])


class Nobody:
    """Hands nothing over: the worker's sweeper takes up what is queued in the database."""

    def enqueue_run(self, run: Run) -> None:
        """Leave the run to the worker."""

    def enqueue_build(self, build: Build) -> None:
        """Leave the build to the worker."""


@contextmanager
def acting() -> Iterator[Context]:
    """Join what an action works with, by the worker's settings."""
    from service import logs, settings  # noqa: PLC0415 - heavy
    from service.bootstrap import build_context  # noqa: PLC0415 - heavy
    from service.store.ids import new_id  # noqa: PLC0415 - heavy

    loaded = settings.load(os.environ, settings.Need.WORKER)
    logs.configure(level="error")
    with opened_store() as store, build_context(loaded, store, Nobody(), f"command-{new_id()}") as context:
        yield context


class Until(click.ParamType[datetime]):
    """A time with its zone, or how long from now."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401 - click's signature
        """Read `2026-11-30T08:00:00Z`, `2026-11-30T09:00+01:00`, or `90m`, `12h`, `3d`."""
        from service.core.config.texts import TextError, duration  # noqa: PLC0415 - heavy
        from service.core.state.state_reader import time_of  # noqa: PLC0415 - heavy

        if isinstance(value, datetime):
            return value.astimezone(UTC)
        if (at := time_of(str(value))) is not None:
            return at
        try:
            return now() + duration(str(value))
        except (TextError, OverflowError):
            self.fail("write a time with its zone, as 2026-11-30T08:00:00Z, or a duration, as 90m or 12h", param, ctx)


REASON = click.option("--reason", default="", help="Why; people read it in Git, on the run's page, and in refusals.")
AS = click.option("--as", "name", default="", metavar="NAME", help="Who asks; kept as unverified.")
UNTIL = click.option("--until", type=Until(), metavar="TIME", help="When it ends by itself: 2026-11-30T08:00:00Z, 12h.")


def asked(name: str, reason: str, until: datetime | None = None) -> Asked:
    """Give who asks for an action now, and why."""
    from service.pipeline.actions import Asked  # noqa: PLC0415 - heavy

    return Asked(by=who(name), at=now(), why=reason, until=until)


def who(name: str) -> str:
    """Name the person who asks: as they say, unverified, or the user of this machine."""
    return f"{name.strip()} (unverified)" if name.strip() else actor()
