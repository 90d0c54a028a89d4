"""Goes back to a former release: plans it, starts the run that does it, and places the hold before that run writes.

Called by the action, by the watch of what is live and by stage promote. To go back is a run of the former release's
commit, in its next generation, that begins at stage promote. It is the only one that may put something older in place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from service.core.carry import Carried
from service.core.config import Target
from service.core.state import Cause, Hold
from service.core.step_back import StepBack, short
from service.core.words import ChangeId, RunId, RunState, Sha, Stage
from service.errors import NotFoundError, PermanentError
from service.pipeline.build.presence import absent_of
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place, place_of, rewrite_at, wanted_edits
from service.pipeline.manifest.state.gates import closed
from service.pipeline.manifest.state.state_reading import look_at_state
from service.pipeline.manifest.state.step_back_hold import hold_back
from service.pipeline.promote.carrying import carried_back
from service.pipeline.promote.former import Branch, Release, before, fits, named, present
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import step
from service.pipeline.runs.transitions import Wish
from service.store import Transaction, audit, changes, runs
from service.store.changes import Change
from service.store.ids import new_id
from service.store.runs import Run

HOLD_STEP = "hold what was gone back from"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rollback would do: from what stands there to a release, with the values files' difference.

    `waits` are words about what keeps it from being written now. `under_way` are the runs that it ends. `carried` is
    what goes back beside the images, as it was there with the release.
    """

    target: Target
    place: Place
    configuration: Sha
    release: Release
    back: StepBack
    diff: str
    waits: str
    under_way: tuple[Run, ...]
    carried: dict[str, Any] | None = None


def plan(context: Context, application: str, environment: str, back: StepBack, *, to: str = "") -> Plan:
    """Find the release to go back to, and check that it can be gone back to; nothing is changed.

    Raises `already-rolled-back` if a step back is in force and no release is named, `release-refused` if the named one
    was gone back from, `release-is-there` if it stands there, `image-gone`, `release-unfit`, `blocked`, and what the
    search raises.
    """
    target, configuration = _target(context, application, environment)
    place, branch = place_of(context, target), branch_of(context, target)
    hold = _hold_at(context, place, target)
    if hold is not None and hold.cause is not Cause.PERSON and not to:
        raise PermanentError(
            f"{application} in {environment} went back from {short(hold.refused)} already, by {hold.placed.who}",
            code="already-rolled-back",
            hint=f"`--to` names an earlier release; `mergeport unhold {application} {environment}` goes forward again",
        )
    there = present(context, branch)
    release = named(context, branch, to) if to else before(context, branch)
    _check(context, target, release, there, hold)
    probe = _probe(context, target, release, replace(back, refused=there.commit if there else ""), configuration)
    carried = None if back.images_only else _carried(context, branch, release, there)
    probe = replace(probe, carried=carried)
    done = rewrite_at(branch.manifests, branch.tip, wanted_edits(probe, target))
    if not done.files:
        raise _is_there(target, release)
    refused = there.commit if there is not None else next((c.before for _, c in done.changes if c.before), "")
    seen = look_at_state(context, place.repository)
    shut = closed(seen.state, seen.trouble, probe, context.now())
    if shut is not None and shut.refusal is not None:
        raise shut.refusal
    if seen.trouble is not None:
        raise seen.trouble
    with context.store.read() as tx:
        under_way = _under_way(tx, application, environment)
    back = replace(back, refused=refused or "")
    words = shut.words if shut is not None else ""
    return Plan(target, place, configuration, release, back, done.diff, words, tuple(under_way), carried)


def under_way_back(context: Context, application: str, environment: str, *, to: str = "") -> Run | None:
    """Give the run that goes back already, if it goes where it is asked to go."""
    with context.store.read() as tx:
        found = next((run for run in _under_way(tx, application, environment) if run.rollback is not None), None)
    if found is None or not to:
        return found
    target, _ = _target(context, application, environment)
    wanted = named(context, branch_of(context, target), to)
    digests = frozenset((name, str(image.get("digest") or "")) for name, image in found.images.items())
    return found if wanted.digests == digests else None


def branch_of(context: Context, target: Target) -> Branch:
    """Read where the target's values are now; PermanentError `manifest-branch-missing` if they are nowhere."""
    place = place_of(context, target)
    manifests = context.outside.manifests.open(place.repository)
    tip = manifests.fetch(place.branch)
    if tip is None:
        raise PermanentError(
            f"{place.repository} has no branch {place.branch}",
            code="manifest-branch-missing",
            hint="push the branch, or name another in `manifest`",
        )
    return Branch(target, manifests, tip)


def start(tx: Transaction, context: Context, planned: Plan, *, asked_id: str = "") -> Run | None:
    """Queue the run of a plan, and end what is under way there; None if another one goes back there already."""
    target, release = planned.target, planned.release
    now_there = next((run for run in _under_way(tx, target.application, target.environment) if run.rollback), None)
    if now_there is not None and now_there.id not in {run.id for run in planned.under_way}:
        return None
    change_id = release.change_id or _change_of(tx, context, release)
    generation = runs.generation_after(
        tx, release.repository, release.branch, release.commit, target.application, target.environment
    )
    wish = Wish(
        change_id=change_id, repository=release.repository, branch=release.branch, commit=release.commit,
        application=target.application, environment=target.environment, generation=generation,
        configuration_commit=planned.configuration, asked_id=asked_id,
        asked_by="" if planned.back.automatic else planned.back.by,
    )  # fmt: skip
    images = {name: dict(image) for name, image in release.images.items()}
    run = transitions.accept_back(tx, wish, images, planned.back, carried=planned.carried, at=context.now())
    if run is not None:
        detail = f"to {release.commit[:12]} by run {run.id}, from {short(planned.back.refused)}: {planned.back.why}"
        subject = f"{target.application} in {target.environment}"
        audit.record(
            tx, at=context.now(), actor=planned.back.by, action="rollback", subject=subject, detail=detail[:2000]
        )
    return run


