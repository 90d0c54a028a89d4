"""After the loss of the database, what is live where and what is held come back from the manifest repository."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from devstack.stack import Devstack
from service.bootstrap import histories, known_configuration
from service.core.state import State
from service.core.words import Repository, RunState
from service.pipeline import actions
from service.pipeline.actions import Asked
from service.pipeline.asked import rebuilding
from service.pipeline.asked.manifest_history import Past
from service.pipeline.asked.rebuilding import Lost, Plan
from service.pipeline.asked.status_matrix import status
from service.pipeline.deploy.live_watch import look_at_live
from service.pipeline.manifest.state.remembered import state_of
from service.store import manifest_states
from service.store.tables import deployments, runs
from tests.fixtures.service import MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import CHAIN, configure, merge

DEV = "apps/checkout/values-dev.yaml"


def live(pipeline: Pipeline) -> dict[str, tuple[str, str, str, str, str]]:
    """Give what is live in each environment: run, source commit, digest, tag and manifest commit."""
    query = (
        sa.select(deployments.c.environment, runs.c.id, runs.c.commit, runs.c.images, runs.c.manifest_commit)
        .join(runs, runs.c.id == deployments.c.run_id)
        .where(deployments.c.until.is_(None))
    )
    with pipeline.store.read() as tx:
        rows = list(tx.execute(query))
    return {row[0]: (row[1], row[2], row[3][""]["digest"], row[3][""]["tag"], row[4]) for row in rows}


def since(pipeline: Pipeline, environment: str) -> datetime:
    query = sa.select(deployments.c.since).where(
        deployments.c.environment == environment, deployments.c.until.is_(None)
    )
    with pipeline.store.read() as tx:
        found: datetime = tx.execute(query).scalar_one()
    return found


def state(pipeline: Pipeline) -> State:
    with pipeline.store.read() as tx:
        known = manifest_states.get(tx, Repository(MANIFESTS))
    assert known is not None
    return state_of(known.text)


def behind(pipeline: Pipeline) -> dict[str, int | None]:
    with pipeline.store.read() as tx:
        cells = status(tx, known_configuration(tx), Repository(MANIFESTS), pipeline.clock.now())
    return {cell.environment: cell.behind for cell in cells}


def rebuilt(pipeline: Pipeline) -> tuple[Plan, list[Lost]]:
    context = pipeline.context
    past = Past(context, histories(pipeline.settings, context))
    configuration = context.configurations.current()
    plan = rebuilding.plan(past, configuration)
    lost = rebuilding.bring_back(context, configuration, plan)
    rebuilding.states_back(context, configuration)
    return plan, [*plan.lost, *lost]


def by_hand(pipeline: Pipeline, files: dict[str, str | None], message: str) -> None:
    pipeline.stack.github.push(MANIFESTS, "main", files, message, author="carol")
    pipeline.settle()
    pipeline.stack.argocd.settle("checkout-dev")
    look_at_live(pipeline.context)


@pytest.fixture
def anew(world: Devstack, tmp_path: Path, pipeline: Pipeline) -> Iterator[Pipeline]:
    """Give another installation with an empty database, which has got no delivery."""
    assert pipeline
    (tmp_path / "anew").mkdir()
    other = Pipeline(world, tmp_path / "anew")
    yield other
    other.close()


def test_what_is_live_and_what_is_held_are_the_same_as_before(pipeline: Pipeline, anew: Pipeline) -> None:
    configure(pipeline, CHAIN)
    merge(pipeline, "print('one')\n")
    pipeline.settle_live("checkout-dev")
    pipeline.settle_live("checkout-stage")
    actions.hold(
        pipeline.context, Asked("anna", pipeline.clock.now(), "incident 42"), application="checkout", environment="prod"
    )
    first = pipeline.stack.git.open(MANIFESTS).text("main", DEV)
    merge(pipeline, "print('two')\n")
    pipeline.settle_live("checkout-dev")
    pipeline.settle_live("checkout-stage")
    second = pipeline.run("dev")
    by_hand(
        pipeline, {DEV: first.replace("replicas: 2", "replicas: 3")}, f"This reverts commit {second.manifest_commit}."
    )
    by_hand(pipeline, {"README.md": "people's\n"}, "Say what this is")
    before = live(pipeline)
    assert (before["dev"][1] != second.commit, before["stage"][1] == second.commit) == (True, True)
    anew.skip_deliveries()
    _, lost = rebuilt(anew)
    assert live(anew) == before
    assert state(anew) == state(pipeline)
    assert lost == []
    written = pipeline.stack.git.open(MANIFESTS).git("log", "-1", "--format=%ct", "main", "--", DEV)
    assert int(since(anew, "dev").timestamp()) == int(written)
    assert behind(anew) == behind(pipeline)


@pytest.mark.prove
def test_worker_goes_on_from_what_came_back(pipeline: Pipeline, anew: Pipeline) -> None:
    configure(pipeline, CHAIN)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    pipeline.settle_live("checkout-stage")
    anew.skip_deliveries()
    rebuilt(anew)
    merge(anew, "print('three')\n")
    anew.settle_live("checkout-dev")
    anew.settle_live("checkout-stage")
    newest = anew.run("stage")
    assert live(anew)["stage"][0] == newest.id
    assert newest.state is RunState.SUCCEEDED


def test_hand_edit_to_something_unknown_is_told_as_lost(pipeline: Pipeline, anew: Pipeline) -> None:
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    digest = live(pipeline)["dev"][2]
    text = pipeline.stack.git.open(MANIFESTS).text("main", DEV)
    by_hand(pipeline, {DEV: text.replace(digest, "sha256:" + "7" * 64)}, "Pin it by hand")
    anew.skip_deliveries()
    _, (lost,) = rebuilt(anew)
    assert (lost.environment, "no commit of ours brought what is there; carol wrote" in lost.words) == ("dev", True), (
        lost
    )
    assert live(anew) == {}


def test_rebuilding_twice_or_beside_what_is_there_changes_nothing(pipeline: Pipeline) -> None:
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    before = live(pipeline)
    assert rebuilt(pipeline)[1] == []
    assert rebuilt(pipeline)[1] == []
    assert live(pipeline) == before
