"""Several manifest repositories and many files: one that hangs holds up no other, and what is kept stays small."""

from __future__ import annotations

import threading

from service.core.values import ScalarChange
from service.core.words import RunState
from service.pipeline.advance import advance
from service.pipeline.manifest.place import DIFF_LIMIT
from service.pipeline.manifest.promotion_text import LONGEST_VALUE, MOST_CHANGES, stored_changes
from service.store import edits
from tests.fixtures.service import MANIFESTS, VALUES
from tests.pipeline.crowd import BRANCH, file_of, merge, pushed, ready, settle_in, states
from tests.pipeline.harness import Pipeline

OTHER = "acme/other"
NAMES = ("checkout", "cart")


def test_repository_that_hangs_holds_up_no_other(pipeline: Pipeline) -> None:
    pipeline.stack.create_repository(OTHER, {file_of("cart"): VALUES})
    settle_in(pipeline, *NAMES, own={"cart": f"{{manifest: {{repository: {OTHER}}}}}"})
    merge(pipeline)
    checkout, cart = ready(pipeline, MANIFESTS, OTHER)
    gate = pipeline.stack.git.faults.hang(method="POST", path=f"{OTHER}.*git-receive-pack")
    slow = threading.Thread(target=lambda: advance(pipeline.context, cart.id, cart.workflow_id))
    slow.start()
    gate.wait_arrived()
    advance(pipeline.context, checkout.id, checkout.workflow_id)
    assert (pushed(pipeline), slow.is_alive()) == ([["checkout"]], True)
    gate.release()
    slow.join(30)
    assert states(pipeline, NAMES) == dict.fromkeys(NAMES, (RunState.SUCCEEDED, ""))
    assert f'tag: "{cart.commit[:12]}"' in pipeline.stack.git.open(OTHER).text(BRANCH, file_of("cart"))


def test_repository_that_does_not_answer_fails_nobody_else(pipeline: Pipeline) -> None:
    pipeline.stack.create_repository(OTHER, {file_of("cart"): VALUES})
    settle_in(pipeline, *NAMES, own={"cart": f"{{manifest: {{repository: {OTHER}}}}}"})
    merge(pipeline)
    pipeline.stack.git.faults.answer("503 Service Unavailable", path=OTHER, times=3)
    pipeline.settle(looks=0)
    assert {name: state for name, (state, _) in states(pipeline, NAMES).items()} == {
        "checkout": RunState.SUCCEEDED,
        "cart": RunState.WAITING,
    }
    pipeline.settle_over_time(seconds=120)
    assert states(pipeline, NAMES) == dict.fromkeys(NAMES, (RunState.SUCCEEDED, ""))


def test_edit_of_a_very_long_line_is_written_whole_and_kept_short(pipeline: Pipeline) -> None:
    long = VALUES.replace('"0"', f'"{"x" * 1_000_000}"')
    settle_in(pipeline, "checkout", checkout=long)
    merge(pipeline)
    pipeline.settle(looks=0)
    run = pipeline.run()
    assert pipeline.stack.git.open(MANIFESTS).text(BRANCH, file_of("checkout")) == (
        long.replace("x" * 1_000_000, run.commit[:12])
        .replace("example.invalid/checkout", f"{run.images['']['registry']}/checkout")
        .replace(f"sha256:{'0' * 64}", run.images[""]["digest"])
    )
    with pipeline.store.read() as tx:
        edit = edits.of_run(tx, run.id)
    assert edit is not None
    assert 0 < len(edit.diff) < DIFF_LIMIT + 100
    assert len(str(edit.changes)) < 10_000


def test_changes_that_are_kept_are_bounded() -> None:
    many = [("values.yaml", ScalarChange("tag", 1, "x" * 10_000, "y" * 10_000))] * 5_000
    kept = stored_changes(many)
    assert len(kept) == MOST_CHANGES
    assert len(kept[0]["before"]) == len(kept[0]["after"]) == LONGEST_VALUE + 1
