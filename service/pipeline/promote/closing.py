"""Closes promotions' pull requests in words: of a run that is cancelled, overtaken, or must not be merged as it is.

Called where such a run ends. A pull request that another run has taken over is left alone.
"""

from __future__ import annotations

import structlog

from service.core.words import Repository, RunId
from service.errors import MergeportError
from service.pipeline.context import Context

log = structlog.get_logger()


def close_in_words(context: Context, repository: Repository, number: int, words: str, *, run_id: RunId) -> None:
    """Close a pull request, then comment why. A failed comment is only logged: a second try might say it twice."""
    forge = context.outside.manifest_forge
    forge.close_pull_request(repository, number)
    try:
        forge.comment(repository, number, f"{words}\n\n{context.run_url(run_id)}")
    except MergeportError as error:
        log.warning("a pull request was closed without a comment", number=number, error=str(error))
