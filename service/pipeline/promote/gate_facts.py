"""Reads the facts that the gates of a run's target need, and no others. Called whenever gates are judged.

What cannot be read is Unknown, so that the gate waits and says why. Nothing is remembered: each judgement reads anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias

from service.core.artifacts import models_in
from service.core.config import Target
from service.core.gates import Evidence, Facts, FileText, Override, Unknown, evidence_for
from service.core.gates.restrictions import ClosedByPeople, Restriction, RestrictionKind
from service.core.gates.stays import ReleaseIdentity, Stay, Stretch
from service.core.promotion_model import ModelStory
from service.core.state import Block, Entry, Hold, Lock
from service.core.state.entries import Stray
from service.core.step_back import PASSES, StepBack
from service.core.words import Digest, Repository, Sha
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.manifest.model_story import story_of
from service.pipeline.manifest.place import Place
from service.pipeline.manifest.state.remembered import in_force
from service.pipeline.promote.evidence.address_answers import answer
from service.pipeline.promote.evidence.approvals_given import reviews
from service.pipeline.promote.evidence.asked_once import Answers
from service.pipeline.promote.evidence.scanned_images import images_scanned
from service.pipeline.promote.evidence.source_change import checks, labels
from service.pipeline.runs.claim import Claim, images_of
from service.ports import Manifests
from service.store import Transaction, deployments, manifest_states, overrides, runs
from service.store.deployments import Deployment
from service.store.manifest_states import KnownState
from service.store.runs import Run

TRY_AGAIN = timedelta(seconds=30)
"""After how long something that could not be read is tried again."""
_Reader: TypeAlias = Callable[[Claim, Place, Answers], object]
_MOST_STAYS = 50
"""How far back an environment's releases are looked at."""


def facts_of(
    claim: Claim, place: Place, known: Mapping[str, Any] | None = None, answers: Answers | None = None
) -> Facts:
    """Read what the gates of the run's target need to know, as of now.

    What is `known`, by its name in `Facts`, is not read. `answers` are those of questions to forges and registries: who
    judges many runs at once gives one for all of them, so that the same question is asked once.
    """
    run, target, asked = claim.run, claim.target, answers or Answers()
    wanted, read = evidence_for(target.gates), dict[str, Any](known or {})
    for one, reader in _READERS.items():
        if one in wanted and one not in read:
            read[one] = _read(reader, claim, place, asked)
    if Evidence.STATE not in read:
        read[Evidence.STATE] = closed_by_people(claim.context, place.repository)
    if "overrides" not in read:
        read["overrides"] = (*overrides_of(claim), *_passed(run))
    return Facts(
        now=claim.context.now(),
        application=run.application,
        environment=run.environment,
        source=run.repository,
        commit=run.commit,
        models=models_in(run.images),
        images=images_scanned(claim, claim.context.now() + TRY_AGAIN, asked),
        **read,
    )


def _passed(run: Run) -> tuple[Override, ...]:
    """Open the gates that a step back passes: in the name of who asked for it."""
    back = StepBack.read(run.rollback)
    return () if back is None else tuple(Override(gate, back.by, back.words) for gate in PASSES)


def _read(reader: _Reader, claim: Claim, place: Place, answers: Answers) -> object:
    try:
        return reader(claim, place, answers)
    except MergeportError as error:
        return _not_now(claim.context, error)


# --- where the release was ------------------------------------------------------------------------


def _upstream(claim: Claim, place: Place, answers: Answers) -> tuple[Stay, ...]:  # noqa: ARG001 - all readers are called alike
    """Give where releases of the application were live, and when they were healthy there."""
    with claim.context.store.read() as tx:
        return stays_of(tx, claim.target)


def stays_of(tx: Transaction, target: Target) -> tuple[Stay, ...]:
    """Give the same of a target."""
    environments = {name for _, options in target.gates if (name := getattr(options, "environment", ""))}
    found = [
        one for name in sorted(environments)
        for one in deployments.of_place(tx, target.application, name, limit=_MOST_STAYS)
    ]  # fmt: skip
    released = runs.some(tx, {one.run_id for one in found})
    return tuple(stay_of(one, released[one.run_id]) for one in found if one.run_id in released)


