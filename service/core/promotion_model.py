"""What a pull request shows of a model's version: its metrics beside those that are live, and where it comes from.

Called by the pull request's body. Pure text in, text out. All of it is text of people, which shows as it is and does
nothing; it is bounded, because a run may have thousands of metrics.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.core.foreign_text import code, cut, fitting, link, markdown

METRICS_SHOWN, OTHERS_SHOWN = 40, 20
METRICS_ROOM, OTHERS_ROOM = 6_000, 4_000
_NAME_LENGTH, _VALUE_LENGTH, _SIGNATURE_LENGTH = 100, 200, 500


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What was kept of a version when it was found: people's text, for people and for gates."""

    version: str
    page: str = ""
    run: str = ""
    run_page: str = ""
    description: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    code: str = ""
    signature: str = ""
    checksum: str = ""
    unchecked: str = ""


@dataclass(frozen=True, slots=True)
class ModelStory:
    """A version, and the one that is live; None where nothing is. `unread` says why that one is not known."""

    new: ModelFacts
    live: ModelFacts | None = None
    unread: str = ""


def facts_from(kept: Mapping[str, Any]) -> ModelFacts:
    """Read what a run keeps of its model; what is missing there is empty."""
    told = kept.get("model") or {}
    numbers = {str(key): float(value) for key, value in (told.get("metrics") or {}).items()}
    return ModelFacts(
        str(kept.get("tag") or ""), str(told.get("page") or ""), str(told.get("run") or ""),
        str(told.get("run_page") or ""), str(told.get("description") or ""), numbers,
        dict(told.get("parameters") or {}), dict(told.get("tags") or {}), tuple(told.get("datasets") or ()),
        str(told.get("code") or ""), str(told.get("signature") or ""), str(kept.get("checksum") or ""),
        str(told.get("unchecked") or ""),
    )  # fmt: skip


def what_the_model_is(story: ModelStory) -> str:
    """Give the section: a table of metrics, then everything else in lines."""
    return "\n\n".join(part for part in (_metrics(story), "\n".join(_others(story))) if part)


def number(value: float) -> str:
    """Write a metric as people do."""
    if math.isnan(value):
        return "NaN"
    return f"{value:.6g}"


def _metrics(story: ModelStory) -> str:
    live = story.live.metrics if story.live else {}
    names = sorted({*story.new.metrics, *live})
    if not names:
        return "The version has no metrics."
    now = f"live: {story.live.version}" if story.live else "live: none"
    lines = [
        f"| {code(cut(name, _NAME_LENGTH))} | {_shown(live, name)} | {_shown(story.new.metrics, name)} |"
        f" {_difference(live, story.new.metrics, name)} |"
        for name in names[:METRICS_SHOWN]
    ]
    rows = fitting(lines, METRICS_ROOM)
    left = len(names) - len(rows)
    more = [f"| and {left} more | | | |"] if left else []
    head = [f"| Metric | {markdown(now)} | new: {markdown(story.new.version)} | |", "|---|---|---|---|"]
    unread = [f"\nWhat is live could not be read: {markdown(story.unread, _VALUE_LENGTH)}."] if story.unread else []
    return "\n".join([*head, *rows, *more, *unread])


def _shown(metrics: Mapping[str, float], name: str) -> str:
    return number(metrics[name]) if name in metrics else ""


def _difference(live: Mapping[str, float], new: Mapping[str, float], name: str) -> str:
    if name not in live or name not in new or not math.isfinite(new[name] - live[name]):
        return ""
    return f"{new[name] - live[name]:+.6g}"


def _others(story: ModelStory) -> Iterator[str]:
    new = story.new
    run = code(cut(new.run, _NAME_LENGTH))
    if new.run:
        yield f"Run: {link(run, new.run_page) if new.run_page else run}"
    yield from _made_of(new)
    if new.signature:
        yield f"Signature: {code(cut(new.signature, _SIGNATURE_LENGTH))}"
    if story.live and story.live.signature and story.live.signature != new.signature:
        yield "**The signature is another one than that of the live version.**"
    if new.description:
        yield f"Description: {markdown(new.description, _VALUE_LENGTH)}"
    if new.checksum:
        yield f"Checksum of its files: {code(new.checksum)}"
    elif new.unchecked:
        yield f"No checksum: {markdown(new.unchecked, _VALUE_LENGTH)}"


def _made_of(new: ModelFacts) -> Iterator[str]:
    if new.code:
        yield f"Code: {code(cut(new.code, _NAME_LENGTH))}"
    if new.datasets:
        yield f"Dataset: {', '.join(code(cut(one, _NAME_LENGTH)) for one in new.datasets[:OTHERS_SHOWN])}"
    for name, pairs in (("Parameters", new.parameters), ("Tags", new.tags)):
        told = [f"{code(cut(f'{key}={value}', _VALUE_LENGTH))}" for key, value in sorted(pairs.items())[:OTHERS_SHOWN]]
        if told:
            left = len(pairs) - len(told)
            yield f"{name}: {', '.join(fitting(told, OTHERS_ROOM))}" + (f" and {left} more" if left else "")
