"""An image that is pushed to one registry and pulled from another is awaited there, or copied, before it is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.serving import LoopbackServer
from devstack.stack import WEBHOOK_SECRET, Devstack
from service.core.images import REVISION_LABEL
from service.core.words import RunState, WaitKind
from service.store import Store
from tests.contract.registries import HandMade, MemoryRegistry, make_image
from tests.contract.test_registries import docker_config
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE
from tests.fixtures.tools import RegistryServer
from tests.pipeline.harness import Pipeline

OTHER = "f" * 40


class Replica:
    """The registry that the environment pulls from; `put` is what replicates into it."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.memory = MemoryRegistry()

    def put(self, tag: str, image: HandMade) -> None:
        self.memory.put("checkout", tag, image)
        self.memory.put("checkout", image.digest, image)


@pytest.fixture
def replica() -> Iterator[Replica]:
    found = Replica("")
    with LoopbackServer(found.memory, threads=2) as server:
        found.host = server.url.removeprefix("http://")
        yield found


@pytest.fixture
def pulling(
    world: Devstack, tmp_path: Path, sqlite_template: Path, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """Give a pipeline whose dev environment pulls from the replica; images are pushed by another pipeline."""
    one = started(world, tmp_path, sqlite_template, monkeypatch, replica.host, f'"{replica.host}"')
    yield one
    one.close()


def started(
    world: Devstack,
    folder: Path,
    template: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    pull_from: str,
    *,
    stage: str = "branch: staging",
    **settings: str,
) -> Pipeline:
    for name, value in world.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    for repository in (SOURCE, MANIFESTS):
        world.github.add_hook(repository, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET)
    database = folder / "kept.db"
    database.write_bytes(template.read_bytes())
    store = Store(f"sqlite:///{database}")
    one = Pipeline(world, folder / "state", store=store, MERGEPORT_INSECURE_REGISTRIES=host, **settings)
    text = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: external}").replace(
        "dev: {branch: develop}", f"dev: {{branch: develop, pull_from: {pull_from}}}"
    )
    text = text.replace("stage: {branch: staging}", f"stage: {{{stage}}}")
    world.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Pull from another")
    one.settle(looks=0)
    return one


def merged(pipeline: Pipeline) -> str:
    commit = pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"}).merge_commit_sha
    assert commit is not None
    return commit


def image_of(commit: str) -> HandMade:
    return make_image({REVISION_LABEL: commit})


def values(pipeline: Pipeline, environment: str = "dev") -> str:
    file = f"apps/checkout/values-{environment}.yaml"
    return (pipeline.stack.git.open(MANIFESTS).read("main", file) or b"").decode()


def test_run_waits_until_the_very_digest_is_replicated_and_names_it_there(pulling: Pipeline, replica: Replica) -> None:
    commit = merged(pulling)
    digest = pulling.push_image(commit[:12], revision=commit)
    pulling.settle()
    assert pulling.wait(pulling.run()) == (
        WaitKind.IMAGE,
        f"waiting for {digest} to be replicated to {replica.host}: it is not there yet",
    )
    assert digest not in values(pulling)
    replica.put(commit[:12], image_of(commit))
    pulling.settle_live("checkout-dev")
    run = pulling.ended(pulling.run(), RunState.SUCCEEDED)
    assert (run.images[""]["registry"], run.images[""]["digest"]) == (replica.host, digest)
    assert f"repository: {replica.host}/checkout" in values(pulling)


def test_image_that_is_not_pushed_yet_is_waited_for_where_it_is_pushed(pulling: Pipeline, replica: Replica) -> None:
    commit = merged(pulling)
    pulling.settle()
    assert f"waiting for {REGISTRY}/checkout:{commit[:12]} to be pushed" in pulling.wait(pulling.run())[1]
    replica.put(commit[:12], image_of(commit))
    pulling.settle()
    assert pulling.run().state == RunState.WAITING


def test_another_image_under_the_tag_is_no_replica(pulling: Pipeline, replica: Replica) -> None:
    commit = merged(pulling)
    digest = pulling.push_image(commit[:12], revision=commit)
    other = make_image({REVISION_LABEL: commit}, architecture="arm64")
    replica.put(commit[:12], other)
    pulling.settle(looks=3)
    assert f"{digest} to be replicated" in pulling.wait(pulling.run())[1]
    replica.memory.put("checkout", digest, image_of(commit))
    pulling.settle(looks=2)
    assert f"it is there, but {commit[:12]} names {other.digest}" in pulling.wait(pulling.run())[1]


