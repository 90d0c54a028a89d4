"""Reads what GitHub knows of a run's source commit: its checks, and the labels of the pull request that brought it.

Called by `gate_facts`. Read anew at each judgement; what cannot be read is raised.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.core.config import Target
from service.core.gates.seen_checks import Check
from service.core.gates.unknown import NOT_READ, Unknown
from service.core.models import is_model
from service.pipeline.manifest.place import Place
from service.pipeline.promote.evidence.asked_once import Answers
from service.pipeline.runs.claim import Claim
from service.ports import PullRequest


def checks(claim: Claim, place: Place, answers: Answers) -> tuple[Check, ...]:  # noqa: ARG001 - all readers are called alike
    """Give the statuses and check runs of the source commit; a model's version has none."""
    if is_model(claim.run.repository):
        return ()
    forge, run = claim.context.outside.forge, claim.run
    return tuple(
        answers.once(("checks", run.repository, run.commit), lambda: forge.checks_of(run.repository, run.commit))
    )


def labels(claim: Claim, place: Place, answers: Answers) -> frozenset[str] | Unknown:  # noqa: ARG001 - the same
    """Give the labels, as they are now, of the pull request that brought the source commit; none if none did.

    They are not read where no gate would answer otherwise because of one.
    """
    if not reads_labels(claim.target):
        return NOT_READ
    return frozenset(label for one in pull_requests(claim, answers) for label in one.labels)


def reads_labels(target: Target) -> bool:
    """Tell whether a gate of the target would answer otherwise because of a label."""
    return any(asks() for _, options in target.gates if (asks := getattr(options, "reads_labels", None)))


def pull_requests(claim: Claim, answers: Answers) -> Sequence[PullRequest]:
    """Give the merged pull requests that brought the source commit to its branch.

    GitHub lists those as well that are open, or that brought it elsewhere: a label of theirs says nothing here.
    """
    forge, run = claim.context.outside.forge, claim.run
    if is_model(run.repository):
        return ()
    found = answers.once(
        ("pull requests", run.repository, run.commit), lambda: forge.pull_requests_of(run.repository, run.commit)
    )
    merged = [one for one in found if one.merged]
    exact = [one for one in merged if one.merge_commit == run.commit]
    return exact or [one for one in merged if one.base == run.branch]
