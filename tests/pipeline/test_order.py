"""Never backwards: whatever the order in which runs get to write, the newest commit is what stands in the end."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import pytest

from service.core.words import EditState, Repository, RunState, WaitKind
from service.pipeline.advance import advance
from service.pipeline.manifest.place import Place
from service.store import ancestry, edits, leases, runs
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE
from tests.pipeline.harness import Pipeline

FILE = "apps/checkout/values-dev.yaml"
COMPARE = f"/repos/{SOURCE}/compare/"


def configure(pipeline: Pipeline, order: str, *, text: str = CONFIGURATION) -> None:
    """Configure the application's order and process the delivery of that push."""
    text = text.replace(f"source: {SOURCE}\n", f"source: {SOURCE}\n    order: {order}\n")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Order")
    pipeline.settle()


def push(pipeline: Pipeline, text: str) -> str:
    """Push a commit, which sends a delivery."""
    return pipeline.stack.github.push(SOURCE, "develop", {"app.py": f"print('{text}')\n"}, text)


def aside(pipeline: Pipeline, text: str, start: str, *, date: int | None = None) -> str:
    """Make a commit on top of another one, on no branch."""
    bare = pipeline.stack.git.open(SOURCE)
    commit = bare.commit_files("aside", {"app.py": f"print('{text}')\n"}, text, start=start, date=date)
    bare.delete_ref("refs/heads/aside")
    return commit


def deliver(pipeline: Pipeline, order: Sequence[int]) -> None:
    """Let the last deliveries arrive in another order than they were sent in."""
    pipeline.stack.github.wait_delivered()
    sent = pipeline.stack.github.state.deliveries
    last = sent[-len(order) :]
    assert {(one.event, one.repository) for one in last} == {("push", SOURCE)}
    sent[-len(order) :] = [last[number] for number in order]


def accepted(pipeline: Pipeline, *commits: str) -> list[Run]:
    """Process the deliveries, and give the commits' runs, of which none has begun."""
    pipeline.take_deliveries()
    while pipeline.intake():
        pass
    pipeline.queue.runs.clear()
    return [pipeline.run(commit=commit) for commit in commits]


def bring(pipeline: Pipeline, run: Run) -> Run:
    """Take a run through its build up to the writing of its commit, or its refusal."""
    advance(pipeline.context, run.id, run.workflow_id)
    pipeline.settle()
    with pipeline.store.read() as tx:
        now_at = runs.get(tx, run.id)
    assert now_at is not None
    return now_at


def standing(pipeline: Pipeline, file: str = FILE) -> str:
    """Give the tag in the values file."""
    match = re.search(r'tag: "([^"]*)"', pipeline.stack.git.open(MANIFESTS).text("main", file))
    assert match is not None
    return match[1]


def compared(pipeline: Pipeline) -> int:
    return len(pipeline.stack.github.faults.requests("GET", COMPARE))


# --- in any order -----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_runs_that_get_to_write_in_any_order_end_at_the_newest(pipeline: Pipeline, order: Sequence[int]) -> None:
    commits = [push(pipeline, str(number)) for number in range(3)]
    found = accepted(pipeline, *commits)
    ended = [bring(pipeline, found[number]) for number in order]
    assert standing(pipeline) == commits[-1][:12]
    newest = ended[order.index(2)]
    assert newest.manifest_commit is not None
    assert all(run.state is RunState.SUPERSEDED for run in ended if run.id != newest.id)
    assert compared(pipeline) == 0  # the pushes told everything


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0)])
def test_deliveries_that_come_in_any_order_end_at_the_newest(pipeline: Pipeline, order: Sequence[int]) -> None:
    """The newest may be accepted first; an older one that is accepted later does not supersede it."""
    commits = [push(pipeline, str(number)) for number in range(3)]
    deliver(pipeline, order)
    found = accepted(pipeline, *commits)
    for number in order:
        bring(pipeline, found[number])
    assert standing(pipeline) == commits[-1][:12]
    pipeline.settle_live("checkout-dev")
    states = [pipeline.run(commit=commit).state for commit in commits]
    assert states == [RunState.SUPERSEDED, RunState.SUPERSEDED, RunState.SUCCEEDED]


