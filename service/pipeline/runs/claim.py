"""A claim: a run and its target, read together once, and renewed by what is written through it.

Made by `advance` for the workflow that has the run, and by looks for the runs that wait. Every step renews it by the
row that the step reads anyway. Never decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from service.core.config import Target
from service.core.images import ImageReference
from service.core.words import RunId
from service.errors import PermanentError
from service.pipeline.context import Context
from service.store import Transaction, runs
from service.store.runs import Run


@dataclass(slots=True)
class Claim:
    """A run, its target by the configuration that the run has, and what the pipeline works with."""

    context: Context
    run: Run
    target: Target

    def update(self, tx: Transaction, **values: Any) -> None:  # noqa: ANN401 - columns' values
        """Bring columns of the run to these values, here as in the store."""
        runs.update(tx, self.run.id, at=self.context.now(), **values)
        self.run = replace(self.run, **values)


def claim_of(context: Context, run: Run) -> Claim:
    """Give the run with its target; PermanentError `target-gone` where its configuration has none."""
    target = context.configurations.at(run.configuration_commit).target(run.application, run.environment)
    if target is None:
        raise PermanentError(
            f"{run.application} is not in {run.environment} any more",
            code="target-gone",
            hint=f"the configuration at {run.configuration_commit[:12]} does not have it",
        )
    return Claim(context, run, target)


def read_claim(context: Context, run_id: RunId) -> Claim | None:
    """Read a run, for who looks on its behalf; None where there is none. Raises as `claim_of` does."""
    with context.store.read() as tx:
        run = runs.get(tx, run_id)
    return None if run is None else claim_of(context, run)


def images_of(run: Run) -> dict[str, ImageReference]:
    """Give the run's image references by name, with the digests that were read back."""
    return {
        name: ImageReference(one["registry"], one["repository"], one["tag"], one["digest"])
        for name, one in run.images.items()
    }
