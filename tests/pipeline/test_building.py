"""Every image is in the registry, made of the run's own commit, before anything is promoted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa

from service.core.words import BuildState, RunState, WaitKind, WaitOutcome
from service.pipeline.advance import advance
from service.pipeline.build.finish import BUILDS_KEY
from service.pipeline.build.here import StoredControl
from service.pipeline.watches import answer_due, look
from service.store import Store, builds, runs, steps, waits
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

EXTERNAL = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: external}")


def merge(pipeline: Pipeline, text: str = "two", branch: str = "develop") -> str:
    pull = pipeline.stack.github.merge(SOURCE, branch, {"app.py": f"print('{text}')\n"})
    assert pull.merge_commit_sha is not None
    return pull.merge_commit_sha


def whose(run: Run) -> tuple[str, str | None]:
    image = run.images[""]
    return image["origin"], image["built_by"]


@pytest.fixture
def external(pipeline: Pipeline) -> Pipeline:
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": EXTERNAL}, "Build elsewhere")
    pipeline.settle(looks=0)
    return pipeline


def test_image_that_another_pipeline_pushes_is_awaited_by_its_exact_tag(external: Pipeline) -> None:
    commit = merge(external)
    external.settle()
    assert external.wait(external.run())[0] is WaitKind.IMAGE
    external.push_image("other")
    external.settle()
    assert external.run().state == RunState.WAITING
    digest = external.push_image(commit[:12], revision=commit)
    external.settle_live("checkout-dev")
    assert external.run().state == RunState.SUCCEEDED
    assert external.run().images[""]["digest"] == digest
    assert external.steps(external.run())["await image"][0] == "succeeded"
    assert whose(external.run()) == ("pushed", None)


def test_image_without_a_revision_label_is_taken_and_said_so(external: Pipeline) -> None:
    commit = merge(external)
    external.push_image(commit[:12])
    external.settle_live("checkout-dev")
    assert external.run().state == RunState.SUCCEEDED
    assert "no revision label" in external.steps(external.run())["find image"][1]


def test_image_of_another_commit_under_the_tag_fails_the_run(external: Pipeline) -> None:
    commit = merge(external)
    external.push_image(commit[:12], revision="f" * 40)
    external.settle()
    assert external.ended(external.run(), RunState.FAILED).code == "tag-taken"


@pytest.mark.parametrize(
    ("revision", "source"), [("short", None), ("f" * 40, "https://github.com/debian/base"), ("v1.2.3", None)]
)
def test_image_whose_labels_are_short_or_a_base_images_is_taken(
    external: Pipeline, revision: str, source: str | None
) -> None:
    commit = merge(external)
    external.push_image(commit[:12], revision=commit[:7] if revision == "short" else revision, source=source)
    external.settle_live("checkout-dev")
    run = external.ended(external.run(), RunState.SUCCEEDED)
    assert run.images[""]["revision"] == (commit if revision == "short" else None)


def test_image_that_nobody_pushes_fails_at_the_deadline(external: Pipeline) -> None:
    merge(external)
    external.settle()
    external.clock.move(minutes=61)
    external.settle(looks=2)
    assert external.ended(external.run(), RunState.FAILED).code == "image-not-pushed"


def test_image_that_was_seen_in_time_is_not_missed_because_its_run_went_on_late(external: Pipeline) -> None:
    """The wait's answer counts, and not the time at which the run reads it."""
    merge(external)
    external.settle()
    with external.store.begin() as tx:
        wait = waits.open_of_run(tx, external.run().id)
        assert wait is not None
        waits.answer(tx, wait.id, "there", at=external.clock.now())
        again = runs.get(tx, wait.run_id)
    assert again is not None
    external.clock.move(minutes=61)
    external.queue.enqueue_run(again)
    external.settle(looks=0)
    assert external.run().state == RunState.WAITING
    external.settle(looks=2)
    assert external.ended(external.run(), RunState.FAILED).code == "image-not-pushed"
    with external.store.read() as tx:
        outcomes = [one.outcome for one in waits.of_run(tx, external.run().id)]
    assert outcomes == [WaitOutcome.READY, WaitOutcome.DEADLINE]


def test_image_that_is_there_is_reused_and_nothing_is_built(pipeline: Pipeline) -> None:
    commit = merge(pipeline)
    pipeline.push_image(commit[:12], revision=commit)
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    assert whose(run) == ("there", None)
    with pipeline.store.read() as tx:
        assert builds.of_run(tx, run.id) == []


def test_image_that_the_build_of_a_runs_first_try_made_is_told_as_such(pipeline: Pipeline) -> None:
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    first = pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    pipeline.retry(first)
    pipeline.settle_live("checkout-dev")
    assert (whose(first), whose(pipeline.run())) == (("own-build", None), ("other-build", first.id))


