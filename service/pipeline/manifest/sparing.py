"""Bounds what is asked and rendered for one text, however many applications it tells of: in number, and in time.

Called where a pull request's text is gathered. Equal questions are asked once. What is not asked any more raises
PermanentError `not-looked-up`, and whoever gathers tells that in words.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any, cast

from service.errors import MergeportError, PermanentError
from service.pipeline.context import Context
from service.ports import Chart, Charts, Forge

NOT_LOOKED_UP = "not-looked-up"
LEAST = 4
"""The fewest requests that an application gets as long as there are some."""
_FREE = frozenset({"web_url", "identity"})


@dataclass(slots=True)
class Allowance:
    """How many requests and renderings a text may cost, and how long it may take."""

    requests: int
    renderings: int
    seconds: float
    _until: float = field(default=0.0)
    _mine: int = 0

    def begin(self, left: int) -> None:
        """Give the next application its part, with `left` of them to come, itself included."""
        self._until = self._until or time.monotonic() + self.seconds
        self._mine = max(self.requests // left, LEAST)

    def ask(self) -> None:
        """Count a request; raise if it is not to be made."""
        if self.requests <= 0 or self._mine <= 0 or time.monotonic() > self._until:
            raise _enough("no more is asked for the text of one pull request")
        self.requests, self._mine = self.requests - 1, self._mine - 1

    def render(self) -> None:
        """Count a rendering; raise if it is not to be made."""
        if self.renderings <= 0 or time.monotonic() > self._until:
            raise _enough("no more is rendered for the text of one pull request")
        self.renderings -= 1


def _enough(words: str) -> PermanentError:
    return PermanentError(words, code="not-looked-up", hint="the run's page and its commit tell more")


def sparing(context: Context, allowance: Allowance) -> Context:
    """Give a context whose forge of sources and whose charts ask and render no more than is allowed."""
    outside = context.outside
    charts = None if outside.charts is None else _SparingCharts(outside.charts, allowance)
    forge = cast(Forge, AskedOnce(outside.forge, allowance))
    return replace(context, outside=replace(outside, forge=forge, charts=charts))


@dataclass(frozen=True, slots=True)
class _SparingCharts:
    charts: Charts
    allowance: Allowance

    def render(self, chart: Chart) -> str:
        """Render a chart, if that is allowed still."""
        self.allowance.render()
        return self.charts.render(chart)


class AskedOnce:
    """A forge that answers an equal question from memory, and with the same error."""

    def __init__(self, forge: Forge, allowance: Allowance | None = None) -> None:
        """Take the forge, and what it may be asked; without an allowance that is anything."""
        self._forge, self._allowance = forge, allowance
        self._told: dict[object, Any] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the forge has
        """Give one of the forge's questions."""
        ask = getattr(self._forge, name)
        if name in _FREE:
            return ask

        def asked(*args: Any, **more: Any) -> Any:  # noqa: ANN401 - the question's own
            key = (name, args, tuple(sorted(more.items())))
            if key not in self._told:
                if self._allowance is not None:
                    self._allowance.ask()
                try:
                    self._told[key] = ask(*args, **more)
                except PermanentError as error:
                    self._told[key] = error
            told = self._told[key]
            if isinstance(told, MergeportError):
                raise told
            return told

        return asked
