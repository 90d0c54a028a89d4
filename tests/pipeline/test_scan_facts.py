"""What the registry's scan has found is kept with a run when it is live, and never stops it."""

from __future__ import annotations

from service.core.scans import words_of
from service.core.words import RunState
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE
from tests.pipeline.harness import Pipeline

SCANNED = CONFIGURATION.replace(
    f"registry: {REGISTRY}", f"registry: {{kind: ecr, host: {REGISTRY}, create: {{scan_on_push: true}}}}"
)


def scan(pipeline: Pipeline) -> None:
    assert SCANNED != CONFIGURATION
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": SCANNED}, "Scan images")
    pipeline.settle(looks=0)


def test_counts_of_the_scan_are_kept_with_the_run(pipeline: Pipeline) -> None:
    scan(pipeline)
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle()
    found = {"imageScanCompletedAt": 1795948200.0, "findings": [], "findingSeverityCounts": {"HIGH": 2}}
    pipeline.stack.ecr.scans.known[pipeline.run().images[""]["digest"]] = {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindings": found,
    }
    pipeline.settle_live("checkout-dev")
    told = pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]["scan"]
    assert words_of(told) == "2 high, scanned 2026-11-29 10:30 UTC"


def test_image_without_a_scan_has_nothing_kept(pipeline: Pipeline) -> None:
    scan(pipeline)
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle_live("checkout-dev")
    assert "scan" not in pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]


def test_refused_reading_of_the_scan_is_left_out_and_fails_nothing(pipeline: Pipeline) -> None:
    scan(pipeline)
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle()
    pipeline.stack.ecr.faults.answer("403 Forbidden", path="/manifests/sha256", times=9)
    pipeline.settle_live("checkout-dev")
    assert "scan" not in pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]
