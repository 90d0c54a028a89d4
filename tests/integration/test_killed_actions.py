"""What people ask for, killed with -9 around its effects: asked for again, it is there exactly once.

Processes of the command and of the worker die where a hold, a commit, a lock or a merge has just had its effect, or has
not had it yet. One service for several kills, since starting one takes longer than the rest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from devstack.bare import BareRepository
from devstack.ecr import Ecr
from devstack.faults import Gate
from devstack.stack import Devstack
from service.core.changes import STATE_BRANCH
from tests.fixtures.github_openapi import GitHubDescription
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE, VALUES, Service
from tests.integration.test_crashes import PUSH, hold_after_push, hold_at_pull_request

pytestmark = pytest.mark.prove

APPLICATIONS = ("checkout", "cart")
CHAIN = (
    CONFIGURATION.replace('argocd: "{application}-{environment}"', "argocd: false")
    .replace("stage: {branch: staging}", "stage: {from: dev, automatic: false}")
    .replace("labels: [release]", "labels: [release], auto_merge: mergeport")
    + f"  cart: {{source: {SOURCE}}}\n"
)


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, _ecr_process: Ecr, github_description: GitHubDescription
) -> Iterator[Service]:
    """Give a service with two applications, and two releases of them in dev; the tests take other places each."""
    folder = tmp_path_factory.mktemp("killed")
    with Devstack(folder / "devstack", ecr=_ecr_process, validator=github_description) as stack:
        app = {"Dockerfile": "FROM scratch\nCOPY app.py /app.py\n", "app.py": "print('one')\n"}
        stack.create_repository(SOURCE, app, branches=["develop", "staging", "main"])
        places = [(name, environment) for name in APPLICATIONS for environment in ("dev", "stage", "prod")]
        files = {f"apps/{name}/values-{environment}.yaml": VALUES for name, environment in places}
        stack.create_repository(MANIFESTS, {"mergeport.yaml": CHAIN, **files})
        one = Service(stack, folder / "service", {})
        try:
            one.hook(SOURCE)
            one.hook(MANIFESTS)
            one.start_all()
            for number in (1, 2):
                merge(one, "develop", f"dev {number}")
            yield one
        finally:
            one.stop()


def merge(service: Service, branch: str, text: str, *, state: str = "succeeded", message: str = "") -> None:
    """Merge a change, and wait until the runs of both applications have come so far."""
    pull = service.stack.github.merge(SOURCE, branch, {"app.py": f"print('{text}')\n"})
    environment = {"develop": "dev", "main": "prod"}[branch]
    for name in APPLICATIONS:
        commit = pull.merge_commit_sha or ""
        service.wait_run(state, commit=commit, environment=environment, application=name, message=message)


def manifests(service: Service) -> BareRepository:
    return service.stack.git.open(MANIFESTS)


def subjects(service: Service, branch: str, beginning: str) -> list[str]:
    """List the commits of a branch whose subject begins so."""
    if branch not in manifests(service).branches():
        return []
    found = manifests(service).git("log", "--format=%s", branch).splitlines()
    return [one for one in found if one.startswith(beginning)]


def hold_before_push(service: Service) -> Gate:
    """The push is on its way: git's server carries it out although nobody gets the answer."""
    return service.stack.git.faults.hang(method="POST", path=PUSH)


def kill_command(service: Service, gate: Gate, *argv: str) -> None:
    """Start a command, and kill it as soon as its request has come to the gate."""
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli.main", *argv],
        env=service.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    gate.wait_arrived(30)
    process.kill()
    process.wait()
    gate.release()


def restart(service: Service, gate: Gate) -> None:
    """Kill the worker at the gate, and start another one."""
    gate.wait_arrived(30)
    service.kill("worker")
    gate.release()
    service.start("worker")


def test_rollback_that_dies_at_its_hold_and_its_commit_is_there_once(running: Service) -> None:
    """The command dies at one application's hold, and the worker when it has pushed the other one's commit."""
    back = ("rollback", "checkout", "dev", "--reason", "it fails")
    kill_command(running, hold_before_push(running), *back)
    again = running.command(*back)
    assert "is under way already" in again.stdout or "went back from" in again.stderr
    running.wait_run(message="committed")
    running.kill("worker")
    assert running.command("rollback", "cart", "dev", "--reason", "it fails").returncode == 0
    gate = hold_after_push(running)
    running.start("worker")
    restart(running, gate)
    for name in APPLICATIONS:
        run = running.wait_run(application=name)
        assert run.rollback is not None
        assert len(subjects(running, "main", f"Roll back {name} ")) == 1
        assert len(subjects(running, STATE_BRANCH, f"Hold {name} in dev")) == 1


def test_train_whose_worker_dies_between_push_and_record_has_one_commit_an_application(running: Service) -> None:
    gate = hold_after_push(running)
    assert running.command("promote", *APPLICATIONS, "--to", "stage", "--reason", "release").returncode == 0
    restart(running, gate)
    for name in APPLICATIONS:
        running.wait_run(application=name, environment="stage")
        found = subjects(running, "main", f"Promote {name} ")
        assert len([one for one in found if one.endswith(" to stage")]) == 1


def test_lock_that_dies_before_it_is_read_back_is_in_force_once(running: Service) -> None:
    lock = ("lock", "stage", "--reason", "stop the line")
    kill_command(running, hold_after_push(running), *lock)
    again = running.command(*lock)
    assert (again.returncode, "stage is locked" in again.stderr) == (1, True), again.stderr
    assert len(subjects(running, STATE_BRANCH, "Lock stage")) == 1
    assert running.command("unlock", "stage", "--reason", "it is over").returncode == 0


def test_merge_and_rollback_by_pull_request_that_die_are_there_once(running: Service) -> None:
    """The worker dies when it merges the first pull request, and when it opens the one that goes back."""
    faults = running.stack.github.faults
    gate = faults.hang(method="PUT", path="/pulls/[0-9]+/merge$", after=True)
    running.stack.github.merge(SOURCE, "main", {"app.py": "print('prod 1')\n"})
    restart(running, gate)
    for name in APPLICATIONS:
        running.wait_run(application=name, environment="prod", seconds=40)
    merge(running, "main", "prod 2")
    gate = hold_at_pull_request(running)
    assert running.command("rollback", "checkout", "prod", "--reason", "it fails").returncode == 0
    restart(running, gate)
    running.wait_run(environment="prod", seconds=40)
    pulls = [one for one in running.stack.github.pulls(MANIFESTS, "all") if "checkout" in one.title]
    assert [one.merged for one in pulls] == [True] * 3
    assert len(subjects(running, "main", "Roll back checkout ")) == 2  # one in dev
    assert len(subjects(running, STATE_BRANCH, "Hold checkout in prod")) == 1
