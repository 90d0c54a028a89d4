"""Reads the values that go along with a release (`carry`): upstream where it is live, or where it was live before.

Called by stage promote before the run's first write, by the plan of a train, and by the rollback. Writes nothing but
the run's own record of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from service.core.carry import Carried, FilePair, read_carried
from service.core.config import Target
from service.core.deployment import Observation
from service.core.values import decode_values
from service.core.words import RunId, Sha, Stage
from service.errors import NotFoundError, PermanentError, ValuesEditError
from service.pipeline.context import Context
from service.pipeline.deploy.taken_back import has_release
from service.pipeline.manifest.place import place_of
from service.pipeline.promote.former import Branch, Release
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import step
from service.ports import Manifests
from service.store import deployments, runs
from service.store.runs import Run

CARRY_STEP = "read what goes along"
Observed = Mapping[str, Observation]


def take_carried(claim: Claim) -> None:
    """Read what goes along with the run, once, and keep it with the run."""
    run, upstream = claim.run, claim.target.upstream
    carried = Carried.read(run.carried)
    if carried is None or carried.commit is not None or run.rollback is not None:
        return
    if upstream is None or not upstream.carry:
        return
    with claim.context.store.read() as tx:
        released = runs.get(tx, carried.released)
    with step(claim, CARRY_STEP, Stage.PROMOTE) as record:
        if released is None:
            record.message = "nothing goes along: nobody knows any more where the release came from"
            return
        found = carried_from(claim.context, claim.target, released)
        claim.note(carried=found.stored())
        record.message = found.words or "nothing goes along"


def carried_from(context: Context, target: Target, released: Run, observed: Observed | None = None) -> Carried:
    """Read what the target carries from where a release is live; raises as `read_carried` does.

    `observed` is what the deployer shows, where it was asked already.
    """
    nothing = Carried(released.environment, released.id)
    assert target.upstream is not None  # noqa: S101 - only what comes from an environment carries
    above = _target_above(context, released)
    if above is None:
        return replace(nothing, absent=target.upstream.carry)
    manifests, commit = _where_it_lives(context, above, released, observed)
    pairs = [
        FilePair(there.file, _text(manifests, commit, there.file), here.file)
        for there, here in zip(above.values, target.values, strict=False)
    ]
    values, absent = read_carried(target.upstream.carry, pairs)
    return replace(nothing, commit=commit, values=values, absent=absent)


def carried_back(branch: Branch, release: Release, there: Carried | None) -> Carried | None:
    """Read what was in the place with a former release, to go back with it; None if nothing is carried there.

    `there` is what came with the release that is there now. What cannot be read, or be carried, stays as it is.
    """
    target, commit = branch.target, release.manifest_commit
    listed = target.upstream.carry if target.upstream is not None else ()
    paths = tuple(dict.fromkeys((*listed, *(path for _, path, _ in (there.values if there is not None else ())))))
    if not paths or commit is None:
        return None
    branch.manifests.ancestors(branch.tip, {commit})
    pairs = [FilePair(one.file, _text(branch.manifests, commit, one.file), one.file) for one in target.values]
    back = Carried(target.environment, release.run_id or RunId(""), commit)
    for path in paths:
        try:
            values, absent = read_carried((path,), pairs)
        except ValuesEditError:
            values, absent = (), (path,)
        new = tuple(one for one in values if one[:2] not in back.paths)
        back = replace(back, values=(*back.values, *new), absent=(*back.absent, *absent))
    return back


def _target_above(context: Context, released: Run) -> Target | None:
    try:
        return context.configurations.current().target(released.application, released.environment)
    except NotFoundError:
        return None


def _where_it_lives(context: Context, above: Target, released: Run, observed: Observed | None) -> tuple[Manifests, Sha]:
    """Give the commit that is live and healthy upstream; for a release that was replaced, the one that brought it."""
    place = place_of(context, above)
    manifests = context.outside.manifests.open(place.repository)
    tip = manifests.fetch(place.branch)
    if tip is None:
        raise PermanentError(f"{place.repository} has no branch {place.branch}", code="manifest-branch-missing")
    brought = released.manifest_commit
    with context.store.read() as tx:
        live = deployments.live(tx, released.application, released.environment)
    if live is None or live.run_id != released.id:
        return manifests, _behind(manifests, tip, brought) or tip
    if live.argocd_application is None:
        there = has_release(manifests, tip, Claim(context, released, above))
        return manifests, tip if there else (_behind(manifests, tip, brought) or tip)
    seen = _seen(context, live.argocd_application, observed)
    for revision in _live_revisions(seen) if seen is not None else ():
        behind = _behind(manifests, tip, revision)
        if behind and brought and brought in manifests.ancestors(revision, {brought}):
            return manifests, revision
    return manifests, _behind(manifests, tip, brought) or tip


def _behind(manifests: Manifests, tip: Sha, commit: Sha | None) -> Sha | None:
    """Give the commit if the branch contains it, and so it is here; None if not."""
    return commit if commit is not None and commit in manifests.ancestors(tip, {commit}) else None


def _seen(context: Context, application: str, observed: Observed | None) -> Observation | None:
    if observed is not None:
        return observed.get(application)
    deployer = context.outside.deployer
    return deployer.look([application]).get(application) if deployer is not None else None


def _live_revisions(seen: Observation) -> tuple[Sha, ...]:
    """Give the revisions that are live and healthy; where newer ones wait to be synced, those of the last sync."""
    if seen.health != "Healthy" or seen.phase in {"Running", "Terminating"}:
        return ()
    return tuple(map(Sha, seen.revisions if seen.sync == "Synced" else seen.synced_revisions))


def _text(manifests: Manifests, commit: Sha, file: str) -> str | None:
    try:
        return decode_values(manifests.read(commit, file), file=file)
    except PermanentError as error:
        if error.code == "values-file-missing":
            return None
        raise
