"""What is live and healthy in an environment comes to those that it feeds, as the very images that run there."""

from __future__ import annotations

import pytest

from service.core.words import RunState, Stage
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

CHAIN = CONFIGURATION.replace("stage: {branch: staging}", "stage: {from: dev}").replace(
    "prod:\n    branch: main", "prod:\n    from: stage"
)


def configure(pipeline: Pipeline, text: str, message: str = "Chain the environments") -> None:
    assert text != CONFIGURATION
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, message)
    pipeline.settle(looks=0)


@pytest.fixture
def chain(pipeline: Pipeline) -> Pipeline:
    configure(pipeline, CHAIN)
    return pipeline


def merge(pipeline: Pipeline, text: str = "print('two')\n") -> None:
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": text})
    pipeline.settle()


def images(run: Run) -> object:
    return run.images[""]["digest"]


def builds(pipeline: Pipeline) -> list[str]:
    return [name for run in pipeline.runs() for name in pipeline.steps(run) if name.startswith("build image")]


def runs_to(pipeline: Pipeline, environment: str) -> list[Run]:
    return [run for run in pipeline.runs() if run.environment == environment]


def test_release_that_is_healthy_upstream_comes_downstream_as_the_same_digest(chain: Pipeline) -> None:
    merge(chain)
    chain.settle_live("checkout-dev")
    dev, stage = chain.run("dev"), chain.run("stage")
    assert (stage.commit, images(stage), stage.stage) == (dev.commit, images(dev), Stage.DEPLOY)
    assert (dev.images[""]["origin"], stage.images[""]["origin"]) == ("own-build", "other-build")
    assert stage.images[""]["built_by"] == dev.id
    assert len(builds(chain)) == 1
    values = chain.stack.git.open(MANIFESTS).read("main", "apps/checkout/values-stage.yaml")
    assert values is not None
    assert str(images(dev)) in values.decode()


def test_release_goes_through_the_whole_chain_to_a_pull_request(chain: Pipeline) -> None:
    merge(chain)
    chain.settle_live("checkout-dev")
    chain.settle_live("checkout-stage")
    prod = chain.run("prod")
    assert (prod.state, prod.pull_request is not None, images(prod)) == (
        RunState.WAITING, True, images(chain.run("dev")),
    )  # fmt: skip


def test_pull_request_tells_where_its_very_images_run(chain: Pipeline) -> None:
    merge(chain)
    chain.settle_live("checkout-dev")
    chain.settle_live("checkout-stage")
    body = chain.stack.github.pulls(MANIFESTS, "open")[0].body or ""
    assert [f"| {name} | " in body for name in ("dev", "stage", "prod")] == [True, True, False]


def test_release_that_is_not_healthy_yet_stays_where_it_is(chain: Pipeline) -> None:
    merge(chain)
    assert chain.run("dev").state is RunState.WAITING
    assert runs_to(chain, "stage") == []


def test_committed_counts_as_live_where_no_argocd_is_named(chain: Pipeline) -> None:
    configure(chain, CHAIN.replace('argocd: "{application}-{environment}"', "argocd: false"), "No Argo CD")
    merge(chain)
    assert chain.run("stage").state is RunState.SUCCEEDED


def test_environment_that_names_its_upstream_later_gets_what_is_live(pipeline: Pipeline) -> None:
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert runs_to(pipeline, "stage") == []
    configure(pipeline, CHAIN)
    pipeline.settle()
    assert images(pipeline.run("stage")) == images(pipeline.run("dev"))


def test_environment_that_is_not_automatic_gets_nothing_by_itself(pipeline: Pipeline) -> None:
    configure(pipeline, CHAIN.replace("{from: dev}", "{from: dev, automatic: false}"))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert pipeline.run("dev").state is RunState.SUCCEEDED
    assert runs_to(pipeline, "stage") == []


def test_release_comes_once_however_often_upstream_becomes_healthy(chain: Pipeline) -> None:
    merge(chain)
    chain.settle_live("checkout-dev")
    configure(chain, CHAIN + "# another comment\n", "Have everything followed again")
    chain.settle()
    assert len(runs_to(chain, "stage")) == 1


def two_upstream(choice: str) -> str:
    """Give a configuration in which prod is fed by two environments."""
    return CHAIN.replace("stage: {from: dev}", "stage: {branch: develop}").replace("from: stage", f"from: {choice}")


def test_any_of_two_is_enough(pipeline: Pipeline) -> None:
    configure(pipeline, two_upstream("{any: [dev, stage]}"))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert images(pipeline.run("prod")) == images(pipeline.run("dev"))


def test_all_of_two_waits_for_both(pipeline: Pipeline) -> None:
    both = two_upstream("{all: [dev, stage]}")
    configure(pipeline, both.replace("stage: {branch: develop}", "stage: {branch: develop, publish: pull-request}"))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert (pipeline.run("dev").state, runs_to(pipeline, "prod")) == (RunState.SUCCEEDED, [])
    number = pipeline.run("stage").pull_request
    assert number is not None
    pipeline.stack.github.merge_pull(MANIFESTS, number)
    pipeline.settle_live("checkout-stage")
    assert len(runs_to(pipeline, "prod")) == 1


def test_newer_release_follows_the_older_one(chain: Pipeline) -> None:
    merge(chain)
    chain.settle_live("checkout-dev")
    merge(chain, "print('three')\n")
    chain.settle_live("checkout-dev")
    newer, older = runs_to(chain, "stage")
    assert images(newer) == images(chain.run("dev")) != images(older)


def test_run_that_waits_is_cancelled_when_its_environment_is_fed_by_something_else(pipeline: Pipeline) -> None:
    configure(pipeline, CHAIN.replace("{from: dev}", "{from: dev, manifest: {batch_window: 10m}}"))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    waiting = pipeline.run("stage")
    assert waiting.state is RunState.WAITING
    configure(pipeline, CHAIN.replace("{from: dev}", "{branch: staging}").replace("from: stage", "from: dev"), "Branch")
    pipeline.clock.move(minutes=11)
    pipeline.settle()
    assert "stage takes staging of acme/checkout now, not dev" in pipeline.ended(waiting, RunState.CANCELLED).message
