"""A model's version goes from MLflow's alias to live, and back, beside the images of its application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.mlflow import MLflow
from devstack.stack import Devstack
from service.bootstrap import histories
from service.bootstrap_sources import sources
from service.core.asked import Cause
from service.core.doctor.finding import Verdict
from service.core.words import DeliveryId, Repository, RunState, WaitKind
from service.pipeline import actions
from service.pipeline.asked import rebuilding
from service.pipeline.asked.manifest_history import Past
from service.pipeline.asked.status_matrix import status
from service.pipeline.asked.why import Question, why
from service.pipeline.doctor.examination import examine
from service.pipeline.doctor.model_registry import PART
from service.pipeline.intake.model_moves import look_at_models
from service.store import deliveries
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_state_branch import acting, asked

SECRET = "mlflow-webhook-secret-of-tests"
MODEL = "fraud-scorer"
FILE = "apps/scorer/values-{environment}.yaml"
VALUES = "model:\n  uri: none  # written by Mergeport\n  version: '0'\nreplicas: 1\n"
IMAGE = "image:\n  repository: r.test/scorer\n  tag: ''\n  digest: ''\n"
OF_MODELS = """\
model_registries:
  mlflow: {{kind: mlflow, url: "{url}"}}
"""
SCORER = """\
  scorer:
    models: {{scorer: {{registry: mlflow, name: fraud-scorer}}}}
    values:
      - file: "apps/scorer/values-{{environment}}.yaml"
        set: {{model.uri: "{{scorer.uri}}", model.version: "{{scorer.version}}"}}
    argocd: "scorer-{{environment}}"
    environments: {{dev: {{alias: challenger}}, prod: {{alias: champion}}, stage: false}}
