"""A pull request that several share is presented and merged as all of them want."""

from __future__ import annotations

from service.core.config import PullRequestPolicy
from service.core.config.shared_policy import policy_of_all
from service.core.words import AutoMerge, MergeMethod


def test_of_one_it_is_its_own_and_of_several_nobody_merges_by_itself_what_one_wants_merged_by_a_person() -> None:
    own = PullRequestPolicy(
        ("ann",), ("money",), ("ben",), "9.1", auto_merge=AutoMerge.GITHUB, merge_method=MergeMethod.REBASE
    )
    assert policy_of_all([own]) == own
    assert policy_of_all([own, own]) == own
    other = PullRequestPolicy(("ann", "zed"), ("shelf",), milestone="9.2", gate_labels=True, draft=True)
    assert policy_of_all([own, other]) == PullRequestPolicy(
        ("ann", "zed"), ("money", "shelf"), ("ben",), "9.1", gate_labels=True, draft=True
    )
    by_us = own._replace(auto_merge=AutoMerge.MERGEPORT)
    assert policy_of_all([own, by_us]).auto_merge is None
