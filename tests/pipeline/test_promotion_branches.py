"""What people do to a promotion branch and to its base while the pull request is open."""

from __future__ import annotations

import pytest

from devstack.github.state import MergeMethod
from service.core.words import RunState
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

BRANCH = "mergeport/promotion/prod/checkout"
FILE = "apps/checkout/values-prod.yaml"


def propose(pipeline: Pipeline, text: str = "two") -> str:
    """Merge into main and let the run wait on its pull request; give the source commit."""
    pull = pipeline.stack.github.merge(SOURCE, "main", {"app.py": f"print('{text}')\n"}, title=f"Say {text}")
    pipeline.settle()
    return pull.merge_commit_sha or ""


def touch_base(pipeline: Pipeline, files: dict[str, str] | None = None) -> str:
    return pipeline.stack.github.push(MANIFESTS, "main", files or {"README.md": "read me\n"}, "Write")


def edit_file(pipeline: Pipeline, old: str = "keep two", new: str = "keep three") -> str:
    """Change another key of the values file on the base, as a person does."""
    text = pipeline.stack.git.open(MANIFESTS).text("main", FILE)
    return touch_base(pipeline, {FILE: text.replace(old, new)})


def number(pipeline: Pipeline) -> int:
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    return pull.number


# --- people's commits on the branch ---------------------------------------------------------------


@pytest.mark.parametrize("rebases", [False, True])
def test_updated_branch_is_waited_for_and_merged(pipeline: Pipeline, rebases: bool) -> None:
    propose(pipeline)
    touch_base(pipeline)
    pipeline.stack.github.update_branch(MANIFESTS, number(pipeline), rebases=rebases)
    pipeline.settle(looks=3)
    assert pipeline.run("prod").state is RunState.WAITING
    pipeline.stack.github.merge_pull(MANIFESTS, number(pipeline), by="release-manager")
    pipeline.settle_live("checkout-prod")
    assert pipeline.run("prod").state is RunState.SUCCEEDED


@pytest.mark.parametrize("rebases", [False, True])
def test_newer_image_makes_an_updated_branch_anew_on_the_base(pipeline: Pipeline, rebases: bool) -> None:
    propose(pipeline)
    touch_base(pipeline)
    pipeline.stack.github.update_branch(MANIFESTS, number(pipeline), rebases=rebases)
    pipeline.settle()
    newer = propose(pipeline, "three")
    bare = pipeline.stack.git.open(MANIFESTS)
    assert newer[:12] in bare.text(BRANCH, FILE)
    assert bare.git("rev-parse", f"{BRANCH}^") == bare.git("rev-parse", "main")
    assert pipeline.run("prod", commit=newer).state is RunState.WAITING


def test_persons_commit_that_leaves_our_values_alone_is_merged_with_them(pipeline: Pipeline) -> None:
    propose(pipeline)
    pipeline.stack.github.push(MANIFESTS, BRANCH, {"notes.md": "mine\n"}, "Work here")
    touch_base(pipeline)
    pipeline.stack.github.update_branch(MANIFESTS, number(pipeline))
    pipeline.settle(looks=3)
    assert pipeline.run("prod").state is RunState.WAITING
    pipeline.stack.github.merge_pull(MANIFESTS, number(pipeline), by="release-manager")
    pipeline.settle_live("checkout-prod")
    assert pipeline.run("prod").state is RunState.SUCCEEDED
    assert pipeline.stack.git.open(MANIFESTS).text("main", "notes.md") == "mine\n"


def test_newer_image_goes_on_top_of_a_persons_commit(pipeline: Pipeline) -> None:
    propose(pipeline)
    theirs = pipeline.stack.github.push(MANIFESTS, BRANCH, {"notes.md": "mine\n"}, "Work here")
    pipeline.settle()
    newer = propose(pipeline, "three")
    bare = pipeline.stack.git.open(MANIFESTS)
    assert bare.git("rev-parse", f"{BRANCH}^").strip() == theirs
    assert newer[:12] in bare.text(BRANCH, FILE)
    assert pipeline.run("prod", commit=newer).state is RunState.WAITING
    assert len(pipeline.stack.github.pulls(MANIFESTS, "all")) == 1


def test_third_image_keeps_the_persons_commit_as_well(pipeline: Pipeline) -> None:
    propose(pipeline)
    theirs = pipeline.stack.github.push(MANIFESTS, BRANCH, {"notes.md": "mine\n"}, "Work here")
    propose(pipeline, "three")
    propose(pipeline, "four")
    bare = pipeline.stack.git.open(MANIFESTS)
    assert bare.is_ancestor(theirs, bare.tip(BRANCH))
    assert pipeline.run("prod").state is RunState.WAITING


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_branch_that_a_person_edited_is_nobodys_work_once_it_is_merged(pipeline: Pipeline, method: MergeMethod) -> None:
    propose(pipeline)
    text = pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE)
    ours = pipeline.run("prod").images[""]["digest"]
    pipeline.stack.github.push(MANIFESTS, BRANCH, {FILE: text.replace(ours, "sha256:" + "7" * 64)}, "Another image")
    pipeline.settle(looks=2)
    pipeline.stack.github.merge_pull(MANIFESTS, number(pipeline), method=method, by="release-manager")
    newer = propose(pipeline, "three")
    run = pipeline.run("prod", commit=newer)
    assert (run.state, run.pull_request) == (RunState.WAITING, number(pipeline))


