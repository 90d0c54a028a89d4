"""The keys under `pull_request`: how a promotion's pull request is presented, and who merges it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from service.core.config.key_types import Keys, either
from service.core.words import AutoMerge

_WAYS = [way.value for way in AutoMerge]

AutoMergeKey = Annotated[
    str | Literal[False],
    *either(
        lambda value: value is False or (isinstance(value, str) and value in _WAYS),
        words=f"false, {' or '.join(_WAYS)}",
        schema={"enum": [False, *_WAYS]},
    ),
]


class PullRequestKeys(Keys):
    """How a promotion's pull request is presented, and who merges it."""

    reviewers: list[str] = Field(default=[], description="The reviewers who are asked: logins, or team:SLUG.")
    assignees: list[str] = Field(default=[], description="The logins of those it is assigned to; ten at most.")
    labels: list[str] = Field(default=[], description="Labels of the pull request.")
    gate_labels: bool = Field(
        default=False, description="Whether a label says if its gates are open: `mergeport: ready`, waiting or refused."
    )
    milestone: str = Field(default="", description="The title of the open milestone that it belongs to.")
    draft: bool = Field(
        default=False, description="Whether it opens as a draft, until all gates are open but those that people open."
    )
    auto_merge: AutoMergeKey = Field(
        default=False, description="Who merges it once all gates are open: a person (false), GitHub or Mergeport."
    )
    merge_method: Literal["merge", "squash", "rebase"] = Field(
        default="merge", description="How it is merged, unless a person does it."
    )
