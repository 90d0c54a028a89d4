"""An application of applications is judged with its children."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.core.deployment import (
    Expected,
    Observation,
    Standing,
    Verdict,
    VerdictKind,
    judge_with_children,
)
from tests.core.deployment.observed import (
    ELSEWHERE,
    IMAGE,
    LATER,
    LIVE,
    MANIFESTS,
    OLDER,
    OTHER,
    OURS,
)

PARENT = replace(LIVE, synced_revisions=(OLDER,), children=("argocd/web", "argocd/other"))
CHILD = replace(LIVE, application="web", images=(str(IMAGE),))
BYSTANDER = replace(LIVE, application="other", images=("registry.example.com/other:1",), health="Degraded")


def judged_family(*children: Observation | None) -> Verdict:
    named = dict(zip(("argocd/web", "argocd/other"), children, strict=True))
    expected = Expected(OURS, (IMAGE,), repository=MANIFESTS)
    return judge_with_children(PARENT, named, expected, {OLDER: Standing.BEFORE})


@pytest.mark.parametrize(
    ("child", "kind"),
    [
        pytest.param(CHILD, VerdictKind.SUCCEEDED, id="live"),
        pytest.param(replace(CHILD, health="Progressing"), VerdictKind.WAITING, id="crashing"),
        pytest.param(replace(CHILD, health="Degraded"), VerdictKind.DOUBTFUL, id="degraded"),
        pytest.param(replace(CHILD, images=(OTHER,), health="Healthy"), VerdictKind.DOUBTFUL, id="another-image"),
        pytest.param(replace(CHILD, sync="OutOfSync"), VerdictKind.WAITING, id="out-of-sync"),
        pytest.param(replace(CHILD, revisions=(OLDER,), synced_revisions=(OLDER,)), VerdictKind.WAITING, id="behind"),
    ],
)
def test_application_of_applications_is_judged_with_the_child_that_carries_ours(
    child: Observation, kind: VerdictKind
) -> None:
    assert judged_family(child, BYSTANDER).kind is kind


@pytest.mark.parametrize(
    ("child", "kind"),
    [(CHILD, VerdictKind.SUCCEEDED), (replace(CHILD, health="Degraded"), VerdictKind.DOUBTFUL)],
)
def test_parent_of_another_repository_is_judged_by_its_children(child: Observation, kind: VerdictKind) -> None:
    parent = replace(PARENT, revisions=(LATER,), synced_revisions=(LATER,), sources=(ELSEWHERE,))
    expected = Expected(OURS, (IMAGE,), repository=MANIFESTS)
    found = judge_with_children(parent, {"argocd/web": child}, expected, {LATER: Standing.FOREIGN})
    assert found.kind is kind


@pytest.mark.parametrize(
    "child",
    [
        None,
        replace(CHILD, images=(), revisions=(OLDER,), synced_revisions=(OLDER,)),
        replace(CHILD, images=(), health="Missing"),
        replace(CHILD, images=(), phase="Running", synced_revisions=()),
    ],
)
def test_children_of_which_none_shows_our_images_must_all_be_well(child: Observation | None) -> None:
    assert judged_family(child, replace(BYSTANDER, health="Healthy")).kind is VerdictKind.WAITING
