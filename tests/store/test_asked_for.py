"""What people name is found by any of its names, and the matrix is read, on both databases alike."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.core.words import Repository, RunState, Sha, WaitKind
from service.store import Store, asked_for, changes, deployments, matrix
from service.store.runs import Run
from tests.fixtures.rows import COMMIT, NOW, Rows

DIGEST = "sha256:" + "ab" * 32
IMAGES = {"": {"registry": "r.example", "repository": "checkout", "tag": "1.2_3", "digest": DIGEST}}


@pytest.fixture
def run(store: Store, rows: Rows) -> Run:
    """Give a run that is live, of a change with a pull request and a commit beside its own."""
    change = rows.change(pull_requests=[{"number": 41}, {"number": 4100}])
    made = rows.run(change, images=IMAGES, pull_request=7, state=RunState.SUCCEEDED)
    with store.begin() as tx:
        changes.cover(tx, change, [Sha("c0ffee" + "0" * 34)])
        deployments.begin(tx, made, argocd_application="x", health="Healthy", at=NOW)
    return made


def test_change_and_run_are_found_by_each_name(store: Store, run: Run) -> None:
    with store.read() as tx:
        by_commit = [asked_for.of_commit(tx, name) for name in (COMMIT[:7], "c0ffee0", "%", "00000")]
        by_number = [
            asked_for.of_pull_request(tx, number, where)
            for number, where in ((41, None), (4, None), (41, Repository("ACME/checkout")), (41, Repository("a/b")))
        ]
        runs_found = [
            *(asked_for.naming(tx, text) for text in (DIGEST, "1.2_3", "1.2x3")),
            asked_for.of_promotion(tx, 7),
            asked_for.of_promotion(tx, 7, Repository("acme/manifests")),
            asked_for.of_change_in(tx, [run.change_id], "dev"),
            asked_for.of_change_in(tx, [run.change_id], "prod"),
        ]
    assert [len(found) for found in by_commit] == [1, 1, 0, 0]
    assert [len(found) for found in by_number] == [1, 0, 1, 0]
    assert [len(found) for found in runs_found] == [1, 1, 0, 1, 0, 1, 0]


def test_matrix_is_read(store: Store, rows: Rows, run: Run) -> None:
    newer = rows.run(rows.change("5a" * 20, created_at=NOW + timedelta(minutes=1)))
    rows.wait(newer, WaitKind.IMAGE)
    with store.read() as tx:
        (live,) = matrix.live(tx, "checkout")
        (coming,) = matrix.on_their_way(tx)
        behind = matrix.not_live_everywhere(tx, "checkout")
    assert (live.run_id, live.images, live.changed_at) == (run.id, IMAGES, NOW)
    assert (coming.run_id, coming.state, coming.waits_for) == (newer.id, RunState.WAITING, "image")
    assert {one.change_id for one in behind} == {run.change_id, newer.change_id}
