"""How a pull request is presented and merged that several applications share: what all of them want together.

Called where it is opened, updated and tended. Of one application it is that one's own policy. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.core.config.pull_request_targets import MOST_ASSIGNEES
from service.core.config.targets import PullRequestPolicy
from service.core.words import MergeMethod


def policy_of_all(every: Sequence[PullRequestPolicy]) -> PullRequestPolicy:
    """Give the policy: who is asked and labels of all, the milestone of the first that names one.

    One that wants a draft, or labels of the gates, has them for all. Nobody merges by itself what a person is to merge
    for one of them: `auto_merge` is what all want. If they differ in how, each keeps its own commit.
    """
    merges, methods = {one.auto_merge for one in every}, {one.merge_method for one in every}
    return PullRequestPolicy(
        _once(name for one in every for name in one.reviewers),
        _once(name for one in every for name in one.labels),
        _once(name for one in every for name in one.assignees)[:MOST_ASSIGNEES],
        next((one.milestone for one in every if one.milestone), ""),
        gate_labels=any(one.gate_labels for one in every),
        draft=any(one.draft for one in every),
        auto_merge=merges.pop() if len(merges) == 1 else None,
        merge_method=methods.pop() if len(methods) == 1 else MergeMethod.MERGE,
    )


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
