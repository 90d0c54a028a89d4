"""Gathers what a pull request's text tells, and writes it: of one run, or of all that share the pull request.

Called where pull requests are opened and updated. What is asked of the outside for it is bounded for the whole text. A
text holds nothing up: what cannot be read of one of several is told in words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import structlog

from service.core.foreign_text import markdown
from service.core.gates.gate_table import Row
from service.core.gates.seen_checks import Check
from service.core.messages import DirectPush, Promotion, SourcePullRequest
from service.core.promotion_evidence import RunsIn, marks_of
from service.core.promotion_title import is_ours, title_of
from service.core.pull_request_body import Offer, pull_request_body, sections_of, with_machine_part
from service.core.rendered.secret_names import concealed
from service.core.reserved_files import TEMPLATE_FILE
from service.core.scans import words_of
from service.core.template_context import template_context
from service.core.words import Sha
from service.errors import MergeportError, PermanentError
from service.pipeline.manifest.brings import Brings, what_it_brings
from service.pipeline.manifest.merged_in import MergedIn, merged_between, paths_of, touching
from service.pipeline.manifest.model_story import story_of
from service.pipeline.manifest.place import Place
from service.pipeline.manifest.promotion_text import Changes, promotion_of
from service.pipeline.manifest.rendering import Side, rendered_between
from service.pipeline.manifest.sparing import NOT_LOOKED_UP, Allowance, sparing
from service.pipeline.runs.claim import Claim, digests_of, images_of
from service.ports import Manifests, PullRequest
from service.store import changes, deployments, judgements, runs
from service.store.changes import Change
from service.store.judgements import KeptJudgement
from service.store.runs import Run

log = structlog.get_logger()

MOST_STAYS = 200
FAULT_LENGTH = 500
REQUESTS, RENDERINGS, SECONDS = 150, 60, 30.0
"""How many requests and renderings the whole text may cost, and how long: a comparison of sources takes a few each."""
TEMPLATE_ROOM = 26_000
"""The most bytes that what is long of our own text may take in a team's."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What one run brings: at `commit` the values files say it, and at `base` they do not yet."""

    claim: Claim
    base: Sha | None
    commit: Sha | None
    changes: Changes


@dataclass(frozen=True, slots=True)
class Sharing:
    """What a pull request that several applications share tells beside what they bring."""

    out: tuple[tuple[str, str], ...] = ()
    commits_url: str = ""


def pull_request_text(
    place: Place, every: Sequence[Brought], known: PullRequest | None, *, because: str = "",
    sharing: Sharing | None = None,
) -> tuple[str, str]:  # fmt: skip
    """Give title and body of a pull request, with all that it brings to its base as it is now.

    `known` is the open pull request, if any; a title that a person gave it stays.
    """
    context = every[0].claim.context
    manifests = context.outside.manifests.open(place.repository)
    base = manifests.last_tip(place.branch) or every[0].base
    assert base is not None  # noqa: S101 - it was fetched when the edit was made
    members = tuple(_gathered(every, manifests, base))
    offer = Offer(members, because)
    if sharing is not None:
        offer = replace(offer, shared=True, out=sharing.out, commits_url=sharing.commits_url)
    body = _body(every[0].claim, manifests, base, offer)
    theirs = known is not None and not is_ours(members, known.title, known.body)
    return known.title if known is not None and theirs else title_of(members), body


def _body(claim: Claim, manifests: Manifests, base: Sha, offer: Offer) -> str:
    """Write the body by the team's template on the base, if there is one; ours and its fault if it is broken."""
    template = manifests.read_all(base, [TEMPLATE_FILE]).get(TEMPLATE_FILE)
    if template is None:
        return pull_request_body(offer)
    sections = sections_of(offer, TEMPLATE_ROOM)
    try:
        context = template_context(offer, sections)
        text = claim.context.outside.templates.render(template.decode("utf-8", "replace"), context)
    except PermanentError as error:
        told = f"> [!NOTE]\n> {markdown(concealed(error.message), FAULT_LENGTH)}. This is Mergeport's own text."
        return with_machine_part(offer, {"fault": told, **sections})
    details = sections["details"] if sections["details"] not in text else ""
    return with_machine_part(offer, {"template": text, "details": details})


def _gathered(every: Sequence[Brought], manifests: Manifests, base: Sha) -> Iterable[Promotion]:
    """Gather what each brings. The outside is asked so much for all of them together, and each gets its part."""
    allowance = Allowance(REQUESTS, RENDERINGS, SECONDS)
    context = sparing(every[0].claim.context, allowance)
    gated = any(one.claim.target.gates for one in every)
    for at, one in enumerate(every):
        allowance.begin(len(every) - at)
        claim = Claim(context, one.claim.run, one.claim.target)
        try:
            brings, problem = what_it_brings(claim, manifests, base, one.changes), ""
        except PermanentError as error:
            if len(every) == 1 and error.code != NOT_LOOKED_UP:
                raise
            brings, problem = Brings(None, (claim.run.change_id,)), error.message
        told = promotion_of(context, claim.run, one.changes, brings)
        if claim.target.model is not None:
            told = replace(told, newest=told.subject, model=story_of(claim, manifests, base))
        else:
            told = _with_merged(claim, brings, told)
        told = _with_evidence(claim, brings, told, gated=gated)
        charts = context.outside.charts
        if charts is not None and one.base is not None and one.commit is not None:
            sides = Side(one.base, {}), Side(one.commit, {})
            told = replace(told, rendered=rendered_between(charts, claim.target, manifests, *sides))
        yield replace(told, problem=told.problem or problem)


def _with_merged(claim: Claim, brings: Brings, promotion: Promotion) -> Promotion:
    """Add the merged pull requests that the commits came with, and what the title says."""
    run = claim.run
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


def _with_evidence(claim: Claim, brings: Brings, promotion: Promotion, *, gated: bool) -> Promotion:
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
        gates=_gates(kept, gated=gated),
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