def test_older_run_that_was_accepted_later_is_superseded_in_words(pipeline: Pipeline) -> None:
    commits = [push(pipeline, str(number)) for number in range(2)]
    older, newer = accepted(pipeline, *commits)
    bring(pipeline, newer)
    pipeline.retry(pipeline.run(commit=commits[0]))
    pipeline.settle()
    again = pipeline.run(commit=commits[0])
    assert again.id != older.id
    assert again.state is RunState.SUPERSEDED
    assert again.superseded_by == newer.id
    assert again.message.startswith(f"{commits[1][:12]} is deployed, which contains {commits[0][:12]} already")
    assert "revert the manifest commit" in again.message
    assert standing(pipeline) == commits[1][:12]


def test_order_off_lets_an_older_run_write(pipeline: Pipeline) -> None:
    configure(pipeline, '"off"')
    commits = [push(pipeline, str(number)) for number in range(2)]
    bring(pipeline, accepted(pipeline, *commits)[1])
    pipeline.retry(pipeline.run(commit=commits[0]))
    pipeline.settle()
    assert standing(pipeline) == commits[0][:12]


def test_older_edit_of_the_same_batch_is_refused_alone(pipeline: Pipeline) -> None:
    """The newer one was accepted first, so its commit is the older one's parent and on no branch yet."""
    commits = [push(pipeline, str(number)) for number in range(2)]
    deliver(pipeline, (1, 0))
    older, newer = accepted(pipeline, *commits)
    assert older.sequence > newer.sequence
    tag = older.commit[:12]
    digest = pipeline.push_image(tag, revision=older.commit)
    image = {"registry": REGISTRY, "repository": "checkout", "tag": tag, "digest": digest}
    with pipeline.store.begin() as tx:
        runs.update(tx, older.id, at=pipeline.clock.now(), images={"": image})
        edits.ensure(
            tx, run_id=older.id, repository=Repository(MANIFESTS), branch="main", application="checkout",
            environment="dev", at=pipeline.clock.now(),
        )  # fmt: skip
    bring(pipeline, newer)
    with pipeline.store.read() as tx:
        edit = edits.of_run(tx, older.id)
    assert edit is not None
    assert (edit.state, edit.code) == (EditState.OVERTAKEN, "")
    assert bring(pipeline, older).state is RunState.SUPERSEDED
    assert standing(pipeline) == commits[1][:12]
    assert len(pipeline.stack.git.pushes(MANIFESTS)) == 1


# --- what is deployed -------------------------------------------------------------------------------


def test_image_that_a_person_put_back_counts_as_deployed(pipeline: Pipeline) -> None:
    commits = [push(pipeline, str(number)) for number in range(3)]
    first, second, third = accepted(pipeline, *commits)
    bare = pipeline.stack.git.open(MANIFESTS)
    with pipeline.store.begin() as tx:
        for run in (second, third):
            runs.end(tx, run.id, RunState.CANCELLED, "later", at=pipeline.clock.now())
    bring(pipeline, first)
    old = bare.text("main", FILE)
    pipeline.retry(third)
    pipeline.settle()
    assert standing(pipeline) == commits[2][:12]
    bare.commit_files("main", {FILE: old}, "Go back by hand")
    pipeline.retry(second)
    pipeline.settle()
    assert pipeline.run(commit=commits[1]).state is RunState.WAITING
    assert standing(pipeline) == commits[1][:12]


def test_image_that_nobody_knows_is_replaced_and_the_step_says_so(pipeline: Pipeline) -> None:
    bare = pipeline.stack.git.open(MANIFESTS)
    strange = bare.text("main", FILE).replace("0" * 64, "7" * 64)
    bare.commit_files("main", {FILE: strange}, "Deploy by another tool")
    commit = push(pipeline, "two")
    pipeline.settle()
    run = pipeline.run(commit=commit)
    assert standing(pipeline) == commit[:12]
    told = pipeline.steps(run)["commit to manifest repository"][1]
    assert "order not checked: the source commit of the deployed image is not known" in told
    assert "7" * 64 in told


