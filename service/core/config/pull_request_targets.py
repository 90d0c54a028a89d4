"""Reads how promotions' pull requests are presented and merged, and reports what is wrong with it.

Called by `resolve` for each target.
"""

from __future__ import annotations

from collections.abc import Callable

from service.core.config.layers import Layers
from service.core.config.targets import PullRequestPolicy
from service.core.config.texts import NAME_WORDS, TextError, is_name, label, reviewer
from service.core.words import GATE_LABELS, AutoMerge, MergeMethod, Publish

AT = "pull_request"
APPLICATION_ALONE = "application"
"""The `group` by which each application has its own pull request."""
MOST_ASSIGNEES = 10
"""GitHub's limit: https://docs.github.com/en/rest/issues/assignees#add-assignees-to-an-issue"""


def read_policy(layers: Layers) -> PullRequestPolicy | None:
    """Give the policy; None if there are faults, which are reported."""
    keys = layers.keys.pull_request
    reviewers = _read(layers, reviewer, "reviewers", keys.reviewers)
    assignees = _read(layers, _assignee, "assignees", keys.assignees)
    labels = _read(layers, _label, "labels", keys.labels)
    milestone = layers.checked(_milestone, keys.milestone, AT, "milestone")
    if len(keys.assignees) > MOST_ASSIGNEES:
        words = f"{len(keys.assignees)} assignees, and GitHub takes {MOST_ASSIGNEES}"
        layers.report.add(layers.place(AT, "assignees"), words)
        return None
    if reviewers is None or assignees is None or labels is None or milestone is None:
        return None
    return PullRequestPolicy(
        reviewers,
        labels,
        assignees,
        milestone,
        gate_labels=keys.gate_labels,
        draft=keys.draft,
        auto_merge=AutoMerge(keys.auto_merge) if keys.auto_merge else None,
        merge_method=MergeMethod(keys.merge_method),
    )


def read_group(layers: Layers) -> str:
    """Give the name of what shares a pull request; empty if each application has its own."""
    name = layers.keys.group
    if not layers.has("group") or name == APPLICATION_ALONE:
        return ""
    if not is_name(name):
        layers.report.add(layers.place("group"), f'"{name}" cannot be a name', NAME_WORDS)
    elif layers.keys.publish != Publish.PULL_REQUEST.value:
        hint = "say `publish: pull-request`, or leave group out"
        layers.report.add(layers.place("group"), "group says what shares a pull request, and there is none here", hint)
    return name


def _read(layers: Layers, check: Callable[[str], str], key: str, texts: list[str]) -> tuple[str, ...] | None:
    read = [layers.checked(check, text, AT, key, index) for index, text in enumerate(texts)]
    known = tuple(text for text in read if text is not None)
    return known if len(known) == len(read) else None


def _assignee(text: str) -> str:
    if text.startswith("team:"):
        raise TextError(f'"{text}" is a team, and GitHub assigns people', "name its members, or make it a reviewer")
    try:
        return reviewer(text)
    except TextError as error:
        raise TextError(f'"{text}" is not a login') from error


def _label(text: str) -> str:
    if text.lower() in GATE_LABELS:
        raise TextError(f'"{text}" follows the state of the gates', "remove it, and set gate_labels: true")
    return label(text)


def _milestone(text: str) -> str:
    if text and not text.strip():
        raise TextError("a milestone's title cannot be blank")
    return text