@pytest.mark.rows_decide
def test_image_is_built_once_for_all_runs_of_a_commit(pipeline: Pipeline) -> None:
    both = CONFIGURATION.replace("stage: {branch: staging}", "stage: {branch: develop}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": both}, "Feed two")
    pipeline.settle(looks=0)
    merge(pipeline)
    pipeline.settle_live("checkout-dev", "checkout-stage")
    with pipeline.store.read() as tx:
        made = {one.id for run in runs.newest(tx) for one in builds.of_run(tx, run.id)}
    assert [run.state for run in pipeline.runs()] == [RunState.SUCCEEDED] * 2
    assert len(made) == 1
    by_place = {run.environment: run for run in pipeline.runs()}
    builder = next(run for run in by_place.values() if whose(run)[0] == "own-build")
    assert sorted(whose(run) for run in by_place.values()) == [("other-build", builder.id), ("own-build", None)]
    assert len(pipeline.stack.ecr.faults.requests("PUT", "/manifests/")) == 1


def test_digest_and_revision_are_read_back_from_the_registry(pipeline: Pipeline) -> None:
    commit = merge(pipeline)
    pipeline.settle_live("checkout-dev")
    image = pipeline.run().images[""]
    assert image["revision"] == commit
    assert image["digest"] in pipeline.stack.git.open(MANIFESTS).text("main", "apps/checkout/values-dev.yaml")


def test_steps_tell_how_long_the_build_was_awaited(pipeline: Pipeline) -> None:
    merge(pipeline)
    pipeline.take_deliveries()
    pipeline.intake()
    while not pipeline.queue.builds:
        assert pipeline.step()
    pipeline.clock.move(seconds=90)
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    with pipeline.store.read() as tx:
        records = {one.name: one for one in steps.of_run(tx, run.id)}
    seconds = {name: (one.ended_at - one.started_at).total_seconds() for name, one in records.items() if one.ended_at}
    assert {one.state for one in records.values()} == {"succeeded"}
    assert seconds["find image"] < 90 <= seconds["build image"]
    assert "is not there yet" in records["find image"].message
    assert run.images[""]["digest"] in records["build image"].message


def test_registry_that_dies_in_the_push_is_tried_again(pipeline: Pipeline) -> None:
    pipeline.stack.ecr.faults.answer("503 Service Unavailable", method="PUT", path="/manifests/", times=1)
    merge(pipeline)
    pipeline.settle(looks=0)
    assert pipeline.run().state == RunState.WAITING
    pipeline.settle_over_time("checkout-dev", seconds=60)
    assert pipeline.run().state == RunState.SUCCEEDED


def test_registry_that_refuses_the_token_for_minutes_fails_the_run(pipeline: Pipeline) -> None:
    pipeline.stack.ecr.faults.answer("403 Forbidden", path="/v2/", times=10_000)
    merge(pipeline)
    pipeline.settle()
    assert pipeline.wait(pipeline.run())[0] is WaitKind.RETRY
    pipeline.settle_over_time(seconds=420)
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "registry-refused"


PAGE = b"<html>We are down for maintenance.</html>"


@pytest.mark.parametrize(
    ("status", "method", "path", "body"),
    [
        ("403 Forbidden", "GET", "/blobs/sha256", b""),
        ("401 Unauthorized", "GET", "/manifests/", b""),
        ("200 OK", "GET", "/manifests/", PAGE),
        ("200 OK", "POST", "^/$", PAGE),
        ("200 OK", "POST", "^/$", b"{}"),
        ("302 Found", "POST", "^/$", b""),
        ("404 Not Found", "PUT", "/blobs/uploads/", b""),
        ("200 OK", "POST", "/blobs/uploads/", PAGE),
    ],
)
def test_wobble_of_the_registry_ends_no_run(
    pipeline: Pipeline, status: str, method: str, path: str, body: bytes
) -> None:
    pipeline.stack.ecr.faults.answer(status, method=method, path=path, body=body, times=2)
    merge(pipeline)
    pipeline.settle(looks=0)
    pipeline.settle_over_time("checkout-dev", seconds=60)
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


@pytest.mark.rows_decide
def test_build_of_a_cancelled_run_is_not_made(pipeline: Pipeline) -> None:
    merge(pipeline)
    pipeline.take_deliveries()
    pipeline.intake()
    while not pipeline.queue.builds:
        assert pipeline.step()
    with pipeline.store.begin() as tx:
        runs.update(tx, pipeline.run().id, at=pipeline.clock.now(), cancel_requested_by="carol")
    pipeline.settle(looks=2)
    run = pipeline.ended(pipeline.run(), RunState.CANCELLED)
    with pipeline.store.read() as tx:
        (build,) = builds.of_run(tx, run.id)
    assert "carol" in run.message
    assert build.state == BuildState.CANCELLED
    assert pipeline.stack.ecr.faults.requests("PUT", "/manifests/") == []