def test_first_promotion_over_a_placeholder_says_nothing_and_asks_nobody(pipeline: Pipeline) -> None:
    run = bring(pipeline, accepted(pipeline, push(pipeline, "two"))[0])
    assert "order not checked" not in pipeline.steps(run)["commit to manifest repository"][1]
    assert compared(pipeline) == 0


def test_image_that_only_the_registry_knows_is_held_against_its_revision(pipeline: Pipeline) -> None:
    """Another tool deployed it, and its label names the commit that it was made of."""
    commits = [push(pipeline, str(number)) for number in range(2)]
    digest = pipeline.push_image("by-hand", revision=commits[1])
    bare = pipeline.stack.git.open(MANIFESTS)
    bare.commit_files("main", {FILE: bare.text("main", FILE).replace("sha256:" + "0" * 64, digest)}, "Deploy by hand")
    older, newer = accepted(pipeline, *commits)
    with pipeline.store.begin() as tx:
        runs.end(tx, newer.id, RunState.CANCELLED, "not now", at=pipeline.clock.now())
    assert bring(pipeline, older).state is RunState.SUPERSEDED
    assert digest in bare.text("main", FILE)


def test_values_with_a_tag_alone_are_held_against_the_tag(pipeline: Pipeline) -> None:
    tags = CONFIGURATION.replace(', image.digest: "{digest}"', "")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": tags}, "Tags")
    pipeline.settle()
    commits = [push(pipeline, str(number)) for number in range(2)]
    bring(pipeline, accepted(pipeline, *commits)[1])
    pipeline.retry(pipeline.run(commit=commits[0]))
    pipeline.settle()
    assert pipeline.run(commit=commits[0]).state is RunState.SUPERSEDED
    assert standing(pipeline) == commits[1][:12]


# --- rewritten histories ----------------------------------------------------------------------------


def rewritten(pipeline: Pipeline) -> tuple[str, str]:
    """Deploy a commit, then force-push another in its place; give both."""
    bare = pipeline.stack.git.open(SOURCE)
    before = bare.tip("develop")
    old = push(pipeline, "old")
    pipeline.settle_live("checkout-dev")
    assert standing(pipeline) == old[:12]
    new = aside(pipeline, "new", before)
    pipeline.stack.github.force_push(SOURCE, "develop", new)
    pipeline.settle()
    return old, new


def test_force_pushed_source_is_refused_in_words(pipeline: Pipeline) -> None:
    old, new = rewritten(pipeline)
    run = pipeline.ended(pipeline.run(commit=new), RunState.FAILED)
    assert run.code == "source-rewritten"
    assert old[:12] in run.message
    assert "rewritten: allow" in run.message
    assert standing(pipeline) == old[:12]


def test_force_pushed_source_that_is_allowed_goes_on_and_says_so(pipeline: Pipeline) -> None:
    configure(pipeline, "{rewritten: allow}")
    _, new = rewritten(pipeline)
    run = pipeline.run(commit=new)
    assert standing(pipeline) == new[:12]
    assert "allowed by `order`" in pipeline.steps(run)["commit to manifest repository"][1]
    assert compared(pipeline) == 1


def test_commit_that_the_forge_has_lost_is_asked_for_again_by_each_run(pipeline: Pipeline) -> None:
    """What is gone may be back tomorrow, so it is not kept for the next run."""
    pipeline.stack.github.faults.answer("404 Not Found", body=b'{"message": "Not Found"}', path=COMPARE, times=50)
    _, new = rewritten(pipeline)
    run = pipeline.ended(pipeline.run(commit=new), RunState.FAILED)
    assert "has no history in common" in run.message
    pipeline.stack.github.faults.clear()
    pipeline.retry(run)
    pipeline.settle()
    assert "neither contains it" in pipeline.run(commit=new).message


