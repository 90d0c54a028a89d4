"""Reads who approved a promotion: reviews of its pull request, or approvals by a command where there is none.

Called by `gate_facts`. An approval counts for the head, or the images, that were there when it was given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from service.core.gates.reviews import Review, Reviews, ReviewState
from service.core.gates.unknown import Unknown
from service.core.models import is_model
from service.core.words import Repository, Sha
from service.errors import MergeportError
from service.pipeline.manifest.place import Place
from service.pipeline.promote.evidence.asked_once import Answers
from service.pipeline.promote.evidence.source_change import pull_requests
from service.pipeline.runs.claim import Claim
from service.store import approvals, changes, run_order

_TEAM = "team:"
UNVERIFIED = " (unverified)"
"""What stands behind the name of a person who was only told by a command."""
_MOST_CHANGES = 500


def reviews(claim: Claim, place: Place, answers: Answers) -> Reviews:
    """Give all that was said of what there is to approve now, by whom, and whose change it is.

    Teams and authors are read once somebody has said something: before that they decide nothing.
    """
    number = claim.run.pull_request
    if number is None:
        head, given = claim.run.commit, _by_command(claim)
    else:
        head, said = _of_pull_request(claim, place.repository, number, answers)
        given = (*said, *_by_comment(claim))
    asked_by = claim.run.asked_by.removesuffix(UNVERIFIED) or None
    if not given:
        return Reviews(head, (), frozenset(), asked_by)
    judged = _with_teams(claim, place.repository, given, answers)
    return Reviews(head, judged, _authors(claim, place.repository, number, answers), asked_by)


def _of_pull_request(
    claim: Claim, repository: Repository, number: int, answers: Answers
) -> tuple[Sha, tuple[Review, ...]]:
    """Give the head of a pull request and its reviews, asked for once for all who share it."""
    forge = claim.context.outside.manifest_forge

    def ask() -> tuple[Sha, tuple[Review, ...]]:
        head = forge.pull_request(repository, number).head_sha
        return head, tuple(forge.reviews_of(repository, number))

    return answers.once(("reviews", repository, number), ask)


def digests_of(claim: Claim) -> list[str]:
    """Give the digests of the run's images, in order: what an approval by a command is of."""
    return sorted(str(image.get("digest")) for image in claim.run.images.values())


def _by_command(claim: Claim) -> tuple[Review, ...]:
    """Give the approvals by a command, if they count: always, if the forge says who gave them.

    One of other images has another head, so that it is told.
    """
    counts = any(getattr(options, "commands", False) for _, options in claim.target.gates)
    with claim.context.store.read() as tx:
        kept = approvals.of_release(tx, claim.run)
    now = digests_of(claim)
    return tuple(
        Review(
            one.login,
            ReviewState.APPROVED,
            one.commit if one.digests == now else Sha(",".join(one.digests)[-40:]),
            one.at,
        )
        for one in kept
        if one.verified or counts
    )


def _by_comment(claim: Claim) -> tuple[Review, ...]:
    """Give the approvals by a comment on the run's pull request, each of the head that was there."""
    with claim.context.store.read() as tx:
        kept = approvals.of_release(tx, claim.run)
    return tuple(
        Review(one.login, ReviewState.APPROVED, one.head, one.at)
        for one in kept
        if one.verified and one.head is not None
    )


def _with_teams(claim: Claim, repository: Repository, given: Iterable[Review], answers: Answers) -> tuple[Review, ...]:
    """Add the teams that may approve and whose members the people are; a team that cannot be read is told."""
    named = {who for _, options in claim.target.gates for who in getattr(options, "by", ())}
    forge, members = claim.context.outside.manifest_forge, dict[str, frozenset[str]]()
    unread: Unknown | None = None
    for team in sorted(who.removeprefix(_TEAM) for who in named if who.startswith(_TEAM)):
        try:
            members[team] = answers.once(("team", repository, team), partial(forge.members_of, repository, team))
        except MergeportError as error:
            unread = Unknown(str(error))
    found = []
    for review in given:
        teams = frozenset(team for team, people in members.items() if review.login.lower() in people)
        found.append(replace(review, teams=unread if unread and not teams else teams))
    return tuple(found)


def _authors(claim: Claim, repository: Repository, number: int | None, answers: Answers) -> frozenset[str] | Unknown:
    """Give whose change it is: the people behind the source commit, behind what came before it, and on the branch."""
    outside, run = claim.context.outside, claim.run
    of_commit = partial(outside.forge.authors_of_commit, run.repository, run.commit)
    try:
        known = () if is_model(run.repository) else answers.once(("authors", run.repository, run.commit), of_commit)
        found = set(known)
        for one in pull_requests(claim, answers):
            of_pull_request = partial(outside.forge.authors_of, run.repository, one.number)
            found |= answers.once(("authors", run.repository, one.number), of_pull_request)
        if number is not None:
            found |= outside.manifest_forge.authors_of(repository, number)
    except MergeportError as error:
        return Unknown(str(error))
    return frozenset(found) | _authors_before(claim)


def _authors_before(claim: Claim) -> frozenset[str]:
    """Give the people of the changes that came to the application since the last one that was promoted here."""
    with claim.context.store.read() as tx:
        last = run_order.last_promoted(tx, claim.run)
        known = changes.of_application(
            tx, claim.run.application, claim.run.repository,
            after=None if last is None else last.change_id, until=claim.run.change_id, limit=_MOST_CHANGES,
        )  # fmt: skip
    return frozenset(str(pull["author"]) for one in known for pull in one.pull_requests if pull.get("author"))
