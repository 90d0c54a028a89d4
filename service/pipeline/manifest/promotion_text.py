"""Gathers what a promotion's texts tell: its commit's message, its pull request's title and body."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import structlog

from service.core.carry import Carried
from service.core.foreign_text import markdown
from service.core.gates.gate_table import Row
from service.core.gates.seen_checks import Check
from service.core.messages import DirectPush, Promotion, SourcePullRequest, commit_message
from service.core.promotion_body import pull_request_body, sections_of, with_machine_part
from service.core.promotion_evidence import RunsIn, marks_of
from service.core.promotion_title import is_ours, pull_request_title
from service.core.rendered.secret_names import concealed
from service.core.reserved_files import TEMPLATE_FILE
from service.core.scans import words_of
from service.core.step_back import StepBack
from service.core.template_context import template_context
from service.core.values import ScalarChange
from service.core.words import Actor, ChangeId, Publish, Sha
from service.errors import MergeportError, PermanentError
from service.pipeline.context import Context
from service.pipeline.manifest.brings import Brings, what_it_brings
from service.pipeline.manifest.merged_in import MergedIn, merged_between, paths_of, touching
from service.pipeline.manifest.model_story import source_page, story_of
from service.pipeline.manifest.place import Place
from service.pipeline.manifest.rendering import Side, rendered_between
from service.pipeline.runs.claim import Claim, digests_of, images_of
from service.ports import Manifests, PullRequest
from service.store import changes, deployments, judgements, overrides, runs
from service.store.changes import Change
from service.store.edits import Edit
from service.store.judgements import KeptJudgement
from service.store.overrides import KeptOverride
from service.store.runs import Run

log = structlog.get_logger()

MOST_CHANGES = 1_000
MOST_STAYS = 200
FAULT_LENGTH = 500
LONGEST_VALUE = 1_000
"""How many changed scalars of an edit, and how many characters of each, are kept for pages and pull requests."""

Changes = Sequence[tuple[str, ScalarChange]]
"""Changed scalars, each with its file."""


def message_of(
    claim: Claim, changed: Changes, change: Change | None = None, opened: Sequence[KeptOverride] | None = None
) -> str:
    """Give the message of the run's manifest commit; the same run and changes give the same words.

    `change` is the run's own, and `opened` are the gates that are open for it, where they were read already.
    """
    known = {} if change is None else {change.id: change}
    promotion = _promotion(claim.context, claim.run, changed, Brings(None, (claim.run.change_id,)), known, opened)
    return commit_message(promotion, co_author=claim.target.writing.co_author)


def pull_request_text(claim: Claim, place: Place, edit: Edit, known: PullRequest | None) -> tuple[str, str]:
    """Give title and body of the run's pull request, with all that it brings to its base as it is now.

    `known` is the open pull request, if any; a title that a person gave it stays.
    """
    manifests = claim.context.outside.manifests.open(edit.repository)
    base = manifests.last_tip(place.branch) or edit.base
    assert base is not None  # noqa: S101 - it was fetched when the edit was made
    brings = what_it_brings(claim, manifests, base, changes_of(edit))
    promotion = _promotion(claim.context, claim.run, changes_of(edit), brings)
    promotion = _with_merged(claim, brings, promotion, manifests, base)
    promotion = _with_evidence(claim, brings, promotion)
    charts = claim.context.outside.charts
    if charts is not None and edit.base is not None and edit.commit is not None:
        sides = Side(edit.base, {}), Side(edit.commit, {})
        promotion = replace(promotion, rendered=rendered_between(charts, claim.target, manifests, *sides))
    because = edit.message if claim.target.publish is Publish.COMMIT else ""
    body = _body(claim, manifests, base, promotion, because)
    theirs = known is not None and not is_ours(promotion, known.title, known.body)
    return known.title if known is not None and theirs else pull_request_title(promotion), body


def _body(claim: Claim, manifests: Manifests, base: Sha, promotion: Promotion, because: str) -> str:
    """Write the body by the team's template on the base, if there is one; ours and its fault if it is broken."""
    template = manifests.read_all(base, [TEMPLATE_FILE]).get(TEMPLATE_FILE)
    if template is None:
        return pull_request_body(promotion, because=because)
    sections = sections_of(promotion, because=because)
    try:
        context = template_context(promotion, sections, because=because)
        text = claim.context.outside.templates.render(template.decode("utf-8", "replace"), context)
    except PermanentError as error:
        told = f"> [!NOTE]\n> {markdown(concealed(error.message), FAULT_LENGTH)}. This is Mergeport's own text."
        return with_machine_part(promotion, {"fault": told, **sections})
    return with_machine_part(promotion, {"template": text})