@pytest.mark.rows_decide
def test_later_change_supersedes_an_earlier_one_before_it_is_promoted(pipeline: Pipeline) -> None:
    first = merge(pipeline, "two")
    second = merge(pipeline, "three")
    pipeline.settle_live("checkout-dev")
    assert pipeline.run(commit=first).state == RunState.SUPERSEDED
    assert pipeline.run(commit=second).state == RunState.SUCCEEDED


def advance_runs(pipeline: Pipeline) -> None:
    """Do all that is queued but builds, as a worker does whose lane for builds is full."""
    while pipeline.intake() or pipeline.queue.runs:
        for run, workflow_id in pipeline.queue.runs:
            advance(pipeline.context, run.id, workflow_id)
        pipeline.queue.runs.clear()


def test_build_that_is_queued_here_says_what_is_before_it_and_its_deadline_has_not_begun(pipeline: Pipeline) -> None:
    for text in ("one more", "two more"):
        merge(pipeline, text)
        pipeline.take_deliveries()
        advance_runs(pipeline)
        pipeline.clock.move(seconds=1)
    look(pipeline.context, WaitKind.BUILD, BUILDS_KEY)
    assert pipeline.wait(pipeline.run())[1].endswith("is queued: 0 under way, 1 queued before it")
    pipeline.clock.move(minutes=31)
    answer_due(pipeline.context)
    advance_runs(pipeline)
    assert {run.state for run in pipeline.runs()} == {RunState.WAITING}
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


def test_build_that_is_never_begun_fails_its_run_after_a_day(pipeline: Pipeline) -> None:
    merge(pipeline)
    pipeline.take_deliveries()
    advance_runs(pipeline)
    pipeline.clock.move(hours=25)
    for _ in range(2):
        answer_due(pipeline.context)
        advance_runs(pipeline)
    ended = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (ended.code, "nothing waits longer than 1 day for its turn" in ended.message) == ("build-deadline", True)


def test_build_that_may_work_later_is_made_again_only_after_its_pause(pipeline: Pipeline) -> None:
    pipeline.stack.ecr.faults.answer("503 Service Unavailable", method="PUT", path="/manifests/", times=1)
    merge(pipeline)
    pipeline.settle(looks=0)
    assert pipeline.wait(pipeline.run())[0] is WaitKind.RETRY
    pipeline.clock.move(seconds=10)
    pipeline.settle_live("checkout-dev")
    assert pipeline.run().state == RunState.SUCCEEDED


def test_image_whose_repository_refuses_does_not_keep_others_from_being_found(external: Pipeline) -> None:
    two = EXTERNAL + f"  payments:\n    source: {SOURCE}\n"
    external.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": two}, "Two")
    commit = merge(external)
    external.settle()
    assert {run.state for run in external.runs()} == {RunState.WAITING}
    for repository in ("checkout", "payments"):
        external.push_image(commit[:12], repository=repository, revision=commit)
    external.stack.ecr.faults.answer("403 Forbidden", path="/v2/checkout/", times=1000)
    external.settle()
    assert "refused the request: 403" in external.wait(external.run(application="checkout"))[1]
    assert external.run(application="payments").images[""]["revision"] == commit


@pytest.mark.rows_decide
def test_build_goes_on_while_the_store_is_away(pipeline: Pipeline) -> None:
    """The builder's log of that time is stored later."""
    merge(pipeline)
    pipeline.take_deliveries()
    while not pipeline.queue.builds:
        assert pipeline.step()
    build = pipeline.queue.builds[0]
    control = StoredControl(pipeline.context, build, lambda: False)
    with away(pipeline.store):
        control.log("while it is away\n")
        assert not control.cancelled()
    control.flush()
    with pipeline.store.read() as tx:
        assert [text for _, _, text in builds.log_of(tx, build.id)] == ["while it is away\n"]


@contextmanager
def away(store: Store) -> Iterator[None]:
    """Keep everybody from writing: another holds SQLite's lock, or PostgreSQL accepts no connection."""
    if store.sqlite:
        with closing(sqlite3.connect(str(store.url.database), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")
        return
    server = sa.create_engine(store.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"alter database {store.url.database} allow_connections false"))
        ended = "select pg_terminate_backend(pid) from pg_stat_activity where datname = :name"
        connection.execute(sa.text(ended), {"name": store.url.database})
        yield
        connection.execute(sa.text(f"alter database {store.url.database} allow_connections true"))
    server.dispose()
