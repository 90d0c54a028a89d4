"""A build that somebody else makes is started once, followed by one question for all, and ends as it ended there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import cast

import pytest

from devstack.stack import WEBHOOK_SECRET
from service.core.words import BuildState, DeliveryId, RunState, WaitKind, WaitOutcome
from service.engine.queue import Engine, Orphan, Standing
from service.engine.sweeper import sweep
from service.errors import BusyError, PermanentError, RetryableError
from service.pipeline.watches import answer
from service.ports import BuildStanding, Progress
from service.store import builds as rows
from service.store import deliveries, leases, runs, waits
from service.store.builds import Build
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.kinds.builders.yard import Yard, YardBuild
from tests.pipeline.harness import ListQueue, Pipeline

ELSEWHERE = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: yard}")
pytestmark = pytest.mark.usefixtures("with_toys")
AWAY = RetryableError("the yard does not answer", code="yard-away")


@pytest.fixture
def yard(pipeline: Pipeline) -> Yard:
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": ELSEWHERE}, "Build elsewhere")
    pipeline.settle(looks=0)
    return cast(Yard, pipeline.context.outside.images.builder("yard"))


def merge(pipeline: Pipeline, text: str = "two", *, branch: str = "develop") -> str:
    pull = pipeline.stack.github.merge(SOURCE, branch, {"app.py": f"print('{text}')\n"})
    assert pull.merge_commit_sha is not None
    return pull.merge_commit_sha


def only(yard: Yard) -> YardBuild:
    (found,) = yard.builds.values()
    return found


def build_of(pipeline: Pipeline, run: Run | None = None) -> Build:
    with pipeline.store.read() as tx:
        (found,) = rows.of_run(tx, (run or pipeline.run()).id)
    return found


def log_of(pipeline: Pipeline) -> str:
    with pipeline.store.read() as tx:
        return "".join(text for _, _, text in rows.log_of(tx, build_of(pipeline).id))


def finish(pipeline: Pipeline, one: YardBuild, log: str = "") -> None:
    pipeline.push_image(one.request.commit[:12], revision=one.request.commit)
    one.log, one.standing = one.log + log, BuildStanding(Progress.SUCCEEDED)


@dataclass
class LostEngine:
    """The engine of the worker after a killed one, of which no workflow is alive."""

    queue: ListQueue
    executor: str = "worker-test"

    def orphans(self, alive: Collection[str]) -> list[Orphan]:  # noqa: ARG002 - the engine's
        return []

    def standings(self, workflow_ids: Sequence[str]) -> dict[str, Standing]:
        return dict.fromkeys(workflow_ids, Standing.FINISHED)

    def attends(self, workflow_id: str) -> bool:  # noqa: ARG002 - the engine's
        return False

    def enqueue_run(self, run: Run) -> None:
        self.queue.enqueue_run(run)

    def enqueue_build(self, build: Build) -> None:
        self.queue.enqueue_build(build)


def killed_and_followed(pipeline: Pipeline) -> None:
    """Kill the worker at the point that the yard was told, and let another one take over its work."""
    with pytest.raises(SystemExit):
        pipeline.settle(looks=0)
    pipeline.clock.move(seconds=3)
    with pipeline.store.begin() as tx:
        leases.acquire(tx, "worker:worker-test", "worker-test", now=pipeline.clock.now(), seconds=15)
    sweep(pipeline.context, cast(Engine, LostEngine(pipeline.queue)))


def test_image_built_elsewhere_is_promoted_with_the_digest_of_the_registry(pipeline: Pipeline, yard: Yard) -> None:
    commit = merge(pipeline)
    pipeline.settle()
    one = only(yard)
    assert (one.request.commit, one.request.branch, str(one.request.reference)[-12:]) == (
        commit,
        "develop",
        commit[:12],
    )
    assert pipeline.wait(pipeline.run())[0] is WaitKind.BUILD_ELSEWHERE
    finish(pipeline, one)
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    assert run.images[""]["revision"] == commit
    assert yard.asked.count("start") == 1


def test_what_the_builder_says_is_shown_while_the_run_waits(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    only(yard).standing = BuildStanding(Progress.RUNNING, "phase INSTALL")
    pipeline.settle()
    assert "phase INSTALL" in pipeline.run().message
    assert build_of(pipeline).message == "phase INSTALL"


def test_all_builds_are_asked_for_in_one_call(pipeline: Pipeline, yard: Yard) -> None:
    two = ELSEWHERE + f"  payments:\n    source: {SOURCE}\n"
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": two}, "Two")
    merge(pipeline)
    pipeline.settle(looks=0)
    assert len(yard.builds) == 2
    yard.asked.clear()
    pipeline.settle()
    assert yard.asked == ["states"]


def test_worker_killed_before_the_start_had_effect_has_it_started_once(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    yard.killed = "before"
    killed_and_followed(pipeline)
    pipeline.settle()
    assert yard.builds == {}, "it may not be listed yet"
    pipeline.clock.move(seconds=31)
    pipeline.settle(looks=2)
    finish(pipeline, only(yard))
    pipeline.settle()
    assert build_of(pipeline).state is BuildState.SUCCEEDED


def test_worker_killed_between_start_and_record_finds_the_build_and_starts_no_second(
    pipeline: Pipeline, yard: Yard
) -> None:
    merge(pipeline)
    yard.killed = "after"
    yard.lags = True
    killed_and_followed(pipeline)
    pipeline.settle(looks=2)
    yard.lags = False
    pipeline.settle()
    assert build_of(pipeline).external_id in yard.builds
    finish(pipeline, only(yard))
    pipeline.settle()
    assert build_of(pipeline).state is BuildState.SUCCEEDED
    assert yard.asked.count("start") == 1


def test_two_workers_that_miss_a_start_at_once_have_it_asked_for_once(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    yard.killed = "before"
    killed_and_followed(pipeline)
    pipeline.settle(looks=0)
    pipeline.clock.move(seconds=31)
    yard.tells_ids, yard.lags = False, True
    yard.beside = pipeline.settle
    pipeline.settle(looks=2)
    assert len(yard.builds) == 1


def test_worker_killed_after_the_record_leaves_a_build_that_any_other_follows(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle(looks=0)
    pipeline.clock.move(seconds=3)
    with pipeline.store.begin() as tx:
        leases.acquire(tx, "worker:worker-test", "worker-test", now=pipeline.clock.now(), seconds=15)
    sweep(pipeline.context, cast(Engine, LostEngine(pipeline.queue)))
    finish(pipeline, only(yard))
    pipeline.settle()
    assert (build_of(pipeline).state, build_of(pipeline).attempt) == (BuildState.SUCCEEDED, 1)
    assert yard.asked.count("start") == 1


def test_start_whose_answer_was_lost_is_found_by_its_correlation(pipeline: Pipeline, yard: Yard) -> None:
    yard.failing["start"] = AWAY
    merge(pipeline)
    pipeline.settle(looks=0)
    yard.failing.clear()
    pipeline.settle()
    assert build_of(pipeline).external_id in yard.builds
    assert len(yard.builds) == 1


def test_start_that_is_accepted_without_an_id_is_found_by_its_correlation(pipeline: Pipeline, yard: Yard) -> None:
    yard.tells_ids = False
    merge(pipeline)
    pipeline.settle()
    finish(pipeline, only(yard))
    pipeline.settle()
    assert build_of(pipeline).state is BuildState.SUCCEEDED


def test_start_that_is_accepted_and_never_shown_fails_and_is_not_repeated(pipeline: Pipeline, yard: Yard) -> None:
    yard.tells_ids, yard.lags = False, True
    merge(pipeline)
    pipeline.settle()
    pipeline.clock.move(seconds=31)
    pipeline.settle()
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "build-lost"
    assert yard.asked.count("start") == 1


def test_start_that_is_refused_fails_the_run_in_the_builders_words(pipeline: Pipeline, yard: Yard) -> None:
    yard.failing["start"] = PermanentError("there is no workflow build.yaml", code="workflow-missing")
    merge(pipeline)
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (run.code, "no workflow build.yaml" in run.message) == ("workflow-missing", True)


def test_start_that_finds_no_room_is_asked_for_until_there_is_room(pipeline: Pipeline, yard: Yard) -> None:
    yard.failing["begin"] = BusyError("the yard is full", code="yard-full")
    merge(pipeline)
    for _ in range(10):
        pipeline.settle(looks=2)
        assert (pipeline.run().state, "the yard is full" in pipeline.run().message) == (RunState.WAITING, True)
        pipeline.clock.move(seconds=31)
    yard.failing.clear()
    pipeline.settle(looks=2)
    assert yard.asked.count("start") == 11
    finish(pipeline, only(yard))
    pipeline.settle()
    assert (build_of(pipeline).state, build_of(pipeline).code) == (BuildState.SUCCEEDED, "")


def test_full_builder_is_not_asked_again_at_once(pipeline: Pipeline, yard: Yard) -> None:
    yard.failing["begin"] = BusyError("the yard is full", code="yard-full")
    merge(pipeline)
    pipeline.settle(looks=3)
    assert yard.asked == ["start"]


def test_start_that_waits_for_room_is_cancelled_with_its_run(pipeline: Pipeline, yard: Yard) -> None:
    yard.failing["begin"] = BusyError("the yard is full", code="yard-full")
    merge(pipeline)
    pipeline.settle()
    with pipeline.store.begin() as tx:
        runs.end(tx, pipeline.run().id, RunState.CANCELLED, "by carol", at=pipeline.clock.now())
    pipeline.clock.move(seconds=31)
    pipeline.settle()
    assert (build_of(pipeline).state, yard.builds) == (BuildState.CANCELLED, {})


def test_what_looks_like_a_secret_in_a_log_is_replaced(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    only(yard).log = "curl -H '\x1b[1mAuthorization: Bearer \x1b[31mabcdefghijkl\x1b[0m'\n"
    pipeline.settle()
    assert ("abcdefghijkl" in log_of(pipeline), "curl" in log_of(pipeline)) == (False, True)


def test_failed_build_elsewhere_fails_the_run_and_leaves_its_log(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    only(yard).log = "step 1 of 2\n"
    pipeline.settle()
    only(yard).log += "error: no space left\n"
    only(yard).standing = BuildStanding(Progress.FAILED, "exit status 2")
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (run.code, "exit status 2" in run.message) == ("build-failed", True)
    assert log_of(pipeline) == "step 1 of 2\nerror: no space left\n"


def test_log_that_cannot_be_read_for_a_moment_is_read_before_the_end_is_told(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    only(yard).standing, only(yard).log = BuildStanding(Progress.FAILED), "the reason\n"
    yard.failing["log"] = AWAY
    pipeline.settle()
    assert pipeline.run().state == RunState.WAITING
    yard.failing.clear()
    pipeline.settle()
    assert (pipeline.run().state, log_of(pipeline)) == (RunState.FAILED, "the reason\n")


def test_log_that_can_never_be_read_keeps_no_run_waiting(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    finish(pipeline, only(yard))
    yard.failing["log"] = AWAY
    pipeline.settle()
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    assert build_of(pipeline).state is BuildState.SUCCEEDED
    assert "could not be read" in log_of(pipeline)


def test_build_that_is_not_known_for_a_moment_goes_on(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    yard.lags = True
    pipeline.settle()
    yard.lags = False
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    assert pipeline.run().state == RunState.WAITING


def test_lost_build_fails_the_run_in_words(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    yard.builds.clear()
    pipeline.settle()
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (run.code, "does not know the build any more" in run.message) == ("build-lost", True)


def test_lost_build_whose_image_is_there_is_no_failure(pipeline: Pipeline, yard: Yard) -> None:
    commit = merge(pipeline)
    pipeline.settle()
    yard.builds.clear()
    pipeline.push_image(commit[:12], revision=commit)
    pipeline.settle()
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    assert pipeline.run().state == RunState.SUCCEEDED


def test_build_that_no_run_wants_is_cancelled_there(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    with pipeline.store.begin() as tx:
        runs.end(tx, pipeline.run().id, RunState.CANCELLED, "by carol", at=pipeline.clock.now())
    yard.failing["cancel"] = AWAY
    pipeline.settle()
    assert build_of(pipeline).state is BuildState.STARTED
    yard.failing.clear()
    pipeline.settle()
    assert (only(yard).stopped, build_of(pipeline).state) == (True, BuildState.CANCELLED)


def test_start_of_which_nothing_is_known_is_cancelled_too(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    yard.killed = "after"
    killed_and_followed(pipeline)
    with pipeline.store.begin() as tx:
        runs.end(tx, pipeline.run().id, RunState.CANCELLED, "by carol", at=pipeline.clock.now())
    pipeline.settle()
    assert (only(yard).stopped, build_of(pipeline).state) == (True, BuildState.CANCELLED)


def test_build_cancelled_there_by_a_person_fails_the_run_and_a_retry_starts_another(
    pipeline: Pipeline, yard: Yard
) -> None:
    merge(pipeline)
    pipeline.settle()
    only(yard).standing = BuildStanding(Progress.CANCELLED, "by dave")
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert run.code == "build-cancelled-elsewhere"
    pipeline.clock.move(seconds=1)
    pipeline.retry(run)
    pipeline.settle()
    first, second = yard.builds.values()
    assert first.correlation != second.correlation


def test_retry_follows_the_build_that_a_person_runs_again_there(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    only(yard).standing = BuildStanding(Progress.FAILED, "exit status 2")
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    only(yard).standing = BuildStanding(Progress.RUNNING, "attempt 2")
    pipeline.clock.move(seconds=1)
    pipeline.retry(run)
    pipeline.settle()
    assert "attempt 2" in pipeline.run().message
    finish(pipeline, only(yard))
    pipeline.settle()
    assert (build_of(pipeline).state, yard.asked.count("start")) == (BuildState.SUCCEEDED, 1)


def test_retry_takes_no_build_up_that_is_being_cancelled(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    run = pipeline.run()
    with pipeline.store.begin() as tx:
        runs.end(tx, run.id, RunState.CANCELLED, "by carol", at=pipeline.clock.now())
    pipeline.settle()
    pipeline.clock.move(seconds=1)
    pipeline.retry(run)
    pipeline.settle()
    first, second = yard.builds.values()
    assert (first.stopped, second.stopped) == (True, False)


def test_retry_of_a_build_that_cannot_be_asked_for_starts_no_second_one(pipeline: Pipeline, yard: Yard) -> None:
    merge(pipeline)
    pipeline.settle()
    only(yard).standing = BuildStanding(Progress.FAILED, "exit status 2")
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    yard.failing["states"] = AWAY
    pipeline.clock.move(seconds=1)
    pipeline.retry(run)
    pipeline.settle()
    assert (pipeline.wait(pipeline.run())[0], yard.asked.count("start")) == (WaitKind.RETRY, 1)


def test_build_that_is_still_under_way_at_the_deadline_fails_the_run_and_is_cancelled(
    pipeline: Pipeline, yard: Yard
) -> None:
    merge(pipeline)
    pipeline.settle()
    pipeline.clock.move(minutes=31)
    pipeline.settle(looks=2)
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "build-deadline"
    assert only(yard).stopped


def test_image_that_is_there_already_starts_nothing_elsewhere(pipeline: Pipeline, yard: Yard) -> None:
    commit = merge(pipeline)
    pipeline.push_image(commit[:12], revision=commit)
    pipeline.settle_live("checkout-dev")
    assert (pipeline.run().state, yard.builds) == (RunState.SUCCEEDED, {})


def test_image_that_is_seen_seconds_after_the_build_ended_is_waited_for(pipeline: Pipeline, yard: Yard) -> None:
    commit = merge(pipeline)
    pipeline.settle()
    only(yard).standing = BuildStanding(Progress.SUCCEEDED)
    pipeline.settle()
    assert pipeline.wait(pipeline.run())[0] is WaitKind.RETRY
    pipeline.push_image(commit[:12], revision=commit)
    pipeline.clock.move(seconds=5)
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    assert (pipeline.run().state, len(yard.builds)) == (RunState.SUCCEEDED, 1)


def test_image_that_never_comes_after_its_build_fails_the_run_and_is_not_built_again(
    pipeline: Pipeline, yard: Yard
) -> None:
    merge(pipeline)
    pipeline.settle()
    only(yard).standing = BuildStanding(Progress.SUCCEEDED)
    pipeline.settle()
    for _ in range(8):
        pipeline.clock.move(seconds=20)
        pipeline.settle()
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "image-missing"
    assert len(yard.builds) == 1


@pytest.fixture
def narrow(pipeline: Pipeline, yard: Yard) -> Yard:
    """Give a yard that builds two of a source repository at once."""
    configuration = ELSEWHERE.replace("{kind: yard}", "{kind: yard, at_once: 2}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "Two at once")
    pipeline.settle(looks=0)
    return yard


def test_builds_beyond_the_most_at_once_wait_for_their_turn_and_say_so(pipeline: Pipeline, narrow: Yard) -> None:
    for number in range(4):
        merge(pipeline, str(number))
    pipeline.settle(looks=2)
    assert len(narrow.builds) == 2
    waiting = [run for run in pipeline.runs() if "waits for its turn: 2 of acme/checkout" in run.message]
    assert len(waiting) == 2


def test_oldest_build_takes_the_turn_of_one_that_ended(pipeline: Pipeline, narrow: Yard) -> None:
    commits = [merge(pipeline, str(number)) for number in range(4)]
    pipeline.settle(looks=2)
    finish(pipeline, next(iter(narrow.builds.values())))
    pipeline.settle(looks=3)
    assert [one.request.commit for one in narrow.builds.values()] == commits[:3]


def test_build_that_nobody_wants_gives_up_its_turn(pipeline: Pipeline, narrow: Yard) -> None:
    for number in range(3):
        merge(pipeline, str(number))
    pipeline.settle()
    last = pipeline.run()
    with pipeline.store.begin() as tx:
        runs.end(tx, last.id, RunState.CANCELLED, "by carol", at=pipeline.clock.now())
    pipeline.settle()
    assert (build_of(pipeline, last).state, len(narrow.builds)) == (BuildState.CANCELLED, 2)


def test_start_whose_answer_was_lost_has_its_turn(pipeline: Pipeline, narrow: Yard) -> None:
    narrow.failing["start"] = AWAY
    for number in range(3):
        merge(pipeline, str(number))
    pipeline.settle(looks=0)
    narrow.failing.clear()
    pipeline.settle(looks=2)
    assert len(narrow.builds) == 2


SOURCES = [f"acme/service-{number}" for number in range(4)]


@pytest.fixture
def crowd(pipeline: Pipeline, yard: Yard) -> Yard:
    """Give a yard that builds two at once for four sources, each of which was merged."""
    pipeline.context = replace(pipeline.context, elsewhere_concurrency=2)
    github = pipeline.stack.github
    applications = ""
    for source in SOURCES:
        pipeline.stack.create_repository(source, {"app.py": "one\n"}, branches=["develop"])
        github.add_hook(source, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET)
        applications += f"  {source.partition('/')[2]}: {{source: {source}}}\n"
    github.push(MANIFESTS, "main", {"mergeport.yaml": ELSEWHERE + applications}, "Four more")
    pipeline.settle(looks=0)
    for source in SOURCES:
        github.merge(source, "develop", {"app.py": "two\n"})
    pipeline.settle(looks=2)
    return yard


def test_builder_has_at_most_so_many_builds_of_all_sources_and_says_so(pipeline: Pipeline, crowd: Yard) -> None:
    waiting = [run for run in pipeline.runs() if "MERGEPORT_ELSEWHERE_CONCURRENCY" in run.message]
    assert (len(crowd.builds), len(waiting)) == (2, 2)


def test_every_build_of_a_crowd_is_made_in_its_turn(pipeline: Pipeline, crowd: Yard) -> None:
    while len(crowd.builds) < len(SOURCES):
        for one in list(crowd.builds.values()):
            one.standing = BuildStanding(Progress.FAILED)
        made = len(crowd.builds)
        pipeline.settle(looks=3)
        assert 0 < len(crowd.builds) - made <= 2
    assert [one.request.repository for one in crowd.builds.values()] == SOURCES


def test_build_that_waits_for_its_turn_has_its_whole_deadline_from_then_on(pipeline: Pipeline, narrow: Yard) -> None:
    for number in range(3):
        merge(pipeline, str(number))
    pipeline.settle(looks=2)
    last = pipeline.run()
    pipeline.clock.move(minutes=31)
    pipeline.settle(looks=4)
    assert {run.code for run in pipeline.runs() if run.id != last.id} == {"build-deadline"}, "those have had their turn"
    assert (pipeline.run().state, len(narrow.builds)) == (RunState.WAITING, 3)
    pipeline.clock.move(minutes=29)
    pipeline.settle(looks=2)
    assert pipeline.run().state is RunState.WAITING
    pipeline.clock.move(minutes=2)
    pipeline.settle(looks=2)
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "build-deadline"


def test_build_that_waits_for_its_turn_says_how_many_are_before_it(pipeline: Pipeline, narrow: Yard) -> None:
    for number in range(5):
        merge(pipeline, str(number))
    pipeline.settle(looks=2)
    told = [run.message.partition("at once")[2] for run in pipeline.runs() if "waits for its turn" in run.message]
    assert sorted(told) == ["", ", and 1 waits before it", ", and 2 wait before it"]


def test_build_that_had_no_turn_by_its_deadline_says_what_it_waited_for(pipeline: Pipeline, crowd: Yard) -> None:
    last = next(run for run in pipeline.runs() if "MERGEPORT_ELSEWHERE_CONCURRENCY" in run.message)
    pipeline.clock.move(hours=25)
    pipeline.settle(looks=0)
    with pipeline.store.read() as tx:
        waiting = [wait for wait in waits.due(tx, pipeline.clock.now()) if wait.run_id == last.id]
    answer(pipeline.context, waiting[0], "deadline", WaitOutcome.DEADLINE)
    pipeline.settle(looks=0)
    ended = pipeline.ended(last, RunState.FAILED)
    assert (ended.code, "waiting (waits for its turn: 2 builds by yard" in ended.message) == ("build-deadline", True)


@pytest.fixture
def hasty(pipeline: Pipeline, yard: Yard) -> Yard:
    """Give a yard in an installation where the newest merge alone is built."""
    configuration = ELSEWHERE.replace("{branch: develop}", "{branch: develop, cancel_in_progress: true}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "The newest alone")
    pipeline.settle(looks=0)
    return yard


def run_of(pipeline: Pipeline, commit: str) -> Run:
    return pipeline.run(commit=commit)


def test_newer_merge_supersedes_the_run_that_is_being_built_and_cancels_its_build(
    pipeline: Pipeline, hasty: Yard
) -> None:
    first = merge(pipeline, "1")
    pipeline.settle()
    second = merge(pipeline, "2")
    pipeline.settle(looks=2)
    old, new = run_of(pipeline, first), run_of(pipeline, second)
    assert (old.state, old.superseded_by, new.state) == (RunState.SUPERSEDED, new.id, RunState.WAITING)
    assert [one.stopped for one in hasty.builds.values()] == [True, False]


def test_merges_are_all_built_without_that_policy(pipeline: Pipeline, yard: Yard) -> None:
    for number in range(2):
        merge(pipeline, str(number))
        pipeline.settle()
    assert {run.state for run in pipeline.runs()} == {RunState.WAITING}
    assert [one.stopped for one in yard.builds.values()] == [False, False]


def test_older_merge_whose_delivery_came_late_ends_nothing(pipeline: Pipeline, hasty: Yard) -> None:
    github = pipeline.stack.github
    first = merge(pipeline, "1")
    github.wait_delivered()
    late, pipeline._taken = github.deliveries[pipeline._taken :], len(github.deliveries)
    second = merge(pipeline, "2")
    pipeline.settle()
    with pipeline.store.begin() as tx:
        for one in late:
            deliveries.accept(
                tx, id=DeliveryId(one.guid), source="github", event=one.event, repository=one.repository,
                body=one.body, at=pipeline.clock.now(),
            )  # fmt: skip
    pipeline.settle(looks=2)
    assert run_of(pipeline, second).state is RunState.WAITING
    assert [one.stopped for one in hasty.builds.values() if one.request.commit == second] == [False]
    assert first != second


def test_cancelled_build_that_another_environment_needs_goes_on(pipeline: Pipeline, hasty: Yard) -> None:
    commit = merge(pipeline, "1")
    pipeline.settle()
    pipeline.stack.github.force_push(SOURCE, "staging", commit)
    pipeline.settle()
    merge(pipeline, "2")
    pipeline.settle(looks=2)
    shared = [one for one in hasty.builds.values() if one.request.commit == commit]
    assert [one.stopped for one in shared] == [False]
    assert pipeline.run("stage", commit=commit).state is RunState.WAITING