def _with_merged(claim: Claim, brings: Brings, promotion: Promotion, manifests: Manifests, base: Sha) -> Promotion:
    """Add the merged pull requests that the commits came with, and what the title says; of a model, its evidence."""
    run = claim.run
    if claim.target.model is not None:
        return replace(promotion, newest=promotion.subject, model=story_of(claim, manifests, base))
    with claim.context.store.read() as tx:
        brought = [one for change in brings.changes if (one := changes.get(tx, change)) is not None]
    own = next((one for one in brought if one.id == run.change_id), None)
    since = brings.previous or next((one.before for one in brought), None)
    forge = claim.context.outside.forge
    merged = MergedIn() if since is None else merged_between(forge, run.repository, since, run.commit)
    known = {one.number: one for one in promotion.pull_requests}
    ours = touching(forge, run.repository, merged.pull_requests, claim.target.paths, known=known)
    told = known | {one.number: _told(one) for one, _ in ours}
    paths = {one.number: touched for one, touched in ours if touched is not None} | _paths_told(brought)
    paths |= paths_of(forge, run.repository, told.keys() - paths.keys())
    told = {number: replace(one, marks=marks_of(paths.get(number))) for number, one in told.items()}
    commits = {one.merge_commit for one in merged.pull_requests}
    alone = [one for one in brought if not one.pull_requests and one.commit not in commits]
    numbers = {one["number"] for one in own.pull_requests} if own else set()
    numbers |= {one.number for one in merged.pull_requests if one.merge_commit == run.commit}
    newest = told.get(max(numbers, default=0))
    return replace(
        promotion,
        pull_requests=tuple(told[number] for number in sorted(told)),
        direct=tuple(DirectPush(one.commit, one.subject, one.author) for one in alone),
        newest=newest.title if newest else promotion.subject,
        newest_number=newest.number if newest else None,
        more=max(len(told) + len(alone) - 1, 0),
        unread=merged.unread,
        problem=merged.problem,
    )


def _with_evidence(claim: Claim, brings: Brings, promotion: Promotion) -> Promotion:
    """Add where the very images of the run are or were live, and what kinds of files the changes touch."""
    run, mine = claim.run, digests_of(claim.run)
    with claim.context.store.read() as tx:
        stays = deployments.elsewhere(tx, run.application, run.environment, limit=MOST_STAYS)
        released = runs.some(tx, {one.run_id for one in stays})
        brought = changes.of_ids(tx, {run.change_id, *brings.changes})
        kept = judgements.of_run(tx, run.id)
    touched = {path for one in brought.values() for path in one.paths or ()}
    same = [one for one in stays if one.run_id in released and digests_of(released[one.run_id]) == mine]
    return replace(
        promotion,
        evidence=tuple(RunsIn(one.environment, one.since, one.healthy_since, one.until, one.health) for one in same),
        marks=tuple(dict.fromkeys((*marks_of(touched), *chain(*(one.marks for one in promotion.pull_requests))))),
        checks=_checks(claim),
        gates=_gates(kept, gated=bool(claim.target.gates)),
        scans=_scans(run, *(released[one.run_id] for one in same)),
    )