def hold_for(context: Context, place: Place, run: Run, *, asked: str = "") -> str:
    """Place the hold of a run that goes back, once however often it is asked for; give the id of the one in force.

    A person who has `asked` for the same again has it placed again, where somebody has lifted it meanwhile.
    """
    back = StepBack.read(run.rollback)
    assert back is not None  # noqa: S101 - called for runs that go back
    return hold_back(
        context, place.repository, asked or run.id, application=run.application, environment=run.environment,
        cause=Cause.ROLLBACK, who=back.by, why=back.why, refused=back.refused, at=run.created_at,
    )  # fmt: skip


def hold_first(claim: Claim, place: Place) -> None:
    """Place the hold before a run that goes back writes; nothing for any other run."""
    if claim.run.rollback is None or claim.run.pull_request is not None:
        return
    with step(claim, HOLD_STEP, Stage.PROMOTE) as record:
        if not record.done_before:
            hold_for(claim.context, place, claim.run)
        record.message = "held; `mergeport unhold` lifts it, and then the newest release comes"


# --- what a plan checks ---------------------------------------------------------------------------


def _target(context: Context, application: str, environment: str) -> tuple[Target, Sha]:
    configuration = context.configurations.current()
    target = configuration.target(application, environment)
    if target is None:
        raise NotFoundError(
            f"{application} is not in {environment}",
            code="target-gone",
            hint="`mergeport config explain` shows it",
        )
    return target, Sha(configuration.commit)


def _hold_at(context: Context, place: Place, target: Target) -> Hold | None:
    state = look_at_state(context, place.repository).state
    found = state.by_subject().get(("hold", target.application, target.environment))
    return found if isinstance(found, Hold) and not found.placed.over(context.now()) else None


def _check(context: Context, target: Target, release: Release, there: Release | None, hold: Hold | None) -> None:
    """Refuse what cannot be gone back to."""
    if not fits(release, target):
        raise PermanentError(
            f"{release.commit[:12]} has other images than {target.application} in {target.environment} has now",
            code="release-unfit",
            hint="revert the manifest commits by hand, or promote a release that has them",
        )
    if there is not None and release.digests == there.digests:
        raise _is_there(target, release)
    refused = hold.refused if hold is not None else ""
    if refused and refused in {release.commit, *(digest for _, digest in release.digests)}:
        raise PermanentError(
            f"{release.commit[:12]} is what was gone back from",
            code="release-refused",
            hint=f"`mergeport unhold {target.application} {target.environment}` brings the newest release again",
        )
    probe = _probe(context, target, release, StepBack("", ""), Sha(context.configurations.current().commit))
    absent = absent_of(Claim(context, probe, target))
    if absent:
        raise PermanentError(
            f"{absent} is not in the registry any more, so nothing can go back to it",
            code="image-gone",
            hint="`--to` names another release",
        )


def _carried(context: Context, branch: Branch, release: Release, there: Release | None) -> dict[str, Any] | None:
    """Give what was carried to the place with a former release, for the store."""
    run = None
    if there is not None and there.run_id is not None:
        with context.store.read() as tx:
            run = runs.get(tx, there.run_id)
    found = carried_back(branch, release, Carried.read(run.carried) if run is not None else None)
    return found.stored() if found is not None else None


def _is_there(target: Target, release: Release) -> PermanentError:
    return PermanentError(
        f"{target.application} in {target.environment} has {release.commit[:12]} already",
        code="release-is-there",
        hint="nothing to go back from; `mergeport runs list` shows what was promoted",
    )


def _under_way(tx: Transaction, application: str, environment: str) -> list[Run]:
    states = [state for state in RunState if not state.ended]
    return runs.newest(
        tx, limit=transitions.MOST_UNDER_WAY, application=application, environment=environment, states=states
    )


def _probe(context: Context, target: Target, release: Release, back: StepBack, configuration: Sha) -> Run:
    """Make the run as it would be, in memory, to be judged by what judges runs."""
    now = context.now()
    return Run(
        sequence=0, id=RunId(""), change_id=release.change_id or ChangeId(""), repository=release.repository,
        branch=release.branch, commit=release.commit, application=target.application, environment=target.environment,
        generation=0, configuration_commit=configuration, state=RunState.QUEUED, stage=Stage.PROMOTE, message="",
        code="", images={name: dict(image) for name, image in release.images.items()}, manifest_commit=None,
        pull_request=None, pull_request_url=None, cancel_requested_by=None, superseded_by=None, workflow_id="",
        resumes=0, shared_deaths=0, progress="", created_at=now, updated_at=now, ended_at=None,
        rollback=back.stored(),
    )  # fmt: skip


def _change_of(tx: Transaction, context: Context, release: Release) -> ChangeId:
    """Give the change of a release that the database has lost; its manifest commit tells what it was."""
    change = Change(
        id=ChangeId(new_id()), repository=release.repository, branch=release.branch, commit=release.commit,
        before=None, subject=release.subject, author="", author_email="", paths=None, pull_requests=[],
        created_at=context.now(),
    )  # fmt: skip
    return changes.ensure(tx, change).id