"""


@pytest.fixture
def mlflow() -> Iterator[MLflow]:
    """Give an empty registry."""
    with MLflow(secret=SECRET) as running:
        yield running


@pytest.fixture
def scoring(pipeline: Pipeline, mlflow: MLflow) -> Pipeline:
    """Give a pipeline whose configuration has an application that is a model alone."""
    configure(pipeline, mlflow)
    return pipeline


def configure(
    pipeline: Pipeline, mlflow: MLflow, text: str = SCORER, *, base: str = CONFIGURATION, images: bool = False
) -> None:
    """Bring a configuration in force that has models, with the values files and the Argo CD applications."""
    models = pipeline.settings.models
    object.__setattr__(pipeline.settings, "models", replace(models, webhook_secrets=(SECRET,)))
    files = {
        "mergeport.yaml": OF_MODELS.format(url=mlflow.url) + base + text.replace("{{", "{").replace("}}", "}"),
        **{FILE.format(environment=one): VALUES + (IMAGE if images else "") for one in ("dev", "prod")},
    }
    pipeline.stack.github.push(MANIFESTS, "main", files, "Serve a model")
    pipeline.stack.argocd.add_application_set(MANIFESTS)
    pipeline.settle()


def told(pipeline: Pipeline, mlflow: MLflow, *, settle: bool = True) -> None:
    """Store what MLflow has sent, as the web process does, and work."""
    source = sources(pipeline.settings)["mlflow"]
    with pipeline.store.begin() as tx:
        for sent in mlflow.deliveries():
            head = source.verify(sent.headers, sent.body)
            deliveries.accept(
                tx, id=DeliveryId(head.id), source="mlflow", event=head.event, repository=head.repository,
                body=sent.body, at=pipeline.clock.now(),
            )  # fmt: skip
    if settle:
        pipeline.settle_live("scorer-dev", "scorer-prod")


def values(pipeline: Pipeline, environment: str = "dev") -> str:
    return pipeline.stack.git.open(MANIFESTS).text("main", FILE.format(environment=environment))


def test_alias_that_moves_is_live_and_told_to_the_registry(scoring: Pipeline, mlflow: MLflow) -> None:
    mlflow.register(MODEL)
    mlflow.set_alias(MODEL, "challenger", 1)
    told(scoring, mlflow)
    run = scoring.ended(scoring.run("dev", "scorer"), RunState.SUCCEEDED)
    uri = mlflow.models[MODEL].versions[1].uri
    assert f"uri: {uri}  # written by Mergeport" in values(scoring)
    assert "version: '1'" in values(scoring)
    message = scoring.stack.git.open(MANIFESTS).git("log", "-1", "--format=%B", "main")
    assert f"Mergeport-Model: mlflow/fraud-scorer@1 {uri} sha256:" in message
    assert "Source-Commit" not in message
    assert run.manifest_commit is not None
    assert mlflow.tags(MODEL, 1) == {"mergeport.dev": f"live at {run.manifest_commit[:12]}"}


def move(pipeline: Pipeline, mlflow: MLflow, alias: str, version: int) -> None:
    """Let an alias name a version, and let everything happen."""
    mlflow.set_alias(MODEL, alias, version)
    told(pipeline, mlflow)


def test_what_no_webhook_told_of_the_poll_finds_and_nothing_is_done_twice(scoring: Pipeline, mlflow: MLflow) -> None:
    mlflow.register(MODEL)
    mlflow.set_alias(MODEL, "challenger", 1)
    mlflow.set_alias(MODEL, "champion", 1)
    lost = mlflow.deliveries()
    look_at_models(scoring.context)
    scoring.settle_live("scorer-dev", "scorer-prod")
    before = len(mlflow.requests)
    look_at_models(scoring.context)
    assert len(mlflow.requests) == before + 1
    mlflow.sent = list(lost)
    told(scoring, mlflow)
    assert len([run for run in scoring.runs() if run.application == "scorer"]) == 2
    assert scoring.ended(scoring.run("dev", "scorer"), RunState.SUCCEEDED)
    (pull,) = scoring.stack.github.pulls(MANIFESTS, "open")
    assert pull.head == "mergeport/promotion/prod/scorer"


def test_alias_that_goes_back_brings_the_older_version_back(scoring: Pipeline, mlflow: MLflow) -> None:
    for _ in range(2):
        mlflow.register(MODEL)
    move(scoring, mlflow, "challenger", 1)
    move(scoring, mlflow, "challenger", 2)
    move(scoring, mlflow, "challenger", 1)
    run = scoring.ended(scoring.run("dev", "scorer"), RunState.SUCCEEDED)
    assert (run.commit, run.generation) == ("v1", 1)
    assert "version: '1'" in values(scoring)
    assert scoring.delivery("model_version_alias.created").reason.startswith(
        "challenger went back from fraud-scorer 2 to 1"
    )
    assert mlflow.tags(MODEL, 1)["mergeport.dev"] == f"live at {(run.manifest_commit or '')[:12]}"
    assert mlflow.tags(MODEL, 2)["mergeport.dev"].startswith("not live any more: replaced by")


def test_a_version_that_the_alias_left_before_it_was_written_is_not_written(scoring: Pipeline, mlflow: MLflow) -> None:
    for _ in range(2):
        mlflow.register(MODEL)
    mlflow.set_alias(MODEL, "challenger", 1)
    told(scoring, mlflow, settle=False)
    assert scoring.intake()
    mlflow.set_alias(MODEL, "challenger", 2)
    told(scoring, mlflow)
    assert scoring.run("dev", "scorer", "v1").state is RunState.SUPERSEDED
    assert scoring.ended(scoring.run("dev", "scorer", "v2"), RunState.SUCCEEDED)
    assert "version: '2'" in values(scoring)


def test_rollback_takes_the_model_back_alone_and_it_stays(scoring: Pipeline, mlflow: MLflow) -> None:
    for _ in range(3):
        mlflow.register(MODEL)
    move(scoring, mlflow, "challenger", 1)
    move(scoring, mlflow, "challenger", 2)
    actions.rollback(acting(scoring), asked(scoring, "worse"), application="scorer", environment="dev")
    scoring.settle_live("scorer-dev")
    look_at_models(scoring.context)
    scoring.settle_live("scorer-dev")
    assert "version: '1'" in values(scoring)
    assert scoring.ended(scoring.run("dev", "scorer"), RunState.SUCCEEDED).rollback is not None
    move(scoring, mlflow, "challenger", 3)
    assert scoring.run("dev", "scorer").commit == "v3"
    assert scoring.wait(scoring.run("dev", "scorer"))[0] is WaitKind.GATE
    assert "version: '1'" in values(scoring)
    configuration = scoring.context.configurations.current()
    with scoring.store.read() as tx:
        cells = status(tx, configuration, scoring.context.configuration_repository, scoring.clock.now(), "scorer")
    assert [(one.environment, one.commit, one.alias) for one in cells] == [
        ("dev", "v1", "challenger is 3"), ("prod", "", ""),
    ]  # fmt: skip


def test_image_and_model_of_one_application_both_land(pipeline: Pipeline, mlflow: MLflow) -> None:
    both = SCORER.replace("  scorer:\n", f"  scorer:\n    source: {SOURCE}\n    image: scorer\n").replace(
        "model.uri:", 'image.tag: "{{tag}}", image.digest: "{{digest}}", model.uri:'
    )
    configure(pipeline, mlflow, both, images=True)
    mlflow.register(MODEL)
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"}, title="Two", author="bob")
    mlflow.set_alias(MODEL, "challenger", 1)
    told(pipeline, mlflow)
    image, model = pipeline.run("dev", "scorer"), pipeline.run("dev", "scorer.scorer")
    assert (image.state, model.state) == (RunState.SUCCEEDED, RunState.SUCCEEDED), (image.message, model.message)
    text = values(pipeline)
    assert image.images[""]["digest"] in text
    assert f"uri: {mlflow.models[MODEL].versions[1].uri}" in text
    assert (image.commit[:12] in text, "version: '1'" in text) == (True, True)


@pytest.mark.parametrize(
    ("uri", "state", "code"),
    [("", RunState.SUCCEEDED, ""), ("models:/fraud@champion", RunState.FAILED, "model-uri-moves")],
)
def test_the_registry_may_wobble_and_an_address_may_not(
    scoring: Pipeline, mlflow: MLflow, uri: str, state: RunState, code: str
) -> None:
    mlflow.register(MODEL, uri=uri)
    mlflow.set_alias(MODEL, "challenger", 1)
    mlflow.fail_next(503)
    told(scoring, mlflow)
    mlflow.fail_next(500)
    scoring.settle_over_time("scorer-dev", seconds=60)
    run = scoring.run("dev", "scorer")
    assert (run.state, run.code) == (state, code)
    assert ("version: '1'" in values(scoring)) == (state is RunState.SUCCEEDED)


def test_a_blocked_version_is_not_promoted_and_its_tag_says_so(scoring: Pipeline, mlflow: MLflow) -> None:
    mlflow.register(MODEL)
    actions.block(acting(scoring), asked(scoring, "poisoned"), "fraud-scorer@1")
    move(scoring, mlflow, "challenger", 1)
    assert scoring.run("dev", "scorer").code == "blocked"
    assert "version: '0'" in values(scoring)
    assert "poisoned" in mlflow.tags(MODEL, 1)["mergeport.dev"]
    configuration = scoring.context.configurations.current()
    with scoring.store.read() as tx:
        asking = Question("fraud-scorer@1", "dev", "", configuration, Repository(MANIFESTS), scoring.clock.now())
        (why_not,) = why(tx, asking)
    assert (why_not.answer.cause, "poisoned" in why_not.answer.words) == (Cause.BLOCK, True)


def test_pull_request_has_the_evidence_and_a_worse_metric_is_refused(pipeline: Pipeline, mlflow: MLflow) -> None:
    gated = CONFIGURATION.replace(
        "    publish: pull-request\n", '    publish: pull-request\n    gates: {metric: {auc: ">= live"}}\n'
    )
    configure(pipeline, mlflow, base=gated)
    mlflow.register(MODEL, metrics={"auc": 0.9})
    mlflow.register(MODEL, metrics={"auc": 0.95}, params={"depth": "5"}, dataset="train", commit="4f2c1e9")
    mlflow.register(MODEL, metrics={"auc": 0.8})
    move(pipeline, mlflow, "champion", 1)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, by="release-manager")
    pipeline.settle_live("scorer-prod")
    assert pipeline.ended(pipeline.run("prod", "scorer"), RunState.SUCCEEDED)
    move(pipeline, mlflow, "champion", 2)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    for text in ("| `auc` | 0.9 | 0.95 | +0.05 |", "`depth=5`", "train@d1", "4f2c1e9", "fraud-scorer@2", "/runs/"):
        assert text in (pull.body or ""), text
    assert pull.title == "scorer v2 → prod: champion is fraud-scorer 2, after 1"
    assert gate(pipeline, pull.head_sha) == "success"
    move(pipeline, mlflow, "champion", 3)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    assert "scorer v3" in pull.title
    assert gate(pipeline, pull.head_sha) == "failure"


def gate(pipeline: Pipeline, commit: str) -> str:
    (status,) = pipeline.stack.github.statuses(MANIFESTS, commit, "mergeport/gate/metric")[-1:]
    return status.state


def test_what_is_healthy_upstream_comes_by_its_number_and_a_lost_database_comes_back(
    pipeline: Pipeline, mlflow: MLflow, world: Devstack, tmp_path: Path
) -> None:
    chained = SCORER.replace("prod: {{alias: champion}}", "prod: {{from: dev, publish: commit}}")
    base = CONFIGURATION.replace("    branch: main\n    publish", "    from: dev\n    publish")
    configure(pipeline, mlflow, chained, base=base)
    for _ in range(2):
        mlflow.register(MODEL)
    move(pipeline, mlflow, "challenger", 2)
    pipeline.settle_live("scorer-prod")
    assert "version: '2'" in values(pipeline, "prod")
    move(pipeline, mlflow, "challenger", 1)
    pipeline.settle_live("scorer-prod")
    assert "version: '1'" in values(pipeline)
    assert "version: '2'" in values(pipeline, "prod")
    assert pipeline.run("prod", "scorer", "v1").state is RunState.SUPERSEDED
    (tmp_path / "anew").mkdir()
    anew = Pipeline(world, tmp_path / "anew")
    anew.skip_deliveries()
    configuration = anew.context.configurations.current()
    plan = rebuilding.plan(Past(anew.context, histories(anew.settings, anew.context)), configuration)
    lost = [*plan.lost, *rebuilding.bring_back(anew.context, configuration, plan)]
    assert [one for one in lost if one.application == "scorer"] == []
    found = {environment: anew.run(environment, "scorer") for environment in ("dev", "prod")}
    assert {environment: (run.commit, run.branch) for environment, run in found.items()} == {
        "dev": ("v1", "challenger"), "prod": ("v2", "challenger"),
    }  # fmt: skip
    assert found["dev"].images["scorer"]["uri"] == mlflow.models[MODEL].versions[1].uri
    look_at_models(anew.context)
    assert anew.queue.runs == []
    anew.close()


def test_alias_that_goes_back_to_what_is_live_closes_the_pull_request(scoring: Pipeline, mlflow: MLflow) -> None:
    for _ in range(2):
        mlflow.register(MODEL)
    move(scoring, mlflow, "champion", 1)
    (pull,) = scoring.stack.github.pulls(MANIFESTS, "open")
    scoring.stack.github.merge_pull(MANIFESTS, pull.number, by="release-manager")
    scoring.settle_live("scorer-prod")
    move(scoring, mlflow, "champion", 2)
    assert len(scoring.stack.github.pulls(MANIFESTS, "open")) == 1
    move(scoring, mlflow, "champion", 1)
    scoring.settle_live("scorer-prod")
    assert "version: '1'" in values(scoring, "prod")
    assert scoring.stack.github.pulls(MANIFESTS, "open") == []
    assert scoring.run("prod", "scorer", "v2").state is RunState.SUPERSEDED
    assert scoring.ended(scoring.run("prod", "scorer", "v1"), RunState.SUCCEEDED).generation == 1


def test_latest_takes_newer_versions_and_never_goes_back(pipeline: Pipeline, mlflow: MLflow) -> None:
    configure(pipeline, mlflow, SCORER.replace("alias: challenger", "alias: latest"))
    for _ in range(2):
        mlflow.register(MODEL)
    told(pipeline, mlflow)
    assert pipeline.ended(pipeline.run("dev", "scorer"), RunState.SUCCEEDED).commit == "v2"
    mlflow.delete_version(MODEL, 2)
    look_at_models(pipeline.context)
    pipeline.settle_live("scorer-dev")
    run = pipeline.ended(pipeline.run("dev", "scorer"), RunState.SUPERSEDED)
    assert (run.commit, "version: '2'" in values(pipeline)) == ("v1", True)
    look_at_models(pipeline.context)
    assert len([one for one in pipeline.runs() if one.application == "scorer"]) == 2


@pytest.mark.prove
def test_shared_pull_request_has_the_evidence_and_the_alias_takes_back_what_waits_in_it(
    pipeline: Pipeline, mlflow: MLflow
) -> None:
    shared = CONFIGURATION.replace("    publish: pull-request\n", "    publish: pull-request\n    group: environment\n")
    configure(pipeline, mlflow, base=shared)
    for _ in range(2):
        mlflow.register(MODEL, metrics={"auc": 0.9})
    move(pipeline, mlflow, "champion", 1)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    assert "| `auc` |  | 0.9 |" in (pull.body or "")
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, by="release-manager")
    pipeline.settle_live("scorer-prod")
    assert pipeline.ended(pipeline.run("prod", "scorer"), RunState.SUCCEEDED)
    move(pipeline, mlflow, "champion", 2)
    assert len(pipeline.stack.github.pulls(MANIFESTS, "open")) == 1
    move(pipeline, mlflow, "champion", 1)
    pipeline.settle_live("scorer-prod")
    assert pipeline.stack.github.pulls(MANIFESTS, "open") == []
    assert pipeline.run("prod", "scorer", "v2").state is RunState.CANCELLED
    assert "version: '1'" in values(pipeline, "prod")


def test_doctor_tells_of_models_and_aliases_that_are_not_there(scoring: Pipeline, mlflow: MLflow) -> None:
    mlflow.register(MODEL)
    mlflow.set_alias(MODEL, "challenger", 1)
    found = [one for one in examine(scoring.context, scoring.settings.state_directory, signs=False) if one.part == PART]
    assert [(one.verdict, one.words.partition(",")[0]) for one in found] == [
        (Verdict.GOOD, "challenger is version 1"), (Verdict.WARNING, "no version has the alias champion"),
    ]  # fmt: skip
    del mlflow.models[MODEL]
    found = [one for one in examine(scoring.context, scoring.settings.state_directory, signs=False) if one.part == PART]
    assert [(one.verdict, one.words) for one in found] == [(Verdict.FAULT, "there is no model fraud-scorer")]


def test_what_is_closed_for_an_application_is_closed_for_its_models_too(pipeline: Pipeline, mlflow: MLflow) -> None:
    several = SCORER.replace(
        "models: {{scorer:", "models: {{other: {{registry: mlflow, name: other}}, scorer:"
    ).replace("model.uri:", 'other: "{{other.version}}", model.uri:')
    configure(pipeline, mlflow, several)
    actions.lock(acting(pipeline), asked(pipeline, "audit"), application="scorer", environment="dev")
    mlflow.register(MODEL)
    move(pipeline, mlflow, "challenger", 1)
    assert pipeline.wait(pipeline.run("dev", "scorer.scorer"))[0] is WaitKind.GATE
    assert "version: '0'" in values(pipeline)
    actions.unlock(acting(pipeline), asked(pipeline, "done"), application="scorer", environment="dev")
    pipeline.settle_live("scorer-dev")
    assert "version: '1'" in values(pipeline)
