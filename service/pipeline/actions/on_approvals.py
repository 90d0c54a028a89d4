"""The action approve: a person's word for a release where no pull request is to be reviewed.

Called through the package. It counts only where the gate's configuration says so, because nobody verifies the name.
"""

from __future__ import annotations

import re
from datetime import datetime

from service.core.words import RunId, Sha
from service.errors import PermanentError
from service.pipeline.actions.on_state import Asked
from service.pipeline.context import Context
from service.pipeline.promote.evidence.approvals_given import digests_of
from service.pipeline.runs.claim import Claim, read_claim
from service.store import approvals, audit, judgements, runs
from service.store.approvals import Approval

_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")


def approve(
    context: Context, asked: Asked, run_id: RunId, login: str, *, verified: bool = False, head: Sha | None = None,
    said_at: datetime | None = None,
) -> Approval:  # fmt: skip
    """Keep an approval of what a run brings now, and have its gates asked again at once.

    `verified`: the forge says who gives it. Then it counts without `commands`, and on a pull request for its `head`.
    `said_at` is the forge's time of it, by which it stands before or after the same person's reviews.
    """
    claim = read_claim(context, run_id)
    assert claim is not None  # noqa: S101 - the caller has looked it up
    if not _LOGIN.fullmatch(login):
        raise PermanentError(f'"{login}" is not a login', code="approval-refused", hint="--as LOGIN, as on GitHub")
    if not asked.why.strip():
        raise PermanentError("an approval needs a reason", code="reason-missing", hint='add --reason "..."')
    _require_asked(claim, verified=verified, head=head)
    run = claim.run
    given = Approval(
        run.id, login, run.application, run.environment, run.repository, run.commit, digests_of(claim), asked.why,
        said_at or context.now(), head, verified, asked.id,
    )  # fmt: skip
    with context.store.begin() as tx:
        held = runs.hold(tx, run.id)
        if held is None or held.state.ended or held.manifest_commit is not None or held.images != run.images:
            raise PermanentError(
                f"Run {run.id} has gone on meanwhile", code="approval-refused", hint="look at it, and approve again"
            )
        approvals.keep(tx, given)
        audit.record(tx, at=asked.at, actor=asked.by, action="approve", subject=run.id, detail=asked.why)
        judgements.ask_again(tx, at=context.now(), run_ids=[run.id])
    return given


def _require_asked(claim: Claim, *, verified: bool, head: Sha | None) -> None:
    """Refuse where an approval by a command decides nothing, so that nobody believes it did."""
    run = claim.run
    if run.state.ended or run.manifest_commit is not None:
        raise PermanentError(
            f"Run {run.id} needs no approval any more: it is {run.state}",
            code="approval-refused",
            hint="`mergeport runs list` shows what waits",
        )
    if run.pull_request is not None and (not verified or head is None):
        raise PermanentError(
            f"Run {run.id} waits for pull request #{run.pull_request}",
            code="approval-refused",
            hint="approve it there, by a review",
        )
    if verified and not any(hasattr(options, "commands") for _, options in claim.target.gates):
        raise PermanentError(
            f"{run.environment} has no approval gate for {run.application}",
            code="approval-refused",
            hint="nothing there waits for an approval",
        )
    if not verified and not any(getattr(options, "commands", False) for _, options in claim.target.gates):
        raise PermanentError(
            f"{run.environment} has no approval gate for {run.application} that counts this command",
            code="approval-refused",
            hint="set `approval: {commands: true}` if whoever can run this command may approve as anybody",
        )