def test_edited_branch_goes_on_once_the_person_takes_the_edit_back(pipeline: Pipeline) -> None:
    propose(pipeline)
    ours = pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE)
    pipeline.stack.github.push(MANIFESTS, BRANCH, {FILE: ours.replace("sha256:", "sha256:0")[:-2]}, "Break it")
    pipeline.settle(looks=2)
    assert pipeline.run("prod").code == "branch-edited"
    pipeline.stack.github.push(MANIFESTS, BRANCH, {FILE: ours}, "Take it back")
    propose(pipeline, "three")
    assert pipeline.run("prod").state is RunState.WAITING


def test_draft_is_waited_for_as_well(pipeline: Pipeline) -> None:
    propose(pipeline)
    pipeline.stack.github.repository(MANIFESTS).pulls[number(pipeline)].draft = True
    pipeline.settle(looks=3)
    assert pipeline.run("prod").state is RunState.WAITING


# --- a base that moves ----------------------------------------------------------------------------


def test_pull_request_whose_file_changed_on_the_base_is_made_anew_there(pipeline: Pipeline) -> None:
    propose(pipeline)
    edit_file(pipeline, 'tag: "0"  # written by Mergeport', 'tag: "0"  # written by a service')
    pipeline.settle(looks=2)
    bare = pipeline.stack.git.open(MANIFESTS)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "all")
    assert (pull.mergeable, pipeline.run("prod").state) == (True, RunState.WAITING)
    assert bare.git("rev-parse", f"{BRANCH}^") == bare.git("rev-parse", "main")


def test_pull_request_is_not_made_anew_for_an_environment_that_is_switched_off_by_now(pipeline: Pipeline) -> None:
    propose(pipeline)
    at, tip = number(pipeline), pipeline.stack.git.open(MANIFESTS).tip(BRANCH)
    off = CONFIGURATION.replace(
        "applications:\n  checkout:\n", "applications:\n  checkout:\n    environments: {prod: false}\n"
    )
    assert off != CONFIGURATION
    touch_base(pipeline, {"mergeport.yaml": off})
    edit_file(pipeline, 'tag: "0"  # written by Mergeport', 'tag: "0"  # written by a service')
    pipeline.settle(looks=2)
    assert "is not in prod any more" in pipeline.ended(pipeline.run("prod"), RunState.CANCELLED).message
    assert pipeline.stack.github.pulls(MANIFESTS, "open") == []
    assert pipeline.stack.git.open(MANIFESTS).tip(BRANCH) == tip
    assert "is not in prod any more" in pipeline.stack.github.comments(MANIFESTS, at)[-1].body


def test_base_that_moves_elsewhere_moves_no_pull_request(pipeline: Pipeline) -> None:
    """A push to the pull request would dismiss reviews."""
    propose(pipeline)
    tip = pipeline.stack.git.open(MANIFESTS).tip(BRANCH)
    touch_base(pipeline)
    pipeline.settle(looks=3)
    assert pipeline.stack.git.open(MANIFESTS).tip(BRANCH) == tip


def test_of_two_applications_in_one_file_the_second_is_made_anew_when_the_first_is_merged(pipeline: Pipeline) -> None:
    shop = (
        f'  shop: {{source: {SOURCE}, argocd: false, values: [{{file: {FILE}, set: {{shop.tag: "{{tag}}"}}}}],'
        " environments: {dev: false, stage: false}}\n"
    )
    text = pipeline.stack.git.open(MANIFESTS).text("main", FILE)
    beside = text.replace("image:\n", 'shop:\n  tag: "0"\nimage:\n', 1)
    touch_base(pipeline, {"mergeport.yaml": CONFIGURATION + shop, FILE: beside})
    propose(pipeline)
    first, second = pipeline.run("prod", "shop"), pipeline.run("prod")
    pipeline.stack.github.merge_pull(MANIFESTS, first.pull_request or 0, by="release-manager")
    pipeline.settle(looks=2)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    assert (pull.number, pull.mergeable) == (second.pull_request, True)
    assert pipeline.run("prod", "shop").state is RunState.SUCCEEDED


def test_base_that_says_it_already_closes_the_pull_request_and_is_what_is_deployed(pipeline: Pipeline) -> None:
    propose(pipeline)
    at, text = number(pipeline), pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE)
    theirs = touch_base(pipeline, {FILE: text})
    pipeline.settle_live("checkout-prod")
    run = pipeline.run("prod")
    assert (run.state, run.manifest_commit) == (RunState.SUCCEEDED, theirs)
    assert pipeline.stack.github.pulls(MANIFESTS, "open") == []
    assert "has these values already" in pipeline.stack.github.comments(MANIFESTS, at)[-1].body


