"""Processes killed with -9 right before and right after each effect: after the restart it is there exactly once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.faults import Gate
from devstack.github.runner import Runner
from devstack.pushing import Pusher
from service.adapters.distribution import fixed
from service.adapters.registries import ecr
from service.bootstrap_sources import SystemClock
from service.core.images import REVISION_LABEL, ImageReference
from service.core.words import Digest
from tests.contract.registries import make_image, push
from tests.fixtures.databases import service_on_both
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE, Service, poll
from tests.fixtures.workflows import PATH, WORKFLOW

PUSH = "acme/manifests.*git-receive-pack"


def hold_before_image(service: Service) -> Gate:
    return service.stack.ecr.faults.hang(method="POST", path="/blobs/uploads/")


def hold_after_image(service: Service) -> Gate:
    return service.stack.ecr.faults.hang(method="PUT", path="/manifests/", after=True)


def hold_after_push(service: Service) -> Gate:
    return service.stack.git.faults.hang(method="POST", path=PUSH, after=True)


def hold_before_pull_request(service: Service) -> Gate:
    return service.stack.github.faults.hang(method="GET", path="/repos/acme/manifests/pulls$")


def hold_at_pull_request(service: Service) -> Gate:
    """The request is on its way: GitHub carries it out although nobody gets the answer."""
    return service.stack.github.faults.hang(method="POST", path="/repos/acme/manifests/pulls$")


def hold_after_pull_request(service: Service) -> Gate:
    return service.stack.github.faults.hang(method="POST", path="/repos/acme/manifests/pulls$", after=True)


def images(service: Service) -> list[str]:
    """List the digests that were pushed, once each time."""
    return [one.path for one in service.stack.ecr.faults.requests("PUT", "/manifests/")]


def commits(service: Service, branch: str = "main") -> list[str]:
    subjects = service.stack.git.open(MANIFESTS).git("log", "--format=%s", branch).splitlines()
    return [subject for subject in subjects if subject.startswith("Promote ")]


@pytest.mark.parametrize(
    "hold",
    [
        pytest.param(hold_before_image, marks=pytest.mark.prove),
        pytest.param(hold_after_image, marks=pytest.mark.prove),
        hold_after_push,
    ],
)
def test_worker_killed_around_an_effect_in_dev_leaves_it_done_once(
    service: Service, hold: Callable[[Service], Gate]
) -> None:
    gate = hold(service)
    pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    gate.wait_arrived(30)
    service.kill("worker")
    gate.release()
    service.start("worker")
    run = service.wait_run("succeeded", commit=pull.merge_commit_sha or "")
    assert len(commits(service)) == 1
    assert len(set(images(service))) == 1
    assert Digest(run.images[""]["digest"]) in service.stack.git.open(MANIFESTS).text(
        "main", "apps/checkout/values-dev.yaml"
    )


@pytest.fixture
def runner(service: Service, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """Have images built by a workflow of the source repository; give who plays it."""
    for name, value in service.stack.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    github = service.stack.github
    for branch in ("develop", "staging", "main"):
        github.repository(SOURCE).bare.commit_files(branch, {PATH: WORKFLOW}, "Add a workflow")
    configuration = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: github-actions}")
    github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "Build in GitHub Actions")
    registry = ecr.EcrRegistry(
        ecr.Options(host=REGISTRY), clock=SystemClock(), endpoint=service.stack.ecr.endpoint,
        reached_at=service.stack.ecr.host,
    )  # fmt: skip

    def push_image(image: str, tag: str, revision: str) -> None:
        repository = image.partition("/")[2]
        target = registry.push_target(ImageReference(REGISTRY, repository, tag))
        pusher = Pusher(target.host, credentials=fixed(target.credentials), insecure=True)
        push(pusher, repository, tag, make_image({REVISION_LABEL: revision}))

    return Runner(github, push_image)


@pytest.mark.prove
@pytest.mark.parametrize(
    ("method", "path", "after"),
    [
        ("POST", "/dispatches$", False),
        ("POST", "/dispatches$", True),
        ("GET", r"/actions/runs/\d+$", True),
        ("GET", "/jobs$", True),
        ("GET", "/logs$", True),
    ],
)
def test_worker_killed_around_each_call_to_a_builder_elsewhere_has_one_build(
    service: Service, runner: Runner, method: str, path: str, *, after: bool
) -> None:
    """A call that was held before its effect is on its way: GitHub carries it out although nobody gets the answer."""
    gate = service.stack.github.faults.hang(method=method, path=path, after=after)
    pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    if method == "GET":
        poll(lambda: runner.waiting(SOURCE), what="the workflow's run")
        runner.play(SOURCE)
    gate.wait_arrived(30)
    service.kill("worker")
    gate.release()
    service.start("worker")
    if method == "POST":
        poll(lambda: runner.waiting(SOURCE), what="the workflow's run")
        runner.play(SOURCE)
    service.wait_run("succeeded", commit=pull.merge_commit_sha or "")
    assert len(service.stack.github.repository(SOURCE).workflow_runs) == 1
    assert len(commits(service)) == 1


@pytest.mark.prove
@service_on_both
def test_worker_killed_before_its_push_has_effect_pushes_once(
    service: Service, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The server holds the push in a hook, the worker dies, and the push is refused, so it had no effect."""
    folder = tmp_path_factory.mktemp("hook")
    arrived, go = folder / "arrived", folder / "go"
    script = f"#!/bin/sh\n[ -e {go} ] && exit 0\ntouch {arrived}\nwhile [ ! -e {go} ]; do sleep 0.05; done\nexit 1\n"
    service.stack.git.install_hook(MANIFESTS, "pre-receive", script)
    pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    poll(arrived.exists, what="the push")
    service.kill("worker")
    go.touch()
    service.start("worker")
    service.wait_run("succeeded", commit=pull.merge_commit_sha or "")
    assert len(commits(service)) == 1


