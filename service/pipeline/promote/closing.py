"""Closes promotions' pull requests in words: of a run that is cancelled, overtaken, or must not be merged as it is.

Called where such a run ends. A pull request that another run has taken over is left alone.
"""

from __future__ import annotations

from service.core.words import Repository, RunId
from service.pipeline.context import Context
from service.store import proposals


def close_in_words(context: Context, repository: Repository, number: int, words: str, *, run_id: RunId) -> None:
    """Close a pull request, then say why in our comment there."""
    context.outside.manifest_forge.close_pull_request(repository, number)
    say(context, repository, number, words, run_id=run_id)


def say(context: Context, repository: Repository, number: int, words: str, *, run_id: RunId) -> None:
    """Have our comment say how the pull request ended for its run; a loop of the worker writes it."""
    with context.store.begin() as tx:
        proposals.keep(tx, repository, number, run_id, ending=words)
        proposals.tell(tx, repository, number, context.now())