def test_image_that_is_never_replicated_fails_at_the_deadline_in_words(pulling: Pipeline, replica: Replica) -> None:
    commit = merged(pulling)
    digest = pulling.push_image(commit[:12], revision=commit)
    pulling.settle()
    pulling.clock.move(minutes=61)
    pulling.settle(looks=2)
    run = pulling.ended(pulling.run(), RunState.FAILED)
    assert run.code == "image-not-replicated"
    assert f"{digest} was not replicated to {replica.host} in time" in run.message
    assert digest not in values(pulling)


def test_registry_that_does_not_answer_is_no_end_of_the_wait(pulling: Pipeline, replica: Replica) -> None:
    commit = merged(pulling)
    pulling.push_image(commit[:12], revision=commit)
    replica.memory.passwords.add("secret")
    pulling.settle(looks=2)
    assert pulling.run().state == RunState.WAITING
    replica.memory.passwords.clear()
    replica.put(commit[:12], image_of(commit))
    pulling.settle_over_time("checkout-dev", seconds=30)
    pulling.ended(pulling.run(), RunState.SUCCEEDED)


@pytest.fixture
def copying(
    world: Devstack,
    tmp_path: Path,
    sqlite_template: Path,
    docker_registry: RegistryServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Pipeline]:
    """Give a pipeline that copies images into a real registry."""
    host = docker_registry.host
    config = docker_config(tmp_path, host, docker_registry.password)
    pull_from = f'{{host: "{host}", copy: true}}'
    one = started(
        world, tmp_path, sqlite_template, monkeypatch, host, pull_from, MERGEPORT_REGISTRY_AUTH_FILE=str(config)
    )
    yield one
    one.close()


def test_image_is_copied_before_it_is_named(copying: Pipeline, docker_registry: RegistryServer) -> None:
    commit = merged(copying)
    digest = copying.push_index(commit[:12], {"linux/amd64": image_of(commit)})
    copying.settle_live("checkout-dev")
    run = copying.ended(copying.run(), RunState.SUCCEEDED)
    assert (run.images[""]["registry"], run.images[""]["digest"]) == (docker_registry.host, digest)
    assert f"copied from {REGISTRY}" in copying.steps(run)["copy image"][1]
    assert f"repository: {docker_registry.host}/checkout" in values(copying)


def test_copy_that_breaks_off_goes_on(copying: Pipeline) -> None:
    commit = merged(copying)
    copying.push_image(commit[:12], revision=commit)
    copying.stack.ecr.faults.answer("503 Service Unavailable", path="/blobs/", times=3)
    copying.settle_over_time("checkout-dev", seconds=60)
    copying.ended(copying.run(), RunState.SUCCEEDED)


def test_release_from_upstream_waits_until_it_is_replicated_downstream(
    world: Devstack, tmp_path: Path, sqlite_template: Path, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = f'from: dev, pull_from: "{replica.host}"'
    one = started(world, tmp_path, sqlite_template, monkeypatch, replica.host, REGISTRY, stage=stage)
    commit = merged(one)
    digest = one.push_image(commit[:12], revision=commit)
    one.settle_live("checkout-dev")
    assert (one.run("dev").state, one.run("dev").images[""]["registry"]) == (RunState.SUCCEEDED, REGISTRY)
    assert f"waiting for {digest} to be replicated to {replica.host}" in one.wait(one.run("stage"))[1]
    replica.put(commit[:12], image_of(commit))
    one.settle_live("checkout-stage")
    run = one.ended(one.run("stage"), RunState.SUCCEEDED)
    assert (run.images[""]["registry"], run.images[""]["digest"]) == (replica.host, digest)
    assert f"repository: {replica.host}/checkout" in values(one, "stage")
    one.close()


def test_release_is_copied_downstream_from_where_upstream_pulls_it(
    world: Devstack,
    tmp_path: Path,
    sqlite_template: Path,
    replica: Replica,
    docker_registry: RegistryServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = docker_registry.host
    one = started(
        world,
        tmp_path,
        sqlite_template,
        monkeypatch,
        f"{host},{replica.host}",
        f'"{replica.host}"',
        stage=f'from: dev, pull_from: {{host: "{host}", copy: true}}',
        MERGEPORT_REGISTRY_AUTH_FILE=str(docker_config(tmp_path, host, docker_registry.password)),
    )
    commit = merged(one)
    digest = one.push_image(commit[:12], revision=commit)
    replica.put(commit[:12], image_of(commit))
    one.settle_live("checkout-dev")
    one.settle_live("checkout-stage")
    run = one.ended(one.run("stage"), RunState.SUCCEEDED)
    assert (run.images[""]["registry"], run.images[""]["digest"]) == (host, digest)
    assert f"copied from {replica.host}" in one.steps(run)["copy image"][1]
    one.close()
