"""Looks at the pull requests of a base branch for the runs that wait for one of them."""

from __future__ import annotations

from service.core.words import Repository, WaitKind
from service.pipeline.context import Context
from service.pipeline.promote.pull_request import WAITS_FOR_MERGE, number_of, subject_of, words_of_wait
from service.pipeline.runs.claim import read_claim
from service.pipeline.runs.looks import Answers, Isolated, saw
from service.store import edits, waits
from service.store.waits import Wait

MOST_REWORDED = 200
"""Waits that get their own words back in one look, after GitHub was away."""
MOST_READ_ALONE = 5
"""Pull requests beyond the listed page that one look reads: GitHub counts every request, and what changes is listed."""


def look_at_pull_requests(context: Context, key: str) -> Answers:
    """Look at those on the page of what changed last, where all that changes comes up, and read a few others alone."""
    name, _, base = key.partition(":")
    repository, forge = Repository(name), context.outside.manifest_forge
    known = {subject_of(repository, one.number): one for one in forge.recent_pull_requests(repository, base=base)}
    with context.store.read() as tx:
        waiting = waits.some_at(tx, WaitKind.PULL_REQUEST, key, known, others=MOST_READ_ALONE)
        ours = edits.own_among(tx, repository, {one.head_sha for one in known.values()})
        usual = WAITS_FOR_MERGE.partition("{")[0]
        reworded = waits.worded_otherwise(tx, WaitKind.PULL_REQUEST, key, usual, limit=MOST_REWORDED)
    answers: dict[Wait, str] = {}
    with Isolated(context) as isolated:
        for wait in reworded:
            with isolated.one(wait, answers):
                claim = read_claim(context, wait.run_id)
                if claim is not None:
                    saw(context, wait, words_of_wait(claim, number_of(wait.subject)))
        for wait in waiting:
            with isolated.one(wait, answers):
                pull_request = known.get(wait.subject)
                if pull_request is None:
                    pull_request = forge.pull_request(repository, number_of(wait.subject))
                    with context.store.read() as tx:
                        ours |= edits.own_among(tx, repository, {pull_request.head_sha})
                if not pull_request.open or pull_request.base != base or pull_request.head_sha not in ours:
                    answers[wait] = "merged" if pull_request.merged else "changed"
    return answers