@pytest.mark.prove
@pytest.mark.parametrize("hold", [hold_before_pull_request, hold_at_pull_request, hold_after_pull_request])
def test_worker_killed_around_the_pull_request_leaves_one(service: Service, hold: Callable[[Service], Gate]) -> None:
    gate = hold(service)
    pull = service.stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
    gate.wait_arrived(30)
    service.kill("worker")
    gate.release()
    service.start("worker")
    commit = pull.merge_commit_sha or ""
    run = service.wait_run("waiting", commit=commit, environment="prod", message="pull request")
    (opened,) = service.stack.github.pulls(MANIFESTS, "all")
    assert (opened.number, opened.labels) == (run.pull_request, ["release"])
    assert len(commits(service, "mergeport/promotion/prod/checkout")) == 1
    service.stack.github.merge_pull(MANIFESTS, opened.number, by="release-manager")
    service.wait_run("succeeded", commit=commit, environment="prod")
    assert len(set(images(service))) == 1


@service_on_both
def test_web_killed_right_after_its_answer_loses_nothing(service: Service) -> None:
    service.kill("worker")
    pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    service.stack.github.wait_delivered()
    service.kill("web")
    service.start("web")
    service.start("worker")
    service.wait_run("succeeded", commit=pull.merge_commit_sha or "")


@pytest.mark.prove
@service_on_both
def test_worker_asked_to_stop_hands_its_build_over(service: Service) -> None:
    gate = service.stack.ecr.faults.hang(method="PUT", path="/manifests/")
    pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    gate.wait_arrived(30)
    process = service.processes["worker"]
    process.terminate()
    gate.release()
    assert service.terminate("worker") == 0
    service.start("worker")
    service.wait_run("succeeded", commit=pull.merge_commit_sha or "")
    assert len(set(images(service))) == 1


@pytest.mark.prove
def test_worker_asked_to_stop_while_git_hangs_ends_in_time(service: Service) -> None:
    """The stop does not wait for the server: the hanging thread is abandoned, and the next worker does its work."""
    gate = service.stack.git.faults.hang(path="acme/manifests.*info/refs")
    pull = service.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    gate.wait_arrived(30)
    assert service.terminate("worker", seconds=19) == 0
    gate.release()
    service.start("worker")
    service.wait_run("succeeded", commit=pull.merge_commit_sha or "")
    assert len(commits(service)) == 1