def stay_of(deployment: Deployment, run: Run) -> Stay:
    """Give a deployment as the soak gate reads it. A release that is not healthy any more has no stretch."""
    since = deployment.healthy_since
    healthy = () if since is None else (Stretch(since, deployment.until),)
    digests = [reference.digest for reference in images_of(run).values()]
    known = frozenset(digest for digest in digests if digest) if all(digests) else frozenset[Digest]()
    return Stay(deployment.environment, ReleaseIdentity(known, None, run.commit), healthy, until=deployment.until)


def _model(claim: Claim, place: Place, answers: Answers) -> ModelStory | None:  # noqa: ARG001 - the same
    """Give what is known of the model's version that the run brings, and of the one that stands on the branch."""
    if claim.target.model is None:
        return None
    manifests = claim.context.outside.manifests.open(place.repository)
    tip = manifests.fetch(place.branch)
    return None if tip is None else story_of(claim, manifests, tip)


# --- what people closed ---------------------------------------------------------------------------


def overrides_of(claim: Claim) -> tuple[Override, ...]:
    """Give the gates that people have opened for the run's release."""
    with claim.context.store.read() as tx:
        return tuple(Override(one.gate, one.who, one.why) for one in overrides.of_run(tx, claim.run))


def closed_by_people(context: Context, repository: Repository) -> ClosedByPeople:
    """Give the locks, holds and blocks as they were read last; they are read again right before each push."""
    with context.store.read() as tx:
        known = manifest_states.get(tx, repository)
    return closed_as_known(known)


def closed_as_known(known: KnownState | None) -> ClosedByPeople:
    """Give the same of a state as it was read last."""
    if known is None:
        return ClosedByPeople()
    return ClosedByPeople(tuple(map(_restriction, in_force(known).entries)), known.words if known.trouble else "")


def _restriction(entry: Entry) -> Restriction:
    placed, stray = entry.placed, entry.stray or Stray("")
    match entry:
        case Lock():
            kind, application, environment, subject = RestrictionKind.LOCK, entry.application, entry.environment, ""
        case Hold():
            kind, application, environment, subject = RestrictionKind.HOLD, entry.application, entry.environment, ""
        case Block():
            kind, application, environment, subject = RestrictionKind.BLOCK, "", "", entry.value
    why = f"{placed.why} ({stray.words})".lstrip() if stray.words else placed.why
    return Restriction(
        kind, placed.who, why, placed.since, placed.until, None if stray.application else application or None,
        None if stray.environment else environment or None, subject,
    )  # fmt: skip


# --- files of the manifest repository -------------------------------------------------------------


def _files(claim: Claim, place: Place, answers: Answers) -> tuple[FileText, ...]:  # noqa: ARG001 - the same
    """Read the files that gates name, from the branch that is written."""
    paths = files_named(claim.target)
    if not paths:
        return ()
    manifests = claim.context.outside.manifests.open(place.repository)
    try:
        tip = manifests.fetch(place.branch)
    except MergeportError as error:
        return tuple(FileText(path, _not_now(claim.context, error)) for path in paths)
    return tuple(file_at(claim.context, manifests, tip, path) for path in paths)


def files_named(target: Target) -> list[str]:
    """Name the files that the gates of a target name."""
    named = (options.files() for _, options in target.gates if hasattr(options, "files"))
    return sorted({path for paths in named for path in paths})


def file_at(context: Context, manifests: Manifests, tip: Sha | None, path: str) -> FileText:
    """Read a file that a gate names; what cannot be read is Unknown."""
    return FileText(path, _text(context, manifests, tip, path))


def _text(context: Context, manifests: Manifests, tip: Sha | None, path: str) -> str | Unknown:
    if tip is None:
        return Unknown("its branch is not there")
    try:
        return manifests.read(tip, path).decode("utf-8")
    except UnicodeDecodeError:
        return Unknown(f"{path} is not UTF-8 text")
    except MergeportError as error:
        return _not_now(context, error)


def _not_now(context: Context, error: MergeportError) -> Unknown:
    return Unknown(str(error), context.now() + TRY_AGAIN)


_READERS: Mapping[Evidence, _Reader] = {
    Evidence.UPSTREAM: _upstream,
    Evidence.FILES: _files,
    Evidence.CHECKS: checks,
    Evidence.LABELS: labels,
    Evidence.REVIEWS: reviews,
    Evidence.ANSWER: answer,
    Evidence.MODEL: _model,
}
"""Who reads each fact, by its name in `Facts`."""
