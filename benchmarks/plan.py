"""The plan of a train: of many applications in three environments, a third is ready, a third soaks, a third is there.

In one process, on SQLite and a manifest repository over HTTP: what `mergeport promote --all --to prod --plan` does once
the configuration is read. Against the plan of a tenth of the applications, so that growth beyond the count is seen.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.findings import Bar, Finding
from benchmarks.measuring import timed
from benchmarks.scale import Scale
from benchmarks.values_files import values_file
from devstack.stack import Devstack
from service.bootstrap import build_context
from service.core.words import ChangeId, Repository, RunId, RunState, Sha, Stage
from service.pipeline.context import Context
from service.pipeline.promote.train.planning import Wish, plan_train
from service.settings import load
from service.store import Store, Transaction, changes, deployments, runs
from service.store.builds import Build
from service.store.changes import Change
from service.store.ids import new_id
from service.store.migrate import migrate
from service.store.runs import Run

NAME = "plan"
TITLE = "The plan of a train"
BAR = Bar(2.0, "s")
MANIFESTS = "acme/manifests"
ENVIRONMENTS = ("dev", "stage", "prod")
RELEASES = 3
"""How many releases each application had in each environment."""

CONFIGURATION = """\
defaults:
  registry: registry.example
  build: {kind: external}
  values:
    - file: "apps/{application}/values-{environment}.yaml"
      set: {app00000.image.tag: "{tag}", app00000.image.digest: "{digest}"}
  argocd: "{application}-{environment}"
environments:
  dev: {branch: main}
  stage: {from: dev}
  prod: {from: stage, automatic: false, gates: {soak: {environment: stage, healthy_for: 30m}}}
applications:
"""


class _Nobody:
    """Takes what is queued, and does nothing with it."""

    def enqueue_run(self, run: Run) -> None:
        """Leave the run."""

    def enqueue_build(self, build: Build) -> None:
        """Leave the build."""


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Plan for a tenth of the applications and for all, each some times, and take the median."""
    say(f"making {scale.planned} applications in {len(ENVIRONMENTS)} environments")
    with (
        tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder,
        _world(Path(folder), [f"app-{number:04}" for number in range(scale.planned)]) as context,
    ):
        names = context.configurations.current().applications
        some = names[: max(1, len(names) // 10)]
        say("planning")
        first = timed(lambda: _plan(context, ()))
        all_of_them = sorted(timed(lambda: _plan(context, ())) for _ in range(3))[1]
        few = sorted(timed(lambda: _plan(context, some)) for _ in range(3))[1]
    what = f"{len(names):,} applications, {len(ENVIRONMENTS)} environments"
    note = f"The first plan, which fetches the manifest branch, took {first:.2f} s."
    return [
        Finding(
            NAME, what, all_of_them, f"{len(some)} applications", few, max(first, all_of_them), BAR, "s", note=note
        )
    ]  # fmt: skip


def _plan(context: Context, names: tuple[str, ...]) -> None:
    plan = plan_train(context, Wish("prod", names))
    wanted = len(names) or len(context.configurations.current().applications)
    if len(plan.lines) != wanted or not plan.moves:
        raise AssertionError(f"{len(plan.lines)} lines of {wanted}, {len(plan.moves)} move")


@contextmanager
def _world(directory: Path, names: Sequence[str]) -> Iterator[Context]:
    with Devstack(directory / "devstack") as stack:
        entries = "".join(f"  {name}: {{source: acme/{name}}}\n" for name in names)
        files = {
            f"apps/{name}/values-{environment}.yaml": values_file(24, seed=number * 10_000)
            for number, name in enumerate(names)
            for environment in ENVIRONMENTS
        }
        for number, name in enumerate(names):
            at = _number(number, RELEASES - 1 if number % 3 == 2 else RELEASES - 2)  # noqa: PLR2004 - a third
            files[f"apps/{name}/values-prod.yaml"] = _values(at)
        stack.create_repository(MANIFESTS, {"mergeport.yaml": CONFIGURATION + entries, **files})
        home = directory / "mergeport"
        home.mkdir()
        store = Store(f"sqlite:///{home}/mergeport.db")
        migrate(store)
        environment = {
            **stack.environment(),
            "MERGEPORT_STATE_DIRECTORY": str(home),
            "MERGEPORT_CONFIGURATION_REPOSITORY": MANIFESTS,
            "MERGEPORT_URL": "http://mergeport.test",
        }
        with build_context(load(environment), store, _Nobody(), "benchmark") as context:
            configuration = Sha(context.configurations.current().commit)
            with store.begin() as tx:
                for number, name in enumerate(names):
                    _fill(tx, number, name, configuration, datetime.now(UTC))
            yield context
        store.close()


def _number(number: int, release: int) -> int:
    return number * 10_000 + release + 1


def _values(at: int) -> str:
    """Give a values file that names a release."""
    return (
        values_file(24)
        .replace(f'tag: "{0:012x}"', f'tag: "{at:012x}"')
        .replace(f"digest: 'sha256:{0:064x}'", f"digest: 'sha256:{at:064x}'")
    )


def _fill(tx: Transaction, number: int, name: str, configuration: Sha, now: datetime) -> None:
    """Let an application have had its releases, each in all environments that it reached."""
    for release in range(RELEASES):
        newest = release == RELEASES - 1
        at = _number(number, release)
        change = changes.ensure(tx, _change(name, at, now))
        begun = now - timedelta(hours=10 * (RELEASES - release))
        soaking = newest and number % 3 == 1
        for environment in ENVIRONMENTS[: 2 if newest and number % 3 != 2 else 3]:  # noqa: PLR2004 - a third
            since = now - timedelta(minutes=5) if soaking and environment == "stage" else begun
            done = _run(tx, change, name, environment, configuration, at, since)
            live = deployments.live(tx, name, environment)
            if live is not None:
                deployments.end(tx, live, "replaced", by_us=True, at=since)
            deployments.begin(tx, done, argocd_application=f"{name}-{environment}", health="Healthy", at=since)


def _change(name: str, at: int, now: datetime) -> Change:
    pull = {
        "number": at % 1000,
        "title": f"Change {at}",
        "author": "ann",
        "url": f"https://example.org/{at}",
        "labels": [],
    }
    return Change(
        id=ChangeId(new_id()), repository=Repository(f"acme/{name}"), branch="main", commit=Sha(f"{at:040x}"),
        before=None, subject=f"Change {at}", author="Ann", author_email="ann@example.org", paths=None,
        pull_requests=[pull], created_at=now,
    )  # fmt: skip


def _run(
    tx: Transaction, change: Change, name: str, environment: str, configuration: Sha, at: int, since: datetime
) -> Run:
    """Keep a run that has promoted a release."""
    run_id = RunId(new_id())
    image = {
        "registry": "registry.example", "repository": name, "tag": f"{at:012x}", "digest": f"sha256:{at:064x}",
        "platforms": ["linux/amd64"], "parts": [],
    }  # fmt: skip
    runs.accept(
        tx, id=run_id, change_id=change.id, repository=change.repository, branch="main", commit=change.commit,
        application=name, environment=environment, generation=0, configuration_commit=configuration, at=since,
    )  # fmt: skip
    runs.update(
        tx, run_id, at=since, state=RunState.SUCCEEDED, stage=Stage.DEPLOY, images={"": image}, ended_at=since,
        manifest_commit=change.commit,
    )  # fmt: skip
    done = runs.get(tx, run_id)
    assert done is not None
    return done
