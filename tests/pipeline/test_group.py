"""`group`: several applications share one pull request, which is made anew when somebody comes or leaves."""

from __future__ import annotations

import pytest

from devstack.stack import WEBHOOK_SECRET
from service.core.words import RunState, WaitKind
from service.pipeline import actions
from service.pipeline.manifest.outcomes import enqueue
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_gates_on_pull_requests import shown, words
from tests.pipeline.test_state_branch import acting, asked

BRANCH = "mergeport/promotion/prod/environment.group"
APPLICATIONS = ("billing", "catalog", "checkout")
TOGETHER = (
    CONFIGURATION.replace("publish: pull-request", "publish: pull-request\n    group: environment").replace(
        'argocd: "{application}-{environment}"', "argocd: false"
    )
    + f"  billing: {{source: {SOURCE}}}\n  catalog: {{source: {SOURCE}}}\n"
)


def file(application: str) -> str:
    return f"apps/{application}/values-prod.yaml"


@pytest.fixture
def group(pipeline: Pipeline) -> Pipeline:
    """Configure three applications of one source that share a pull request to prod."""
    text = pipeline.stack.git.open(MANIFESTS).text("main", file("checkout"))
    new = {
        f"apps/{name}/values-{environment}.yaml": text
        for name in APPLICATIONS[:2]
        for environment in ("dev", "stage", "prod")
    }
    pipeline.stack.github.push(MANIFESTS, "main", new, "Begin the others")
    configure(pipeline, TOGETHER)
    return pipeline


def merge(pipeline: Pipeline, text: str = "print('two')\n") -> None:
    pipeline.stack.github.merge(SOURCE, "main", {"app.py": text})
    settle(pipeline)


def settle(pipeline: Pipeline) -> None:
    for _ in range(3):
        pipeline.settle()
        pipeline.clock.move(seconds=2)


def newest(pipeline: Pipeline) -> dict[str, Run]:
    return {run.application: run for run in reversed(pipeline.runs()) if run.environment == "prod"}


def log(pipeline: Pipeline, branch: str = BRANCH) -> list[str]:
    git = pipeline.stack.git.open(MANIFESTS)
    return git.git("log", "--format=%s", f"main..{branch}").split("\n")


def says(pipeline: Pipeline, run: Run, branch: str) -> bool:
    text = pipeline.stack.git.open(MANIFESTS).text(branch, file(run.application))
    return str(run.images[""]["digest"]) in text


