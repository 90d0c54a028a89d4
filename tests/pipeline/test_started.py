"""What `mergeport init` writes does the main job as it is: a merge into the first branch is live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.stack import WEBHOOK_SECRET, Devstack
from service.cli.init_files import given
from service.core.starting.answers import Answers, application
from service.core.starting.manifest_files import manifest_files
from service.core.words import Repository, RunState
from service.store import Store
from tests.fixtures.service import REGISTRY
from tests.pipeline.harness import Pipeline

SOURCE, MANIFESTS = "shop/cart", "shop/manifests"


@pytest.fixture
def started(stack: Devstack, tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Give the pipeline of a shop that has just begun."""
    answers = Answers(
        manifests=Repository(MANIFESTS), applications=(application(SOURCE),), registry=REGISTRY, builder="docker",
        argocd="https://argocd.shop.example",
    )  # fmt: skip
    stack.create_repository(
        SOURCE,
        {"Dockerfile": "FROM scratch\nCOPY app.py /app.py\n", "app.py": "1\n"},
        branches=["develop", "staging", "main"],
    )
    stack.create_repository(MANIFESTS, manifest_files(given().manifests, answers))
    stack.argocd.add_application_set(MANIFESTS)
    for name, value in stack.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    for repository in (SOURCE, MANIFESTS):
        stack.github.add_hook(repository, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET)
    one = Pipeline(stack, tmp_path / "state", store=store, MERGEPORT_CONFIGURATION_REPOSITORY=MANIFESTS)
    yield one
    one.close()


def test_first_merge_is_live_in_the_first_environment(started: Pipeline) -> None:
    pull = started.stack.github.merge(SOURCE, "develop", {"app.py": "2\n"})
    started.settle_live("cart-dev")
    run = started.run("dev", application="cart")
    values = started.stack.git.open(MANIFESTS).text("main", "apps/cart/values-dev.yaml")
    assert run.state is RunState.SUCCEEDED, run.message
    assert f'tag: "{(pull.merge_commit_sha or "")[:12]}"' in values
