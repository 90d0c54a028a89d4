"""Edits reach the manifest repository exactly once, whatever people and servers do meanwhile."""

from __future__ import annotations

import re

import pytest

from devstack.bare import Entry
from devstack.faults import Fault, Gate
from service.core.config import Target
from service.core.values import FileEdit
from service.core.words import EditState, Repository, RunState, Stage
from service.pipeline.build.build_stage import build
from service.pipeline.manifest.place import wanted_edits
from service.pipeline.promote.promote_stage import promote
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim
from service.store import edits, runs
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE, VALUES
from tests.pipeline.harness import Pipeline

FILE = "apps/checkout/values-dev.yaml"
BRANCH = "main"


def ours(pipeline: Pipeline) -> list[str]:
    """List the subjects of our commits on the manifest branch, newest first."""
    bare = pipeline.stack.git.open(MANIFESTS)
    return [line for line in bare.git("log", "--format=%s", BRANCH).splitlines() if line.startswith("Promote ")]


def merge(pipeline: Pipeline, text: str = "two") -> str:
    pull = pipeline.stack.github.merge(SOURCE, "develop", {"app.py": f"print('{text}')\n"})
    assert pull.merge_commit_sha is not None
    return pull.merge_commit_sha


def test_person_who_edits_the_same_file_at_the_same_time_loses_nothing(pipeline: Pipeline) -> None:
    """The push that lost the race is computed again on the person's commit."""
    gate = pipeline.stack.git.faults.hang(method="POST", path="acme/manifests.*git-receive-pack")
    merge(pipeline)
    pipeline.take_deliveries()

    def person() -> None:
        gate.wait_arrived()
        edited = VALUES.replace("replicas: 2  # keep two", "replicas: 5  # now five")
        pipeline.stack.git.open(MANIFESTS).commit_files(BRANCH, {FILE: edited}, "Scale up")
        gate.release()

    pipeline.beside(person)
    text = pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE)
    assert "replicas: 5  # now five" in text
    assert pipeline.run().images[""]["digest"] in text
    assert len(ours(pipeline)) == 1


def test_removed_commit_stays_removed(pipeline: Pipeline) -> None:
    """Somebody force-pushes our commit away; a later promotion does not bring it back."""
    merge(pipeline, "two")
    pipeline.settle_live("checkout-dev")
    first = pipeline.run().manifest_commit
    assert first is not None
    pipeline.stack.github.force_push(
        MANIFESTS, BRANCH, pipeline.stack.git.open(MANIFESTS).git("rev-parse", f"{first}^").strip()
    )
    merge(pipeline, "three")
    pipeline.settle_live("checkout-dev")
    assert not pipeline.stack.git.open(MANIFESTS).is_ancestor(first, BRANCH)
    assert len(ours(pipeline)) == 1


def test_push_that_a_hook_rejects_fails_the_run_and_keeps_the_branch(pipeline: Pipeline) -> None:
    tip = pipeline.stack.git.open(MANIFESTS).tip(BRANCH)
    pipeline.stack.git.install_hook(MANIFESTS, "pre-receive", "#!/bin/sh\nexit 1\n")
    merge(pipeline)
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert run.code == "push-refused"
    assert pipeline.stack.git.open(MANIFESTS).tip(BRANCH) == tip


def test_values_that_say_it_already_make_no_commit(pipeline: Pipeline) -> None:
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    first = pipeline.run()
    pipeline.retry(first)
    pipeline.settle_live("checkout-dev")
    again = pipeline.run()
    assert (again.generation, again.state) == (1, RunState.SUCCEEDED)
    assert len(ours(pipeline)) == 1


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({FILE: None}, "values-file-missing"),
        ({FILE: "image: {tag: [\n"}, "values-unparsable"),
        ({FILE: "image: 3\n"}, "values-through-scalar"),
    ],
)
def test_values_file_that_cannot_be_edited_fails_the_run_in_words(
    pipeline: Pipeline, files: dict[str, str | None], code: str
) -> None:
    pipeline.stack.git.open(MANIFESTS).commit_files(BRANCH, files, "Spoil it")
    merge(pipeline)
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert FILE in run.message
    assert ours(pipeline) == []
    assert run.code == code


