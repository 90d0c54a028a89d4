"""A claim: a run and its target, read together once, and renewed by what is written through it.

Made by `advance` for the workflow that has the run, and by looks for the runs that wait. Every step renews it by the
row that the step reads anyway. What a step has found, or wants to have written, is written with the beginning of the
next one, or with what ends the workflow: one transaction a step. Whatever is lost before that, the run does again.
Never decides anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from service.core.artifacts import models_in, reference_from
from service.core.config import Target
from service.core.images import ImageReference
from service.core.state import Candidate, digests_in
from service.core.words import Digest, RunId
from service.errors import PermanentError
from service.pipeline.context import Context
from service.store import Transaction, runs, steps
from service.store.runs import Run
from service.store.steps import Step

JUST_NOW = timedelta(seconds=5)
"""For how long what was read in a registry needs no second look."""


@dataclass(frozen=True, slots=True)
class EndedStep:
    """How a step ended, and when."""

    name: str
    state: str
    message: str
    at: datetime


@dataclass(slots=True)
class Claim:
    """A run, its target by the configuration that the run has, and what the pipeline works with.

    `found` is the target once it was looked up. `ended`, `owed` and `effects` are steps, columns of the run and other
    writes that are not in the store yet. `known` are the run's steps by name once they were read. `new` says
    that no step of the run had begun before this workflow's, so that it has no edit until this workflow makes one.
    `images_read_at` is when this very workflow read the run's images back from their registries, the oldest of them.
    """

    context: Context
    run: Run
    found: Target | None = None
    ended: list[EndedStep] = field(default_factory=list)
    owed: dict[str, Any] = field(default_factory=dict)
    effects: list[Callable[[Transaction], object]] = field(default_factory=list)
    known: dict[str, Step] | None = None
    new: bool = False
    images_read_at: datetime | None = None

    @property
    def target(self) -> Target:
        """The target of the run; PermanentError `target-gone` if its configuration has none."""
        if self.found is None:
            self.found = _target_of(self.context, self.run)
        return self.found

    def note(self, **values: Any) -> None:  # noqa: ANN401 - columns' values
        """Set columns of the run in memory; the next write brings them to the store."""
        self.run = replace(self.run, **values)
        self.owed |= values

    def update(self, tx: Transaction, **values: Any) -> None:  # noqa: ANN401 - columns' values
        """Set columns of the run in memory and in the store."""
        self.note(**values)
        self.settle(tx)

    def settle(self, tx: Transaction) -> None:
        """Write what is not written yet. The caller holds the run's row and knows that the run is its own."""
        for one in self.ended:
            steps.end(tx, self.run.id, one.name, one.state, one.message, at=one.at)
        if self.owed:
            runs.update(tx, self.run.id, at=self.context.now(), **self.owed)
        for effect in self.effects:
            effect(tx)
        self.ended, self.owed, self.effects = [], {}, []

    def images_were_read(self) -> None:
        """Note that an image of the run was read from its registry just now."""
        self.images_read_at = self.images_read_at or self.context.now()

    def has_just_read_images(self) -> bool:
        """Tell whether this workflow has read all images of the run moments ago."""
        read_at = self.images_read_at
        return read_at is not None and timedelta(0) <= self.context.now() - read_at < JUST_NOW

    def begin_step(self, tx: Transaction, name: str) -> Step | None:
        """Write that a step begins, or begins again, and give it as it was before."""
        if self.known is None:
            self.known = {one.name: one for one in steps.of_run(tx, self.run.id)}
            self.new = not self.known
        before = self.known.get(name)
        self.known[name] = steps.begin_known(
            tx, self.run.id, name, self.run.stage, before, position=len(self.known), at=self.context.now()
        )
        return before

    def end_step(self, name: str, state: str, message: str) -> None:
        """Note how a step ended, or that it waits."""
        self.ended.append(EndedStep(name, state, message, self.context.now()))
        if self.known is not None and not (self.known[name].state == "succeeded" and state == "succeeded"):
            self.known[name] = replace(self.known[name], state=state)


def _target_of(context: Context, run: Run) -> Target:
    target = context.configurations.at(run.configuration_commit).target(run.application, run.environment)
    if target is None:
        raise PermanentError(
            f"{run.application} is not in {run.environment} any more",
            code="target-gone",
            hint=f"the configuration at {run.configuration_commit[:12]} does not have it",
        )
    return target


def claim_of(context: Context, run: Run) -> Claim:
    """Give the run with its target; PermanentError `target-gone` if its configuration has none."""
    return Claim(context, run, _target_of(context, run))


def read_claim(context: Context, run_id: RunId) -> Claim | None:
    """Read a run for a watch that looks on its behalf; None if there is none. Raises as `claim_of` does."""
    with context.store.read() as tx:
        run = runs.get(tx, run_id)
    return None if run is None else claim_of(context, run)


def images_of(run: Run) -> dict[str, ImageReference]:
    """Give the references of the run's images, or of its model, by name, with the digests that were read back."""
    return {name: reference_from(one) for name, one in run.images.items()}


def candidate_of(run: Run) -> Candidate:
    """Give what of a run is compared with what is locked, held and blocked."""
    models = models_in(run.images)
    return Candidate(run.application, run.environment, run.commit, frozenset(digests_in(run.images)), models)


def digests_of(run: Run) -> dict[str, Digest | None]:
    """Give the digest of each of a run's images by name: what makes a release the same one."""
    return {name: reference.digest for name, reference in images_of(run).items()}
