"""Sends what is live and healthy in an environment to the environments that it feeds (`from`).

Called by a loop of the worker, which reads what has become healthy since. Each release gets one run in each environment
downstream, with the very images that run upstream. Nothing is built, and a release that had its run there, however that
ended, does not come again by itself.
"""

from __future__ import annotations

from service.core.carry import Carried
from service.core.config import Configuration, Target
from service.core.words import Sha
from service.pipeline.context import Context
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import digests_of
from service.pipeline.runs.transitions import Wish
from service.store import Transaction, deployments, runs
from service.store.deployments import Deployment
from service.store.runs import Run

AT_ONCE = 50
"""How many releases are followed before the loop looks again whether the worker is to stop."""


class Downstream:
    """The loop's work. It knows by which configuration it followed, since another one may feed other environments."""

    def __init__(self, context: Context) -> None:
        """Begin without knowing a configuration, so that everything live is followed once."""
        self._context = context
        self._followed_by = ""
        self._feeds = False

    def send(self) -> bool:
        """Give each release that became live and healthy its runs downstream; True if there may be more."""
        context = self._context
        configuration = context.configurations.known()
        if configuration is None:
            return False
        if configuration.commit != self._followed_by:
            with context.store.begin() as tx:
                deployments.follow_all_again(tx)
            self._followed_by = configuration.commit
            self._feeds = any(target.upstream for target in configuration.targets())
        if not self._feeds:
            return False
        with context.store.read() as tx:
            found = deployments.to_follow(tx, limit=AT_ONCE)
        for deployment in found:
            with context.store.begin() as tx:
                accepted = _follow(tx, context, configuration, deployment)
            for run in accepted:
                context.queue.enqueue_run(run)
        return len(found) == AT_ONCE


def _follow(tx: Transaction, context: Context, configuration: Configuration, deployment: Deployment) -> list[Run]:
    released = runs.get(tx, deployment.run_id)
    accepted: list[Run] = []
    if released is not None:
        for target in configuration.fed_by(deployment.application, deployment.environment):
            assert target.upstream is not None  # noqa: S101 - it is fed by this environment
            if target.upstream.automatic and _is_everywhere(tx, released, target):
                run = release(tx, released, target, Sha(configuration.commit), context)
                accepted += [run] if run else []
    deployments.follow(tx, deployment)
    return accepted


def release(
    tx: Transaction, released: Run, target: Target, configuration: Sha, context: Context, *,
    carried: Carried | None = None, again: bool = False, asked_by: str = "", asked_id: str = "",
) -> Run | None:  # fmt: skip
    """Queue the run that brings a release to a target; None if the same release has a run there already.

    With `again`, as a person asks for it, only a run that has not ended counts. `carried` is what goes along, where it
    was read already; else the run reads it.
    """
    there = [
        run
        for run in runs.of_commit(tx, released.repository, released.commit, target.environment)
        if run.application == target.application
    ]
    same = [run for run in there if digests_of(run) == digests_of(released)]
    if any(not (again and run.state.ended) for run in same):
        return None
    generation = runs.generation_after(
        tx, released.repository, released.branch, released.commit, target.application, target.environment
    )
    wish = Wish(
        change_id=released.change_id, repository=released.repository, branch=released.branch, commit=released.commit,
        application=target.application, environment=target.environment, generation=generation,
        configuration_commit=configuration, asked_by=asked_by, asked_id=asked_id,
    )  # fmt: skip
    along = carried or Carried(released.environment, released.id)
    return transitions.accept_released(tx, released, wish, carried=along.stored(), at=context.now())


def _is_everywhere(tx: Transaction, released: Run, target: Target) -> bool:
    """Tell whether the release is live and healthy in as many of the target's upstream environments as it must be."""
    upstream = target.upstream
    assert upstream is not None  # noqa: S101 - called for targets with one
    return not upstream.every or all(_is_in(tx, released, name) for name in upstream.environments)


def _is_in(tx: Transaction, released: Run, environment: str) -> bool:
    live = deployments.live(tx, released.application, environment)
    if live is None or (live.healthy_since is None and live.argocd_application is not None):
        return False
    run = runs.get(tx, live.run_id)
    return run is not None and digests_of(run) == digests_of(released)