def test_missing_values_file_is_made_where_the_configuration_says_so(pipeline: Pipeline) -> None:
    made = CONFIGURATION.replace("      set:", "      create: file\n      set:")
    assert made != CONFIGURATION
    pipeline.stack.github.push(MANIFESTS, BRANCH, {"mergeport.yaml": made, FILE: None}, "Begin with nothing")
    pipeline.settle(looks=0)
    commit = merge(pipeline)
    pipeline.settle(looks=0)
    text = pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE)
    assert f"tag: {commit[:12]}" in text.replace('"', "")
    assert len(ours(pipeline)) == 1


def test_documents_blocks_and_plain_items_are_written_by_the_same_paths(pipeline: Pipeline) -> None:
    paths = ["[kind=Deployment].spec.image", "[kind=Application].values.image.tag", "[1].images[image=r/web]"]
    values = ["{image}", "{tag}", "r/web:{tag}"]
    said = "".join(f"        '{path}': '{value}'\n" for path, value in zip(paths, values, strict=True))
    configuration = re.sub(r"      set: .*\n", f"      set:\n{said}", CONFIGURATION)
    there = "kind: Deployment\nspec: {image: r/x:1} # a\n---\nkind: Application\n"
    there += "values: |\n  image:\n    tag: v1 # b\nimages:\n- r/web:1 # c\n"
    pipeline.stack.github.push(MANIFESTS, BRANCH, {"mergeport.yaml": configuration, FILE: there}, "Manifests")
    pipeline.settle(looks=0)
    commit = merge(pipeline)
    pipeline.settle(looks=0)
    text = pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE)
    lines = [line.replace('"', "") for line in text.splitlines()]
    assert [line for line in lines if "r/web:" in line] == [f"- r/web:{commit[:12]} # c"]
    assert f"    tag: {commit[:12]} # b" in lines
    assert len(lines) == len(there.splitlines())
    assert f":{commit[:12]}@sha256:" in lines[1]


def test_values_file_that_is_a_symlink_is_refused(pipeline: Pipeline) -> None:
    pipeline.stack.git.open(MANIFESTS).commit_files(BRANCH, {FILE: Entry(b"/etc/passwd", "120000")}, "Link it")
    merge(pipeline)
    pipeline.settle()
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "values-file-symlink"


def test_manifest_repository_that_is_away_is_tried_again(pipeline: Pipeline) -> None:
    pipeline.stack.git.faults.answer("503 Service Unavailable", path="acme/manifests", times=3)
    merge(pipeline)
    pipeline.settle(looks=0)
    assert pipeline.run().state == RunState.WAITING
    pipeline.settle_over_time("checkout-dev", seconds=120)
    assert pipeline.run().state == RunState.SUCCEEDED
    assert len(ours(pipeline)) == 1


def test_push_that_went_through_without_an_answer_is_not_repeated(pipeline: Pipeline) -> None:
    pipeline.stack.git.faults.cut(method="POST", path="acme/manifests.*git-receive-pack")
    merge(pipeline)
    pipeline.settle_over_time("checkout-dev", seconds=120)
    assert pipeline.run().state == RunState.SUCCEEDED
    assert len(ours(pipeline)) == 1


def test_branch_whose_history_was_rewritten_under_a_push_is_left_alone(pipeline: Pipeline) -> None:
    """The outcome of an interrupted push cannot be told any more, so a person is asked."""
    faults, gate = pipeline.stack.git.faults, Gate()
    faults.plant(Fault("POST", re.compile("acme/manifests.*git-receive-pack"), 1, gate=gate, after=True, cut=True))
    merge(pipeline)

    def line() -> None:
        gate.wait_arrived()
        faults.answer("503 Service Unavailable", path="acme/manifests", times=1000)
        gate.release()

    pipeline.beside(line, looks=0)
    assert pipeline.run().state == RunState.WAITING
    faults.clear()
    bare = pipeline.stack.git.open(MANIFESTS)
    tree = bare.git("rev-parse", f"{BRANCH}^{{tree}}").strip()
    fresh = bare.git("-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", tree, "-m", "Begin anew").strip()
    bare.update_ref(f"refs/heads/{BRANCH}", fresh)
    pipeline.clock.move(seconds=120)
    pipeline.settle(looks=2)
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "manifest-history-rewritten"
    assert bare.tip(BRANCH) == fresh


