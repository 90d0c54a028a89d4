"""Several applications of one source in the pipeline of the tests: one merge brings a run of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from service.core.words import Repository, RunState, WaitKind
from service.pipeline.manifest.place import Place
from service.store import leases, runs, waits
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE, VALUES
from tests.pipeline.harness import Pipeline

BRANCH = "main"
ALONE = CONFIGURATION[: CONFIGURATION.index("applications:")].replace(
    'argocd: "{application}-{environment}"', "argocd: false"
)


def file_of(application: str) -> str:
    return f"apps/{application}/values-dev.yaml"


def settle_in(
    pipeline: Pipeline,
    *applications: str,
    dev: str = "{branch: develop}",
    own: Mapping[str, str] = MappingProxyType({}),
    **files: str | None,
) -> None:
    """Put these applications into the configuration, with their values files and the given keys of dev.

    `own` has the keys that differ in dev for one of them.
    """
    configuration = ALONE.replace("dev: {branch: develop}", f"dev: {dev}") + "applications:\n"
    for name in applications:
        special = f", environments: {{dev: {own[name]}}}" if name in own else ""
        configuration += f"  {name}: {{source: {SOURCE}{special}}}\n"
    values: dict[str, str | None] = {file_of(name): files.get(name, VALUES) for name in applications}
    pipeline.stack.github.push(MANIFESTS, BRANCH, {"mergeport.yaml": configuration, **values}, "Settle in")
    pipeline.settle(looks=0)


def merge(pipeline: Pipeline, text: str = "two") -> None:
    """Merge into the source, and accept the runs without advancing any."""
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": f"print('{text}')\n"})
    pipeline.take_deliveries()
    while pipeline.intake():
        pass


def until_promoted(pipeline: Pipeline) -> None:
    """Work until nothing is queued, without a look at outside systems."""
    pipeline.settle(looks=0)


def written(pipeline: Pipeline) -> list[str]:
    """List the applications of our commits on the branch, oldest first."""
    subjects = pipeline.stack.git.open(MANIFESTS).git("log", "--reverse", "--format=%s", BRANCH).splitlines()
    return [subject.split()[1] for subject in subjects if subject.startswith("Promote ")]


def pushed(pipeline: Pipeline) -> list[list[str]]:
    """List our pushes to the branch: the applications of each, in order."""
    bare = pipeline.stack.git.open(MANIFESTS)
    found = []
    for request in pipeline.stack.git.pushes(MANIFESTS):
        for update in request.updates:
            if update.ref == f"refs/heads/{BRANCH}":
                lines = bare.git("log", "--reverse", "--format=%s", f"{update.old}..{update.new}").splitlines()
                found.append([line.split()[1] for line in lines])
    return found


def runs_by_name(pipeline: Pipeline) -> dict[str, Run]:
    """Give each application's newest run."""
    return {run.application: run for run in reversed(pipeline.runs())}


def states(pipeline: Pipeline, names: Iterable[str]) -> dict[str, tuple[RunState, str]]:
    """Give state and code of the newest runs."""
    found = runs_by_name(pipeline)
    return {name: (found[name].state, found[name].code) for name in names}


def wait_all(pipeline: Pipeline, *repositories: str) -> None:
    """Let every run come to the point of writing while somebody else has the lease; then let them write.

    The run that has waited longest writes the edits of all.
    """
    names = [Place(Repository(name), BRANCH).lease for name in repositories or (MANIFESTS,)]
    with pipeline.store.begin() as tx:
        for name in names:
            assert leases.acquire(tx, name, "somebody", now=pipeline.clock.now(), seconds=600)
    pipeline.settle(looks=0)
    with pipeline.store.begin() as tx:
        for name in names:
            leases.release(tx, name, "somebody")


def ready(pipeline: Pipeline, *repositories: str) -> list[Run]:
    """Give the runs in the order of their acceptance, each with a pending edit that it is about to write."""
    wait_all(pipeline, *repositories)
    with pipeline.store.begin() as tx:
        for run in runs.newest(tx):
            wait = waits.open_of_run(tx, run.id)
            assert wait is not None
            assert wait.kind is WaitKind.PUSH
            waits.answer(tx, wait.id, "your turn", at=pipeline.clock.now())
        return sorted(runs.newest(tx), key=lambda run: run.sequence)