def _checks(claim: Claim) -> tuple[Check, ...]:
    """Give the checks of the source commit; none where a gate tells of them, or they cannot be read."""
    run = claim.run
    if claim.target.model is not None or any(kind == "checks" for kind, _ in claim.target.gates):
        return ()
    try:
        return tuple(claim.context.outside.forge.checks_of(run.repository, run.commit))
    except MergeportError as error:
        log.info("the checks of a promotion cannot be read", repository=run.repository, reason=error.message)
        return ()


def _scans(run: Run, *others: Run) -> tuple[str, ...]:
    """Say what the scans of a run's images had found, by itself or by the newest other run of the same images."""
    told = []
    for name, reference in images_of(run).items():
        found = next((one.images[name]["scan"] for one in (run, *others) if one.images.get(name, {}).get("scan")), None)
        if found is not None:
            told.append(f"{reference.name}: {words_of(found)}")
    return tuple(told)


def _gates(kept: KeptJudgement | None, *, gated: bool) -> tuple[Row, ...] | None:
    """Give the gates as they were judged last; none yet for a run that was not judged, None if it has no gates."""
    if not gated:
        return None
    return tuple(Row(*map(str, row)) for row in kept.gates) if kept is not None else ()


def _told(one: PullRequest) -> SourcePullRequest:
    return SourcePullRequest(one.number, one.title, one.author or "", one.url, one.labels)


def _paths_told(brought: Iterable[Change]) -> dict[int, Collection[str]]:
    """Give the paths of pull requests that are known from their changes."""
    alone = [one for one in brought if len(one.pull_requests) == 1 and one.paths is not None]
    return {one.pull_requests[0]["number"]: one.paths or () for one in alone}


def stored_changes(changed: Changes) -> list[dict[str, Any]]:
    """Write changed scalars for the store; only the first ones are kept, and long values are cut."""
    return [
        {"file": file, "path": one.path, "line": one.line, "before": _kept(one.before), "after": _kept(one.after)}
        for file, one in changed[:MOST_CHANGES]
    ]


def _kept(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def changes_of(edit: Edit) -> Changes:
    """Read the changed scalars that are stored with an edit."""
    return [
        (one["file"], ScalarChange(one["path"], one["line"], one["before"], one["after"])) for one in edit.changes or []
    ]


def _promotion(
    context: Context,
    run: Run,
    changed: Changes,
    brings: Brings,
    known: Mapping[ChangeId, Change] | None = None,
    opened: Sequence[KeptOverride] | None = None,
) -> Promotion:
    wanted = {run.change_id, *brings.changes}
    if opened is None:
        with context.store.read() as tx:
            opened = overrides.of_run(tx, run)
    if not known or not wanted <= known.keys():
        with context.store.read() as tx:
            known = changes.of_ids(tx, wanted)
    change = known.get(run.change_id)
    brought = (known[one] for one in brings.changes if one in known)
    return Promotion(
        run=run.id,
        application=run.application,
        environment=run.environment,
        source_repository=run.repository,
        source_url=source_page(context, run),
        source_commit=run.commit,
        images=tuple(images_of(run).values()),
        changes=tuple(changed),
        previous=brings.previous,
        warning=brings.warning,
        subject=change.subject if change else "",
        author=Actor(change.author, change.author_email) if change and change.author_email else None,
        pull_requests=tuple(_pull_requests(brought)),
        run_url=context.run_url(run.id),
        back=StepBack.read(run.rollback),
        carried=Carried.read(run.carried),
        asked_by=run.asked_by,
        overrides=tuple(f"{one.gate} by {one.who}: {one.why}" for one in opened),
        made_for=tuple(str(one.get("made_for") or "") for one in run.images.values()),
    )


def _pull_requests(brought: Iterable[Change]) -> list[SourcePullRequest]:
    known: dict[int, SourcePullRequest] = {}
    for change in brought:
        for one in change.pull_requests:
            labels = tuple(map(str, one.get("labels") or ()))
            known[one["number"]] = SourcePullRequest(one["number"], one["title"], one["author"], one["url"], labels)
    return [one for _, one in sorted(known.items())]