def test_push_that_lost_against_a_force_push_is_computed_on_what_is_there_now(pipeline: Pipeline) -> None:
    """That push was certainly refused, so its outcome need not be looked up."""
    bare = pipeline.stack.git.open(MANIFESTS)
    pipeline.stack.github.push(MANIFESTS, BRANCH, {"README.md": "to be dropped\n"}, "A mistake")
    gate = pipeline.stack.git.faults.hang(method="POST", path="acme/manifests.*git-receive-pack")
    merge(pipeline)
    pipeline.take_deliveries()

    def person() -> None:
        gate.wait_arrived()
        bare.update_ref(f"refs/heads/{BRANCH}", bare.git("rev-parse", f"{BRANCH}^").strip())
        gate.release()

    pipeline.beside(person)
    assert pipeline.run().manifest_commit == bare.tip(BRANCH)
    assert len(ours(pipeline)) == 1
    assert "A mistake" not in bare.git("log", "--format=%s", BRANCH)


@pytest.mark.rows_decide
def test_edit_that_meets_a_bug_does_not_stop_the_others(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    two = CONFIGURATION + f"  payments:\n    source: {SOURCE}\n"
    pipeline.stack.github.push(
        MANIFESTS, BRANCH, {"mergeport.yaml": two, "apps/payments/values-dev.yaml": VALUES}, "Two"
    )
    merge(pipeline)
    pipeline.take_deliveries()
    while pipeline.intake():
        pass
    run = pipeline.run()
    with pipeline.store.begin() as tx:
        edits.ensure(
            tx, run_id=run.id, repository=Repository(MANIFESTS), branch=BRANCH, application="checkout",
            environment="dev", at=pipeline.clock.now(),
        )  # fmt: skip
    pipeline.queue.runs.reverse()

    def broken(run: Run, target: Target) -> tuple[FileEdit, ...]:
        if run.application == "checkout":
            raise ValueError("a bug")
        return wanted_edits(run, target)

    monkeypatch.setattr("service.pipeline.manifest.push.wanted_edits", broken)
    pipeline.settle()
    with pipeline.store.read() as tx:
        edit = edits.of_run(tx, run.id)
    assert edit is not None
    assert (edit.state, edit.code) == (EditState.REFUSED, "internal-error")
    assert pipeline.run(application="payments").manifest_commit is not None


@pytest.mark.rows_decide
def test_commit_that_was_pushed_stays_when_its_run_is_cancelled(pipeline: Pipeline) -> None:
    pipeline.stack.git.faults.cut(method="POST", path="acme/manifests.*git-receive-pack")
    merge(pipeline)
    pipeline.settle(looks=0)
    with pipeline.store.begin() as tx:
        runs.update(tx, pipeline.run().id, at=pipeline.clock.now(), cancel_requested_by="carol")
    pipeline.settle_over_time("checkout-dev", seconds=60)
    assert "carol" in pipeline.ended(pipeline.run(), RunState.CANCELLED).message
    assert len(ours(pipeline)) == 1


def test_worker_killed_between_the_push_and_its_record_repeats_nothing_visible(pipeline: Pipeline) -> None:
    """The step's result is lost with the worker, but the next worker finds the commit on the branch."""
    commit = merge(pipeline)
    pipeline.push_image(commit[:12], revision=commit)
    pipeline.take_deliveries()
    while pipeline.intake():
        pass
    run = pipeline.run()
    with pipeline.store.begin() as tx:
        begun = transitions.begin(tx, run.id, run.workflow_id, at=pipeline.clock.now())
    assert begun is not None
    dies = Claim(pipeline.context, begun)
    build(dies)
    promote(dies)
    before = pipeline.stack.git.open(MANIFESTS).tip(BRANCH)
    again = pipeline.resumed(run)
    assert (again.stage, again.manifest_commit) == (Stage.PROMOTE, None)
    pipeline.settle_live("checkout-dev")
    ended = pipeline.ended(run, RunState.SUCCEEDED)
    assert (ended.manifest_commit, pipeline.stack.git.open(MANIFESTS).tip(BRANCH)) == (before, before)
    assert len(ours(pipeline)) == 1
