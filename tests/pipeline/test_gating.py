"""Gates keep a promotion back until they are open, and it goes on at the very moment when they are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.core.words import RunState, WaitKind
from service.store import judgements
from service.store.runs import Run
from tests.fixtures.service import MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import CHAIN, configure, images, merge, runs_to

SOAKED = CHAIN.replace("{from: dev}", "{from: dev, gates: {soak: {environment: dev, healthy_for: 30m}}}")
NIGHT = "2099-01-01"


def frozen(until: str = NIGHT) -> str:
    window = f'{{from: "2020-01-01", until: "{until}", reason: stocktaking}}'
    return CHAIN.replace("{from: dev}", f"{{from: dev, gates: {{freeze: [{window}]}}}}")


@pytest.fixture
def soaking(pipeline: Pipeline) -> Run:
    """Have a release healthy in dev; its run to stage waits for the soak."""
    configure(pipeline, SOAKED)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    return pipeline.run("stage")


def told(pipeline: Pipeline, run: Run) -> dict[str, tuple[str, str]]:
    with pipeline.store.read() as tx:
        kept = judgements.of_run(tx, run.id)
    assert kept is not None
    return {gate: (state, words) for gate, state, words in kept.gates}


def values(pipeline: Pipeline) -> str:
    found = pipeline.stack.git.open(MANIFESTS).read("main", "apps/checkout/values-stage.yaml")
    assert found is not None
    return found.decode()


def test_run_waits_for_the_soak_and_says_until_when(pipeline: Pipeline, soaking: Run) -> None:
    kind, words = pipeline.wait(soaking)
    assert (kind, words.startswith("soak: "), "dev" in words) == (WaitKind.GATE, True, True)
    assert str(images(soaking)) not in values(pipeline)
    assert told(pipeline, soaking)["soak"][0] == "waiting"


def test_run_commits_when_the_soak_is_over(pipeline: Pipeline, soaking: Run) -> None:
    pipeline.clock.move(minutes=29, seconds=50)
    pipeline.settle()
    assert pipeline.run("stage").state is RunState.WAITING
    pipeline.clock.move(seconds=11)
    pipeline.settle()
    assert str(images(soaking)) in values(pipeline)


def test_degraded_begins_the_soak_anew(pipeline: Pipeline, soaking: Run) -> None:
    pipeline.clock.move(minutes=20)
    with pipeline.store.begin() as tx:
        from service.pipeline.deploy.deployments import began  # noqa: PLC0415

        began(tx, pipeline.context, pipeline.run("dev"), "checkout-dev", "Degraded")
    pipeline.settle(looks=0)
    pipeline.clock.move(minutes=11)
    pipeline.settle(looks=0)
    assert pipeline.run("stage").state is RunState.WAITING


def test_busy_upstream_starves_nobody(pipeline: Pipeline, soaking: Run) -> None:
    pipeline.clock.move(minutes=31)
    merge(pipeline, "print('three')\n")
    pipeline.settle_live("checkout-dev")
    newer, older = runs_to(pipeline, "stage")
    assert older.id == soaking.id
    assert str(images(soaking)) in values(pipeline)
    assert newer.state is RunState.WAITING


def test_newer_release_that_is_ready_replaces_the_one_that_waits_for_a_freeze(pipeline: Pipeline) -> None:
    configure(pipeline, frozen())
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    older = pipeline.run("stage")
    assert "stocktaking" in pipeline.wait(older)[1]
    merge(pipeline, "print('three')\n")
    pipeline.settle_live("checkout-dev")
    assert pipeline.ended(older, RunState.SUPERSEDED).superseded_by == pipeline.run("stage").id


def test_run_goes_on_when_the_configuration_takes_its_gate_away(pipeline: Pipeline, soaking: Run) -> None:
    configure(pipeline, CHAIN, "No soak")
    pipeline.settle()
    assert str(images(soaking)) in values(pipeline)


def test_platform_that_is_missing_refuses_the_run(pipeline: Pipeline) -> None:
    configure(pipeline, CHAIN.replace("{from: dev}", "{from: dev, gates: {image: {platforms: [linux/s390x]}}}"))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    run = pipeline.run("stage")
    assert (run.state, run.code, "linux/s390x" in run.message) == (RunState.FAILED, "gate-refused", True)


def test_freeze_file_that_is_missing_is_a_wait_and_no_allowance(pipeline: Pipeline) -> None:
    configure(pipeline, CHAIN.replace("{from: dev}", "{from: dev, gates: {freeze: [{file: ops/freezes.yaml}]}}"))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert "ops/freezes.yaml" in pipeline.wait(pipeline.run("stage"))[1]
    pipeline.stack.github.push(MANIFESTS, "main", {"ops/freezes.yaml": "[]\n"}, "No freezes")
    pipeline.clock.move(minutes=5)
    pipeline.settle()
    assert str(images(pipeline.run("stage"))) in values(pipeline)


SCANNED = CHAIN.replace("{from: dev}", "{from: dev, gates: {image: {scan: {fail_on: HIGH}}}}")


def scan(pipeline: Pipeline, run: Run, **findings: object) -> None:
    pipeline.stack.ecr.scans.known[run.images[""]["digest"]] = {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": {"imageScanCompletedAt": 1795948200.0, "findings": [], **findings},
    }


@pytest.fixture
def unscanned(pipeline: Pipeline) -> Run:
    """Have a release whose run to stage waits, because its registry has not scanned it."""
    configure(pipeline, SCANNED)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    return pipeline.run("stage")


def test_run_waits_for_a_scan_and_goes_on_when_it_found_nothing(pipeline: Pipeline, unscanned: Run) -> None:
    assert "there is no scan of" in pipeline.wait(unscanned)[1]
    scan(pipeline, unscanned)
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    assert str(images(unscanned)) in values(pipeline)


def test_finding_of_the_scan_refuses_the_run(pipeline: Pipeline, unscanned: Run) -> None:
    scan(pipeline, unscanned, findings=[{"name": "CVE-2026-1", "severity": "CRITICAL"}])
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    run = pipeline.run("stage")
    assert (run.state, run.code, "CVE-2026-1 (CRITICAL)" in run.message) == (RunState.FAILED, "gate-refused", True)


@pytest.mark.prove
def test_scan_that_cannot_be_read_is_a_wait_and_no_allowance(pipeline: Pipeline, unscanned: Run) -> None:
    scan(pipeline, unscanned)
    pipeline.stack.ecr.faults.answer("403 Forbidden", path="/manifests/sha256", times=99)
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    assert "could not be read" in pipeline.wait(unscanned)[1]


def test_freeze_that_begins_while_an_edit_waits_keeps_it_out_also_of_the_push_of_another_run(
    pipeline: Pipeline,
) -> None:
    begins, ends = (pipeline.clock.now() + timedelta(minutes=after) for after in (5, 60))
    window = f'{{from: "{begins:%Y-%m-%d %H:%M}", until: "{ends:%Y-%m-%d %H:%M}", timezone: UTC, reason: stocktaking}}'
    gathering = f"{{from: dev, manifest: {{batch_window: 10m}}, gates: {{freeze: [{window}]}}}}"
    configure(pipeline, CHAIN.replace("{from: dev}", gathering))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    run, written = pipeline.run("stage"), values(pipeline)
    assert pipeline.wait(run)[0] is WaitKind.PUSH
    pipeline.clock.move(minutes=6)
    merge(pipeline, "print('three')\n")  # its commit to dev takes along what waits for the branch
    pipeline.settle()
    pipeline.clock.move(minutes=6)
    merge(pipeline, "print('four')\n")
    pipeline.settle()
    assert values(pipeline) == written
    assert "stocktaking" in pipeline.wait(pipeline.run("stage"))[1]
    for minutes in (60, 11):  # the end of the freeze, and a batch window in case one begins anew
        pipeline.clock.move(minutes=minutes)
        pipeline.settle()
    assert str(images(pipeline.run("stage"))) in values(pipeline)
