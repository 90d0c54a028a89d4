"""A release branch brings all that was merged into it: the promotion lists the inner pull requests, by any method."""

from __future__ import annotations

import pytest

from devstack.github.state import MergeMethod, Pull
from service.core.words import RunState
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_promotion_brings import opened, promote, propose

METHODS: tuple[MergeMethod, ...] = ("merge", "squash", "rebase")
RELEASE = "release/1"


def release(pipeline: Pipeline, outer: MergeMethod, *inner: MergeMethod) -> tuple[list[Pull], Pull]:
    """Merge pull requests into a release branch, and that into main; give them, and the outer one."""
    github = pipeline.stack.github
    github.push(SOURCE, RELEASE, {"VERSION": "1\n"}, "Begin release 1")
    merged = [
        github.merge(
            SOURCE, RELEASE, {f"migrations/{number}.sql": "x\n"}, title=f"Inner {number}", author="ada", method=method,
            commits=2,
        )
        for number, method in enumerate(inner)
    ]  # fmt: skip
    pull = github.open_pull(SOURCE, RELEASE, "main", "Release 1", author="carol")
    github.merge_pull(SOURCE, pull.number, method=outer, by="carol")
    pipeline.settle()
    return merged, pull


@pytest.mark.parametrize("outer", METHODS)
def test_every_pull_request_that_a_release_branch_carried_is_listed(pipeline: Pipeline, outer: MergeMethod) -> None:
    promote(pipeline, "one")
    inner, pull = release(pipeline, outer, *METHODS)
    body = opened(pipeline).body or ""
    for one in (*inner, pull):
        assert f"{SOURCE}#\u200b{one.number}](" in body
        assert f"{one.title} by {one.user.login}" in body
    for one in inner:
        assert f"{one.title} by ada — **database migrations**\n" in body
    assert "Say one" not in body
    assert "not looked through" not in body


def test_pull_request_is_told_with_its_labels_and_what_it_touches(pipeline: Pipeline) -> None:
    files = {"Dockerfile": "FROM scratch\n"}
    pipeline.stack.github.merge(SOURCE, "main", files, title="Build anew", author="ada", labels=["breaking", "now"])
    pipeline.settle()
    assert "Build anew by ada `breaking` `now` — **Dockerfile**\n" in (opened(pipeline).body or "")


def test_number_of_an_issue_or_of_a_fork_is_no_pull_request_of_it(pipeline: Pipeline) -> None:
    promote(pipeline, "one")
    elsewhere = pipeline.stack.github.merge(SOURCE, "develop", {"dev.txt": "x\n"}, title="Only in develop")
    pipeline.stack.github.push(SOURCE, "main", {"a.txt": "1\n"}, "Mend it (#9999)")
    pipeline.stack.github.push(
        SOURCE, "main", {"a.txt": "2\n"}, f"Merge pull request #{elsewhere.number} from upstream/fix"
    )
    pipeline.settle()
    body = opened(pipeline).body or ""
    assert "Only in develop" not in body
    assert "9999](" not in body


def test_promotion_goes_on_where_the_pull_requests_may_not_be_read(pipeline: Pipeline) -> None:
    promote(pipeline, "one")
    refused = b'{"message": "Resource not accessible by integration"}'
    pipeline.stack.github.faults.answer("403 Forbidden", method="GET", path=f"/repos/{SOURCE}/pulls", body=refused)
    propose(pipeline, "two")
    assert pipeline.run("prod").state is RunState.WAITING
    assert "could not be looked up" in (opened(pipeline).body or "")


def test_pull_request_that_touches_nothing_of_the_application_is_not_listed(pipeline: Pipeline) -> None:
    """Several applications share one source repository, so the comparison has the others' pull requests too."""
    text = CONFIGURATION.replace(f"source: {SOURCE}", f"source: {SOURCE}\n    paths: [app.py, Dockerfile]")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Say the paths")
    pipeline.settle(looks=0)
    promote(pipeline, "two")
    other = pipeline.stack.github.merge(SOURCE, "main", {"cart/cart.py": "x\n"}, title="Only of the cart")
    third = propose(pipeline, "three")
    pull = opened(pipeline)
    assert third[:7] in pull.title
    assert pull.title.endswith(f"Say three (#\u200b{other.number + 1})")
    assert "Only of the cart" not in (pull.body or "")
