"""`mergeport doctor` on a whole set-up: everything is well, and then one thing after the other is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.core.doctor.finding import Finding, Verdict
from service.pipeline.doctor.examination import examine
from service.store import leases
from tests.fixtures.service import MANIFESTS, REGISTRY, SOURCE
from tests.pipeline.harness import Pipeline

IMAGE = f"{REGISTRY}/checkout"
HOOK = "http://127.0.0.1:9/webhooks/github"


def findings(pipeline: Pipeline) -> dict[tuple[str, str], Finding]:
    """Give the worst finding of each place."""
    found = examine(pipeline.context, pipeline.settings.state_directory, signs=False)
    return {(one.part, one.subject): one for one in sorted(found, key=lambda one: list(Verdict).index(one.verdict))}


def answered(pipeline: Pipeline, status: int) -> None:
    """Have every delivery of the past answered so."""
    pipeline.stack.github.wait_delivered()
    for one in pipeline.stack.github.deliveries:
        one.status_code, one.status = status, "OK"


@pytest.fixture
def well(pipeline: Pipeline) -> Pipeline:
    """Give a set-up in which nothing is wrong."""
    pipeline.settings.state_directory.mkdir(exist_ok=True)
    with pipeline.store.begin() as tx:
        leases.acquire(tx, "worker:w", "w", now=pipeline.clock.now(), seconds=60)
    answered(pipeline, 202)
    pipeline.stack.github.repository(MANIFESTS).rules["main"] = ("pull_request",)
    image = next(pipeline.context.configurations.current().targets()).images[0]
    pipeline.context.outside.images.registry(image).ensure_repository(image.repository)
    return pipeline


def test_nothing_is_at_fault_in_a_set_up_that_works(well: Pipeline) -> None:
    found = findings(well)
    assert {one for one in found.values() if one.verdict is Verdict.FAULT} == set()
    parts = {part for part, _ in found}
    assert parts == {"machine", "database", "configuration", "github", "webhook", "branch", "registry", "argocd"}
    assert found["argocd", "checkout-dev"].words == "it follows main and syncs by itself"
    assert found["registry", IMAGE].words == "we may read and push"
    assert well.stack.ecr.faults.requests("DELETE", "/blobs/uploads/")


def no_worker(pipeline: Pipeline) -> None:
    pipeline.clock.move(minutes=2)


def broken_configuration(pipeline: Pipeline) -> None:
    pipeline.context.configurations.current()
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": "environments: {}\n"})
    pipeline.context.configurations.reload()


def refused_deliveries(pipeline: Pipeline) -> None:
    answered(pipeline, 401)


def unsigned(pipeline: Pipeline) -> None:
    pipeline.stack.github.repository(MANIFESTS).rules["main"] = ("required_signatures",)


def another_branch(pipeline: Pipeline) -> None:
    app = pipeline.stack.argocd.applications["checkout-dev"]
    pipeline.stack.argocd.add_application(
        "checkout-dev", *(replace(source, target_revision="release") for source in app.sources), deployed=False
    )


def no_application(pipeline: Pipeline) -> None:
    del pipeline.stack.argocd.applications["checkout-stage"]


def closed_registry(pipeline: Pipeline) -> None:
    pipeline.stack.ecr.faults.answer("403 Forbidden", method="POST", path="/blobs/uploads/", body=b'{"errors": []}')


SPOILT = (
    (no_worker, ("database", "workers"), "no worker is alive", "mergeport serve"),
    (broken_configuration, ("configuration", f"mergeport.yaml of {MANIFESTS}"), "stays in force", "config check"),
    (refused_deliveries, ("webhook", f"{SOURCE}: {HOOK}"), "ended with 401", "the same secret"),
    (unsigned, ("branch", f"{MANIFESTS} main"), "signed commits alone", "MERGEPORT_SIGNING_KEY_FILE"),
    (another_branch, ("argocd", "checkout-dev"), "it follows release, and we write main", "targetRevision"),
    (no_application, ("argocd", "checkout-stage"), "has no such application", "argocd app list"),
    (closed_registry, ("registry", IMAGE), "", ""),
)


def test_whatever_is_at_fault_is_named_with_how_to_mend_it(well: Pipeline) -> None:
    for spoil, *_ in SPOILT:
        spoil(well)
    found = findings(well)
    for _, place, words, hint in SPOILT:
        assert found[place].verdict is Verdict.FAULT, place
        assert words in found[place].words
        assert hint in found[place].hint
    at_fault = {place for place, one in found.items() if one.verdict is Verdict.FAULT}
    assert at_fault == {place for _, place, *_ in SPOILT}


def test_source_whose_merges_nobody_tells_of_is_at_fault(well: Pipeline) -> None:
    well.stack.github.repository(SOURCE).hooks.clear()
    one = findings(well)["webhook", SOURCE]
    assert (one.verdict, one.hint) == (Verdict.FAULT, "set the web hook to https://YOUR-HOST/webhooks/github")


def test_pull_requests_that_nobody_must_make_are_a_warning(well: Pipeline) -> None:
    well.stack.github.repository(MANIFESTS).rules.clear()
    one = findings(well)["branch", f"{MANIFESTS} main"]
    assert (one.verdict, one.words) == (
        Verdict.WARNING, "prod are promoted by pull request, but anybody who may push can go around it",
    )  # fmt: skip


def test_a_part_that_does_not_answer_hides_no_other(well: Pipeline) -> None:
    well.stack.github.faults.answer("503 Service Unavailable", path=f"/repos/{SOURCE}/hooks", times=9)
    well.stack.argocd.faults.answer("503 Service Unavailable", path="/api/v1/applications", times=9)
    found = findings(well)
    assert found["webhook", "web hook"].verdict is Verdict.UNKNOWN
    assert found["argocd", "applications"].verdict is Verdict.UNKNOWN
    assert found["registry", IMAGE].verdict is Verdict.GOOD
