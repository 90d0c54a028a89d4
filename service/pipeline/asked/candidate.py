"""Tells what a release would meet in an environment if a person promoted it now. Called by `why-not` for candidates.

Reads the store alone: gates whose facts are elsewhere are only named, and `mergeport promote --plan` asks them. Nothing
is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel

from service.core.config import Target
from service.core.gates import Evidence, Facts, Override, judge_all
from service.core.gates.image_facts import ImageFacts
from service.core.gates.judgement import traits_of
from service.core.gates.restrictions import ClosedByPeople
from service.core.words import Digest, Repository
from service.pipeline.promote.gate_facts import closed_as_known, stays_of
from service.pipeline.runs.claim import images_of
from service.store import Transaction, manifest_states, overrides
from service.store.runs import Run

_OUTSIDE = frozenset({Evidence.CHECKS, Evidence.REVIEWS, Evidence.ANSWER})


class Ahead(NamedTuple):
    """What is closed now, in words, and the gates whose answer is elsewhere."""

    closed: Sequence[str] = ()
    unasked: Sequence[str] = ()


def ahead_of(tx: Transaction, run: Run, target: Target, default: Repository | None, now: datetime) -> Ahead:
    """Judge a release that runs upstream for a target, by what is stored."""
    there = replace(run, environment=target.environment)
    where = target.manifest_repository or default
    known = [one for one in manifest_states.all_known(tx) if where in {None, one.repository}]
    closed = [closed_as_known(one) for one in known]
    state = ClosedByPeople(
        tuple(entry for one in closed for entry in one.restrictions),
        next((one.broken for one in closed if one.broken), ""),
    )
    here = [(kind, options) for kind, options in target.gates if not _is_outside(kind, options)]
    facts = Facts(
        now=now,
        application=target.application,
        environment=target.environment,
        source=run.repository,
        commit=run.commit,
        images=_images(run),
        upstream=stays_of(tx, target),
        state=state,
        overrides=tuple(Override(one.gate, one.who, one.why) for one in overrides.of_run(tx, there)),
    )
    words = [f"{one.gate}: {one.verdict.words}" for one in judge_all(here, facts).closed]
    return Ahead(words, [kind for kind, _ in target.gates if kind not in {name for name, _ in here}])


def _is_outside(kind: str, options: BaseModel) -> bool:
    """Tell whether a gate cannot answer by what is stored, with these options."""
    needs = (
        bool(traits_of(kind).reads & _OUTSIDE),
        bool(asked() if (asked := getattr(options, "files", None)) else ()),
        bool(asked() if (asked := getattr(options, "reads_labels", None)) else False),
        bool(getattr(options, "scan", None)),
    )
    return any(needs)


def _images(run: Run) -> tuple[ImageFacts, ...]:
    return tuple(
        ImageFacts(
            reference,
            frozenset(Digest(part["digest"]) for part in run.images[name].get("parts", ())),
            tuple(run.images[name].get("platforms", ())),
        )
        for name, reference in images_of(run).items()
    )
