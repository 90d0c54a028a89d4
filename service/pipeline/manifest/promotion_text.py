"""Gathers what a promotion's texts tell as the store knows it, and writes the message of its commit.

Called where manifest commits are made. What a pull request tells beyond that is gathered beside this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import structlog

from service.core.carry import Carried
from service.core.messages import Promotion, SourcePullRequest, commit_message
from service.core.step_back import StepBack
from service.core.values import ScalarChange
from service.core.words import Actor, ChangeId
from service.pipeline.context import Context
from service.pipeline.manifest.brings import Brings
from service.pipeline.manifest.model_story import source_page
from service.pipeline.runs.claim import Claim, images_of
from service.store import changes, overrides
from service.store.changes import Change
from service.store.edits import Edit
from service.store.overrides import KeptOverride
from service.store.runs import Run

log = structlog.get_logger()

MOST_CHANGES = 1_000
MOST_STAYS = 200
FAULT_LENGTH = 500
LONGEST_VALUE = 1_000
"""How many changed scalars of an edit, and how many characters of each, are kept for pages and pull requests."""

Changes = Sequence[tuple[str, ScalarChange]]
"""Changed scalars, each with its file."""


def message_of(
    claim: Claim, changed: Changes, change: Change | None = None, opened: Sequence[KeptOverride] | None = None
) -> str:
    """Give the message of the run's manifest commit; the same run and changes give the same words.

    `change` is the run's own, and `opened` are the gates that are open for it, where they were read already.
    """
    known = {} if change is None else {change.id: change}
    promotion = promotion_of(claim.context, claim.run, changed, Brings(None, (claim.run.change_id,)), known, opened)
    return commit_message(promotion, co_author=claim.target.writing.co_author)


def stored_changes(changed: Changes) -> list[dict[str, Any]]:
    """Write changed scalars for the store; only the first ones are kept, and long values are cut."""
    return [
        {"file": file, "path": one.path, "line": one.line, "before": _kept(one.before), "after": _kept(one.after)}
        for file, one in changed[:MOST_CHANGES]
    ]


def _kept(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def changes_of(edit: Edit) -> Changes:
    """Read the changed scalars that are stored with an edit."""
    return [
        (one["file"], ScalarChange(one["path"], one["line"], one["before"], one["after"])) for one in edit.changes or []
    ]


def promotion_of(
    context: Context,
    run: Run,
    changed: Changes,
    brings: Brings,
    known: Mapping[ChangeId, Change] | None = None,
    opened: Sequence[KeptOverride] | None = None,
) -> Promotion:
    """Give what the store knows of a run's promotion. `known` and `opened` are what was read of it already."""
    wanted = {run.change_id, *brings.changes}
    if opened is None:
        with context.store.read() as tx:
            opened = overrides.of_run(tx, run)
    if not known or not wanted <= known.keys():
        with context.store.read() as tx:
            known = changes.of_ids(tx, wanted)
    change = known.get(run.change_id)
    brought = (known[one] for one in brings.changes if one in known)
    return Promotion(
        run=run.id,
        application=run.application,
        environment=run.environment,
        source_repository=run.repository,
        source_url=source_page(context, run),
        source_commit=run.commit,
        images=tuple(images_of(run).values()),
        changes=tuple(changed),
        previous=brings.previous,
        warning=brings.warning,
        subject=change.subject if change else "",
        author=Actor(change.author, change.author_email) if change and change.author_email else None,
        pull_requests=tuple(_pull_requests(brought)),
        run_url=context.run_url(run.id),
        back=StepBack.read(run.rollback),
        carried=Carried.read(run.carried),
        asked_by=run.asked_by,
        overrides=tuple(f"{one.gate} by {one.who}: {one.why}" for one in opened),
        made_for=tuple(str(one.get("made_for") or "") for one in run.images.values()),
    )


def _pull_requests(brought: Iterable[Change]) -> list[SourcePullRequest]:
    known: dict[int, SourcePullRequest] = {}
    for change in brought:
        for one in change.pull_requests:
            labels = tuple(map(str, one.get("labels") or ()))
            known[one["number"]] = SourcePullRequest(one["number"], one["title"], one["author"], one["url"], labels)
    return [one for _, one in sorted(known.items())]
