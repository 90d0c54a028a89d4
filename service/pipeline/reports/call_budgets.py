"""Records what GitHub still takes from this process, so that the metrics can tell it. A loop of the worker calls it."""

from __future__ import annotations

from service.pipeline.context import Context
from service.ports import CallBudget
from service.store import call_budgets
from service.store.call_budgets import KeptBudget


class BudgetRecord:
    """Remembers what it wrote, so that it writes only what has changed. It decides nothing."""

    def __init__(self, context: Context) -> None:
        """Begin with nothing written."""
        self._context = context
        self._written: dict[tuple[str, str], CallBudget] = {}

    def keep(self) -> None:
        """Write what has changed since the last time."""
        told = {(one.login, one.installation): one for one in self._context.outside.budgets.standings()}
        new = [one for key, one in told.items() if self._written.get(key) != one]
        if not new:
            return
        now = self._context.now()
        with self._context.store.begin() as tx:
            for one in new:
                call_budgets.keep(
                    tx,
                    KeptBudget(
                        one.login, one.installation, one.limit, one.remaining, one.reset_at, one.held_until, now
                    ),
                )
        self._written = told