def test_file_changed_under_a_branch_with_peoples_commits_is_told_and_left_to_them(pipeline: Pipeline) -> None:
    propose(pipeline)
    theirs = pipeline.stack.github.push(MANIFESTS, BRANCH, {"notes.md": "mine\n"}, "Work here")
    edit_file(pipeline)
    pipeline.settle(looks=3)
    assert "a person has to update the branch" in pipeline.wait(pipeline.run("prod"))[1]
    assert pipeline.stack.git.open(MANIFESTS).tip(BRANCH) == theirs
    pipeline.stack.github.update_branch(MANIFESTS, number(pipeline))
    pipeline.settle(looks=2)
    assert pipeline.wait(pipeline.run("prod"))[1] == f"waiting for pull request #{number(pipeline)} to be merged"


# --- a base that loses commits --------------------------------------------------------------------


def removed(pipeline: Pipeline) -> tuple[str, str]:
    """Put a commit on the base and propose on top of it; give it and the commit before it."""
    before = pipeline.stack.git.open(MANIFESTS).tip("main")
    lost = touch_base(pipeline, {"secret.txt": "oops\n"})
    propose(pipeline)
    return before, lost


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_what_was_removed_from_the_base_does_not_come_back(pipeline: Pipeline, method: MergeMethod) -> None:
    before, lost = removed(pipeline)
    pipeline.stack.github.force_push(MANIFESTS, "main", before)
    pipeline.settle(looks=0)
    bare = pipeline.stack.git.open(MANIFESTS)
    assert not bare.is_ancestor(lost, bare.tip(BRANCH))
    pipeline.stack.github.merge_pull(MANIFESTS, number(pipeline), method=method, by="release-manager")
    pipeline.settle_live("checkout-prod")
    assert pipeline.run("prod").state is RunState.SUCCEEDED
    assert not bare.is_ancestor(lost, bare.tip("main"))


def test_removal_that_nobody_told_is_seen_at_the_next_look(pipeline: Pipeline) -> None:
    before, lost = removed(pipeline)
    bare = pipeline.stack.git.open(MANIFESTS)
    bare.update_ref("refs/heads/main", before)
    pipeline.settle()
    assert not bare.is_ancestor(lost, bare.tip(BRANCH))
    assert pipeline.run("prod").state is RunState.WAITING


def test_removed_commit_that_an_updated_branch_holds_does_not_come_back(pipeline: Pipeline) -> None:
    propose(pipeline)
    before = pipeline.stack.git.open(MANIFESTS).tip("main")
    lost = touch_base(pipeline, {"secret.txt": "oops\n"})
    pipeline.stack.github.update_branch(MANIFESTS, number(pipeline))
    pipeline.stack.github.force_push(MANIFESTS, "main", before)
    pipeline.settle()
    bare = pipeline.stack.git.open(MANIFESTS)
    assert not bare.is_ancestor(lost, bare.tip(BRANCH))
    assert pipeline.run("prod").state is RunState.WAITING


def test_our_own_removed_commit_does_not_come_back_by_another_environments_pull_request(pipeline: Pipeline) -> None:
    before = pipeline.stack.git.open(MANIFESTS).tip("main")
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('one')\n"})
    pipeline.settle_live("checkout-dev")
    ours = pipeline.stack.git.open(MANIFESTS).tip("main")
    propose(pipeline)
    pipeline.stack.github.force_push(MANIFESTS, "main", before)
    pipeline.settle()
    bare = pipeline.stack.git.open(MANIFESTS)
    assert ours != before
    assert not bare.is_ancestor(ours, bare.tip(BRANCH))


def test_removed_commit_below_peoples_commits_closes_the_pull_request_in_words(pipeline: Pipeline) -> None:
    before, lost = removed(pipeline)
    theirs = pipeline.stack.github.push(MANIFESTS, BRANCH, {"notes.md": "mine\n"}, "Work here")
    pipeline.settle()
    at = number(pipeline)
    pipeline.stack.github.force_push(MANIFESTS, "main", before)
    pipeline.settle()
    run = pipeline.ended(pipeline.run("prod"), RunState.FAILED)
    assert (run.code, pipeline.stack.git.open(MANIFESTS).tip(BRANCH)) == ("branch-holds-removed", theirs)
    assert pipeline.stack.github.pulls(MANIFESTS, "open") == []
    assert lost[:12] in pipeline.stack.github.comments(MANIFESTS, at)[-1].body


def test_removed_commit_in_the_pull_request_of_a_run_that_gave_up_closes_it(pipeline: Pipeline) -> None:
    before, lost = removed(pipeline)
    pipeline.clock.move(days=31)
    pipeline.settle()
    at = number(pipeline)
    assert pipeline.run("prod").code == "pull-request-timeout"
    pipeline.stack.github.force_push(MANIFESTS, "main", before)
    pipeline.settle()
    assert pipeline.stack.github.pulls(MANIFESTS, "open") == []
    assert lost[:12] in pipeline.stack.github.comments(MANIFESTS, at)[-1].body
