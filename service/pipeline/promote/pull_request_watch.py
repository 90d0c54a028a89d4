"""Looks at the pull requests of a base branch, and at the base itself, for the runs that wait for one of them.

A base that moved under a pull request, or lost what it contains, answers the run as the pull request's own changes do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import structlog

from service.core.words import Repository, RunId, Sha, WaitKind
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.manifest.place import Place, is_shared
from service.pipeline.promote.afterwards import follow_listed
from service.pipeline.promote.heads import Base, Holds
from service.pipeline.promote.pull_request import STUCK, WAITS_FOR_MERGE, number_of, subject_of, words_of_wait
from service.pipeline.promote.reading import Standing, read_for_merge, standing
from service.pipeline.promote.together.membership import has_to_change
from service.pipeline.runs.claim import Claim, read_claim
from service.pipeline.runs.looks import Answers, Isolated, saw
from service.ports import PullRequest
from service.store import edits, pull_request_runs, waits
from service.store.edits import Edit
from service.store.waits import Wait

MOST_REWORDED = 200
"""How many waits get their own words back in one look after GitHub was away."""
MOST_READ_ALONE = 5
"""How many pull requests beyond the listed page one look reads: GitHub counts requests, and lists what changes."""
MOST_HELD_ALONE = 50
"""How many more pull requests one look compares with their base by rows alone; they are chosen at random."""

log = structlog.get_logger()


def look_at_pull_requests(context: Context, key: str) -> Answers:
    """Look at the page of what changed last, on which every change shows up, and read a few others one by one."""
    name, _, base = key.partition(":")
    repository, forge = Repository(name), context.outside.manifest_forge
    known = {subject_of(repository, one.number): one for one in forge.recent_pull_requests(repository, base=base)}
    with context.store.read() as tx:
        waiting = waits.some_at(tx, WaitKind.PULL_REQUEST, key, known, others=MOST_READ_ALONE + MOST_HELD_ALONE)
        usual = WAITS_FOR_MERGE.partition("{")[0]
        reworded = waits.worded_otherwise(tx, WaitKind.PULL_REQUEST, key, usual, limit=MOST_REWORDED)
        written = edits.of_runs(tx, [wait.run_id for wait in waiting])
    answers: dict[Wait, str] = {}
    at = _base(context, Place(repository, base))
    shared: dict[str, RunId | None] = {}
    others = [wait for wait in waiting if wait.subject not in known]
    with Isolated(context) as isolated:
        for wait in reworded:
            with isolated.one(wait, answers):
                claim = read_claim(context, wait.run_id)
                if claim is not None:
                    saw(
                        context,
                        wait,
                        words_of_wait(claim, Repository(wait.key.partition(":")[0]), number_of(wait.subject)),
                    )
        for wait in waiting:
            with isolated.one(wait, answers):
                pull_request = known.get(wait.subject)
                if pull_request is None and wait in others[:MOST_READ_ALONE]:
                    pull_request = forge.pull_request(repository, number_of(wait.subject))
                answer = _answer(context, wait, at, base, pull_request, written.get(wait.run_id), shared)
                if answer is not None:
                    answers[wait] = answer
    _follow(context, repository, known)
    return answers


def _follow(context: Context, repository: Repository, known: Mapping[str, PullRequest]) -> None:
    """Follow the listed pull requests of runs that have ended."""
    try:
        for run in follow_listed(context, repository, known.values()):
            enqueue(context, run.id)
    except MergeportError as error:
        log.warning("pull requests of ended runs were not looked at", error=str(error))


def _base(context: Context, place: Place) -> Base | None:
    """Give the base as it is now; None if the repository does not answer. The look at the forge goes on."""
    manifests = context.outside.manifests.open(place.repository)
    try:
        tip = manifests.fetch(place.branch)
    except MergeportError as error:
        log.warning("the base of pull requests was not looked at", base=place.branch, error=str(error))
        return None
    return None if tip is None else Base(manifests, tip)


def _answer(
    context: Context,
    wait: Wait,
    at: Base | None,
    base: str,
    pull_request: PullRequest | None,
    edit: Edit | None,
    shared: dict[str, RunId | None],
) -> str | None:
    if pull_request is not None and (not pull_request.open or pull_request.base != base):
        return "merged" if pull_request.merged else "changed"
    if edit is None or at is None:
        return None
    if is_shared(edit.branch):
        return _of_shared(context, wait, at, edit, Place(edit.repository, base), pull_request, shared)
    tip = edit.commit if pull_request is None else pull_request.head_sha
    if tip is None or (edit.commit, edit.base) == (tip, at.tip):
        return None
    claim = read_claim(context, wait.run_id)
    return None if claim is None else _held(claim, wait, at, edit, tip, pull_request)


def _of_shared(
    context: Context,
    wait: Wait,
    at: Base,
    edit: Edit,
    place: Place,
    pull_request: PullRequest | None,
    shared: dict[str, RunId | None],
) -> str | None:
    """Look once for all that share a pull request; one of them is to act where it has to be made anew."""
    if pull_request is None:
        return None
    if edit.branch not in shared:
        head = Place(edit.repository, edit.branch)
        at.manifests.fetch(head.branch)
        stale = has_to_change(context, place, head, at, pull_request.head_sha)
        with context.store.read() as tx:
            first = pull_request_runs.first_on(tx, head.repository, head.branch, pull_request.number)
        shared[edit.branch] = first if stale else None
    return Standing.ANEW.value if shared[edit.branch] == wait.run_id else None


def _held(claim: Claim, wait: Wait, at: Base, edit: Edit, tip: Sha, pull_request: PullRequest | None) -> str | None:
    """Compare a head with its base; give an answer if its run has to act, else words for its wait."""
    context = claim.context
    had = pull_request.base_sha if pull_request is not None else None
    read = read_for_merge(claim, at, edit.repository, tip, had=had)
    stands = standing(claim, at, read)
    words = words_of_wait(claim, Repository(wait.key.partition(":")[0]), number_of(wait.subject))
    match stands:
        case Standing.ANEW | Standing.EDITED | Standing.HOLDS_REMOVED:
            return stands.value
        case Standing.STUCK:
            saw(context, wait, words + STUCK.format(wait.key.partition(":")[2]))
        case Standing.STANDS:
            saw(context, wait, words)
            if read.holds is not Holds.NOTHING and read.base not in {None, edit.base}:
                with context.store.begin() as tx:
                    edits.update(tx, edit.run_id, base=read.base)
        case _:
            assert_never(stands)
    return None