def test_members_share_one_pull_request_with_one_commit_each_and_go_on_when_it_is_merged(group: Pipeline) -> None:
    merge(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    there = newest(group)
    assert {run.pull_request for run in there.values()} == {pull.number}
    assert {run.state for run in there.values()} == {RunState.WAITING}
    assert all(group.wait(run)[0] is WaitKind.PULL_REQUEST for run in there.values())
    assert (pull.head, len(log(group))) == (BRANCH, 3)
    assert pull.title == "3 applications → prod: billing, catalog, checkout"
    assert all(says(group, run, BRANCH) for run in there.values())
    group.stack.github.merge_pull(MANIFESTS, pull.number)
    settle(group)
    assert {run.state for run in newest(group).values()} == {RunState.SUCCEEDED}


@pytest.mark.prove
def test_closing_ends_each_member(group: Pipeline) -> None:
    merge(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    group.stack.github.close_pull(MANIFESTS, pull.number)
    settle(group)
    assert {(run.state, run.code) for run in newest(group).values()} == {(RunState.CANCELLED, "pull-request-closed")}


def test_newer_releases_roll_the_same_pull_request_forward(group: Pipeline) -> None:
    merge(group)
    (before,) = group.stack.github.pulls(MANIFESTS, "open")
    merge(group, "print('three')\n")
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    assert (pull.number, len(log(group))) == (before.number, 3)
    states = sorted(run.state for run in group.runs() if run.environment == "prod")
    assert states == [RunState.SUPERSEDED] * 3 + [RunState.WAITING] * 3
    assert all(says(group, run, BRANCH) for run in newest(group).values())


def test_held_member_leaves_and_comes_again_when_it_is_let_go(group: Pipeline) -> None:
    merge(group)
    actions.hold(acting(group), asked(group, "not now"), application="catalog", environment="prod")
    settle(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    there = newest(group)
    assert (len(log(group)), there["catalog"].pull_request) == (2, None)
    assert group.wait(there["catalog"])[0] is WaitKind.GATE
    assert not says(group, there["catalog"], BRANCH)
    assert "- catalog: " in (pull.body or "")
    actions.unhold(acting(group), asked(group, "go"), application="catalog", environment="prod")
    settle(group)
    assert (len(log(group)), newest(group)["catalog"].pull_request) == (3, pull.number)


@pytest.mark.prove
def test_member_leaves_a_branch_with_commits_of_people_and_these_stay(group: Pipeline) -> None:
    merge(group)
    group.stack.github.push(MANIFESTS, BRANCH, {"NOTES.md": "looked at\n"}, "Note")
    actions.hold(acting(group), asked(group, "not now"), application="catalog", environment="prod")
    settle(group)
    there, git = newest(group), group.stack.git.open(MANIFESTS)
    assert [says(group, there[name], BRANCH) for name in APPLICATIONS] == [True, False, True]
    assert git.text(BRANCH, file("catalog")) == git.text("main", file("catalog"))
    assert git.text(BRANCH, "NOTES.md") == "looked at\n"
    assert [there[name].state for name in APPLICATIONS] == [RunState.WAITING] * 3


def test_locked_member_leaves_so_that_its_commit_is_not_merged_with_the_others(group: Pipeline) -> None:
    merge(group)
    actions.lock(acting(group), asked(group, "incident"), environment="prod", application="catalog")
    settle(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    assert (len(log(group)), newest(group)["catalog"].pull_request) == (2, None)
    assert "- catalog: catalog in prod is locked by anna" in (pull.body or "")
    group.stack.github.merge_pull(MANIFESTS, pull.number)
    settle(group)
    there = newest(group)
    assert [there[name].state for name in APPLICATIONS] == [RunState.SUCCEEDED, RunState.WAITING, RunState.SUCCEEDED]
    assert group.wait(there["catalog"])[0] is WaitKind.GATE
    assert not says(group, there["catalog"], "main")
    actions.unlock(acting(group), asked(group, "mended"), environment="prod", application="catalog")
    settle(group)
    assert [
        one.number == newest(group)["catalog"].pull_request for one in group.stack.github.pulls(MANIFESTS, "open")
    ] == [True]


@pytest.mark.prove
def test_pull_request_is_given_what_all_want_once_and_what_is_missing_is_told_in_one_comment(group: Pipeline) -> None:
    github = group.stack.github
    policies = {"billing": "labels: [money], reviewers: [stranger]", "catalog": "labels: [shelf, money]"}
    text = TOGETHER
    for name, policy in policies.items():
        own = f"environments: {{prod: {{pull_request: {{{policy}}}}}}}"
        text = text.replace(f"{name}: {{source: {SOURCE}", f"{name}: {{source: {SOURCE}, {own}")
    github.state.unknown_reviewers.add("stranger")
    configure(group, text)
    merge(group)
    (pull,) = github.pulls(MANIFESTS, "open")
    assert sorted(pull.labels) == ["money", "release", "shelf"]
    pull.labels.remove("shelf")
    merge(group, "print('three')\n")
    assert sorted(pull.labels) == ["money", "release"]
    (comment,) = github.comments(MANIFESTS, pull.number)
    assert "stranger cannot be asked to review" in comment.body
    github.merge_pull(MANIFESTS, pull.number)
    settle(group)
    (comment,) = github.comments(MANIFESTS, pull.number)
    assert "✅" not in comment.body


@pytest.mark.prove
def test_command_on_a_shared_pull_request_has_to_name_the_application(group: Pipeline) -> None:
    github = group.stack.github
    github.add_hook(MANIFESTS, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET, ["issue_comment"])
    for repository in (SOURCE, MANIFESTS):
        github.grant(repository, "alice", "write")
    merge(group)
    (pull,) = github.pulls(MANIFESTS, "open")
    github.comment(MANIFESTS, pull.number, "/mergeport hold --reason x", by="alice", later=1)
    group.settle(looks=0)
    assert "it could mean 3 places" in github.comments(MANIFESTS, pull.number)[-1].body
    github.comment(MANIFESTS, pull.number, "/mergeport hold catalog --reason x", by="alice", later=1)
    settle(group)
    assert [run.pull_request for _, run in sorted(newest(group).items())] == [pull.number, None, pull.number]


@pytest.mark.prove
def test_lock_of_the_environment_closes_no_pull_request_but_shows_on_it(group: Pipeline) -> None:
    merge(group)
    actions.lock(acting(group), asked(group, "incident"), environment="prod")
    settle(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    assert len(log(group)) == 3
    assert shown(group, pull.head_sha)["lock"] == "pending"
    before = newest(group)
    merge(group, "print('three')\n")
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    assert all(says(group, run, BRANCH) for run in before.values())
    assert {group.wait(run)[0] for run in newest(group).values()} == {WaitKind.GATE}
    actions.unlock(acting(group), asked(group, "mended"), environment="prod")
    settle(group)
    assert {run.pull_request for run in newest(group).values()} == {pull.number}
    assert all(says(group, run, BRANCH) for run in newest(group).values())


@pytest.mark.prove
def test_reopened_pull_request_brings_each_member_again(group: Pipeline) -> None:
    merge(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    group.stack.github.close_pull(MANIFESTS, pull.number)
    settle(group)
    group.stack.github.reopen_pull(MANIFESTS, pull.number)
    settle(group)
    assert {(run.state, run.generation) for run in newest(group).values()} == {(RunState.WAITING, 1)}
    group.stack.github.merge_pull(MANIFESTS, pull.number)
    settle(group)
    assert {run.state for run in newest(group).values()} == {RunState.SUCCEEDED}


@pytest.mark.prove
def test_cancelled_member_leaves_and_the_last_one_closes_the_pull_request(group: Pipeline) -> None:
    merge(group)
    there = newest(group)
    for application in ("catalog", "billing", "checkout"):
        with group.store.begin() as tx:
            actions.cancel(tx, there[application].id, by="anna", at=group.clock.now())
        enqueue(group.context, there[application].id)
        settle(group)
        left = group.stack.github.pulls(MANIFESTS, "open")
        if application == "catalog":
            assert (len(left), len(log(group))) == (1, 2)
    assert left == []
    assert {run.state for run in newest(group).values()} == {RunState.CANCELLED}


@pytest.mark.prove
def test_member_whose_values_came_another_way_goes_on_and_the_others_stay(group: Pipeline) -> None:
    merge(group)
    catalog = newest(group)["catalog"]
    text = group.stack.git.open(MANIFESTS).text(BRANCH, file("catalog"))
    group.stack.github.push(MANIFESTS, "main", {file("catalog"): text}, "By hand")
    settle(group)
    assert newest(group)["catalog"].state is RunState.SUCCEEDED
    assert len(log(group)) == 2
    assert {newest(group)[name].pull_request for name in ("billing", "checkout")} == {catalog.pull_request}


@pytest.mark.prove
def test_member_that_left_the_configuration_leaves_the_pull_request(group: Pipeline) -> None:
    merge(group)
    configure(group, TOGETHER.replace("  catalog:", "  # catalog:"), "Without catalog")
    settle(group)
    assert newest(group)["catalog"].state is RunState.CANCELLED
    assert len(log(group)) == 2


@pytest.mark.prove
def test_edit_by_a_person_beside_our_values_stays_and_one_of_our_values_stops_all(group: Pipeline) -> None:
    merge(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    group.stack.github.push(MANIFESTS, BRANCH, {"NOTES.md": "looked at\n"}, "Note")
    settle(group)
    assert {run.state for run in newest(group).values()} == {RunState.WAITING}
    text = group.stack.git.open(MANIFESTS).text(BRANCH, file("catalog"))
    changed = text.replace(str(newest(group)["catalog"].images[""]["digest"]), "sha256:" + "1" * 64)
    group.stack.github.push(MANIFESTS, BRANCH, {file("catalog"): changed}, "Another image")
    settle(group)
    assert {(run.state, run.code) for run in newest(group).values()} == {(RunState.FAILED, "branch-edited")}
    assert group.stack.git.open(MANIFESTS).text(BRANCH, file("catalog")) == changed
    assert len(group.stack.github.comments(MANIFESTS, pull.number)) == 1


@pytest.mark.prove
def test_rollback_waits_for_no_group(group: Pipeline) -> None:
    merge(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    group.stack.github.merge_pull(MANIFESTS, pull.number)
    settle(group)
    merge(group, "print('three')\n")
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    group.stack.github.merge_pull(MANIFESTS, pull.number)
    settle(group)
    actions.rollback(acting(group), asked(group, "slow"), application="catalog", environment="prod")
    settle(group)
    (back,) = group.stack.github.pulls(MANIFESTS, "open")
    assert back.head == "mergeport/promotion/prod/catalog"


@pytest.mark.prove
def test_member_whose_release_is_not_ready_waits_outside_and_is_listed(group: Pipeline) -> None:
    unready = "{prod: {gates: {checks: {contexts: [never]}}}}"
    own = f"catalog: {{source: {SOURCE}, environments: {unready}"
    configure(group, TOGETHER.replace(f"catalog: {{source: {SOURCE}", own))
    merge(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    assert (len(log(group)), group.wait(newest(group)["catalog"])[0]) == (2, WaitKind.GATE)
    assert "- catalog: checks: " in (pull.body or "")


@pytest.mark.prove
def test_gate_of_one_member_shows_on_the_pull_request_for_all(group: Pipeline) -> None:
    held = '{prod: {gates: {freeze: [{from: "2020-01-01", until: "2099-01-01", reason: stocktaking}]}}}'
    configure(
        group, TOGETHER.replace(f"catalog: {{source: {SOURCE}", f"catalog: {{source: {SOURCE}, environments: {held}")
    )
    merge(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    assert len(log(group)) == 3
    assert shown(group, pull.head_sha)["freeze"] == "pending"
    assert words(group, pull.head_sha, "freeze").startswith("catalog: ")
    assert "| freeze | waiting | catalog: " in (pull.body or "")


@pytest.mark.prove
def test_three_hundred_members_share_one_push_and_one_body(pipeline: Pipeline) -> None:
    names = [f"app-{number:03}" for number in range(300)]
    text = pipeline.stack.git.open(MANIFESTS).text("main", file("checkout"))
    new = {file(name): text for name in names}
    several = "".join(f"  {name}: {{source: {SOURCE}}}\n" for name in names)
    only = TOGETHER[: TOGETHER.index("applications:")].replace("  dev: {branch: develop}\n", "")
    only = only.replace("defaults:\n", "defaults:\n  image: checkout\n").replace("  stage: {branch: staging}\n", "")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": f"{only}applications:\n{several}", **new}, "Begin")
    pipeline.settle(looks=0)
    begun = len(pipeline.stack.git.faults.log)
    merge(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    assert len(log(pipeline)) == 300
    assert len(pull.body or "") < 65_536
    assert [name in (pull.body or "") for name in names] == [True] * 300
    assert pull.title.endswith("and 290 more")
    pushes = [one for one in pipeline.stack.git.faults.log[begun:] if one.path.endswith("git-receive-pack")]
    assert len([one for one in pushes if one.method == "POST" and "manifests" in one.path]) <= 3
    assert {run.pull_request for run in newest(pipeline).values()} == {pull.number}