def test_refused_edit_fails_its_own_run_and_nothing_else(pipeline: Pipeline) -> None:
    two = CONFIGURATION + f"  payments:\n    source: {SOURCE}\n    order: {{rewritten: allow}}\n"
    values = pipeline.stack.git.open(MANIFESTS).text("main", FILE)
    pipeline.stack.github.push(
        MANIFESTS, "main", {"mergeport.yaml": two, "apps/payments/values-dev.yaml": values}, "Two"
    )
    pipeline.settle()
    _, new = rewritten(pipeline)
    assert pipeline.run(commit=new).code == "source-rewritten"
    assert pipeline.run(application="payments", commit=new).manifest_commit is not None
    assert standing(pipeline, "apps/payments/values-dev.yaml") == new[:12]


# --- commit time ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_release_branches_end_at_the_commit_of_the_latest_date(pipeline: Pipeline, order: Sequence[int]) -> None:
    configure(pipeline, "commit-time", text=CONFIGURATION.replace("branch: develop", 'branch: "release/*"'))
    dates = (1_772_600_000, 1_772_600_100)
    commits = [aside(pipeline, str(date), "develop", date=date) for date in dates]
    for number in order:
        pipeline.stack.github.force_push(SOURCE, f"release/{number}", commits[number])
        pipeline.settle_live("checkout-dev")
    assert standing(pipeline) == commits[1][:12]
    first, second = (pipeline.run(commit=commits[number]) for number in (0, 1))
    assert second.state is RunState.SUCCEEDED
    if order == (1, 0):
        assert first.state is RunState.SUPERSEDED
        assert "2026-03-04" in first.message


# --- the forge --------------------------------------------------------------------------------------


def test_forge_that_fails_at_comparing_is_waited_for_and_never_guessed(pipeline: Pipeline) -> None:
    pipeline.stack.github.faults.answer("503 Service Unavailable", path=COMPARE, times=4)
    old, new = rewritten(pipeline)
    run = pipeline.run(commit=new)
    assert pipeline.wait(run)[0] is WaitKind.RETRY
    assert standing(pipeline) == old[:12]
    pipeline.settle_over_time(seconds=120)
    assert pipeline.ended(run, RunState.FAILED).code == "source-rewritten"


def test_branch_is_free_for_others_while_the_forge_hangs(pipeline: Pipeline) -> None:
    """A person put an unknown image back. That is noticed under the lease, but the forge is asked without the lease."""
    configure(pipeline, "{rewritten: allow}")
    bare = pipeline.stack.git.open(MANIFESTS)
    rewritten(pipeline)
    old = bare.text("main~1", FILE)
    bare.commit_files("main", {FILE: old}, "Go back by hand")
    pipeline.clock.move(seconds=1)
    gate = pipeline.stack.github.faults.hang(path=COMPARE)
    newest = push(pipeline, "newest")
    free: list[bool] = []

    def another() -> None:
        gate.wait_arrived()
        place = Place(Repository(MANIFESTS), "main")
        with pipeline.store.begin() as tx:
            free.append(leases.acquire(tx, place.lease, "another", now=pipeline.clock.now(), seconds=1))
            leases.release(tx, place.lease, "another")
        gate.release()

    pipeline.beside(another)
    assert free == [True]
    assert standing(pipeline) == newest[:12]
    assert compared(pipeline) == 2


def test_relation_is_asked_once_for_all_runs(pipeline: Pipeline) -> None:
    configure(pipeline, "{rewritten: allow}")
    old, new = rewritten(pipeline)
    pipeline.retry(pipeline.run(commit=new))
    pipeline.settle()
    assert compared(pipeline) == 1
    with pipeline.store.read() as tx:
        assert ancestry.relation(tx, pipeline.run().repository, pipeline.run(commit=old).commit, pipeline.run().commit)
