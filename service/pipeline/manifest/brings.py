"""What a promotion brings, told from what the values files say now on the base, and never from our last run alone.

Called for a pull request's texts. A person may have put an older image back since: then what was taken away comes back
with the promotion, and that is said. What is deployed and nobody knows is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.core.order import Relation
from service.core.standing import Standing, standing_images
from service.core.values import ScalarChange
from service.core.words import ChangeId, Sha
from service.errors import MergeportError, RetryableError
from service.pipeline.manifest.order_facts import relation_of
from service.pipeline.manifest.origins import COMMITS_AT_HAND, asked_origin, known_origin
from service.pipeline.manifest.place import has_images, release_edits
from service.pipeline.runs.claim import Claim, claim_of, images_of
from service.ports import Commit, Manifests
from service.store import run_order
from service.store.runs import Run

MOST_RUNS, MOST_ASKED, CONTAINED_IN_A_ROW = 500, 20, 20
"""How many earlier runs are read, about how many the forge is asked, and how many contained ones in a row end the
search."""
_CONTAINED = frozenset({Relation.BEHIND, Relation.IDENTICAL})
_CONTAINS = frozenset({Relation.AHEAD, Relation.IDENTICAL})
UNKNOWN = (
    "Mergeport does not know which source commit is deployed now, so this lists only the newest change. "
    "Merging it may bring more than that, or take something back."
)

UNKNOWN_BEFORE = (
    "Mergeport does not know which source commit is deployed now, so it does not list the changes before that."
)


@dataclass(frozen=True, slots=True)
class Brings:
    """The source commit that is deployed now, where it is known, the changes after it, and what people must know."""

    previous: Sha | None
    changes: tuple[ChangeId, ...]
    warning: str = ""


def what_it_brings(
    claim: Claim, manifests: Manifests, base: Sha, changed: Sequence[tuple[str, ScalarChange]]
) -> Brings:
    """Tell what a run's edit brings to a base, judged by the scalars that it changes."""
    run = claim.run
    standing = standing_images(claim.target, changed, images_of(run))
    deployed = _oldest(claim, [_made_of(claim, manifests, base, image) for image in standing])
    with claim.context.store.read() as tx:
        earlier = run_order.up_to(tx, run, limit=MOST_RUNS)
    if standing and deployed is None:
        return _beside_unknown(claim, manifests, base, earlier)
    if deployed is None:
        every = tuple(dict.fromkeys(one.change_id for one in reversed(earlier)))
        return Brings(None, every, _taken_back(claim, manifests, base, None, earlier))
    return Brings(deployed, _since(claim, deployed, earlier), _taken_back(claim, manifests, base, deployed, earlier))


def _beside_unknown(claim: Claim, manifests: Manifests, base: Sha, earlier: Sequence[Run]) -> Brings:
    """Tell what is brought if the deployed commit is unknown: the newest change, and what it brings back."""
    run, last = claim.run, _last_promoted(claim.run, earlier)
    back = _taken_back(claim, manifests, base, None, earlier)
    if last is None or not back:
        return Brings(None, (run.change_id,), UNKNOWN)
    since = [one for one in earlier if one.repository == run.repository and one.sequence >= last.sequence]
    within = [one for one in since if relation_of(claim.context, run.repository, one.commit, run.commit) in _CONTAINS]
    changes = (*(one.change_id for one in reversed(within)), run.change_id)
    return Brings(None, tuple(dict.fromkeys(changes)), f"{back} {UNKNOWN_BEFORE}")


def _made_of(claim: Claim, manifests: Manifests, base: Sha, image: Standing) -> Sha | None:
    """Give the source commit of an image on the base; None if it is unknown or of another source."""
    origin = known_origin(claim.context, claim.target, image) or asked_origin(
        claim.context, manifests, base, claim.target, image
    )
    return origin.commit if origin.repository in {None, claim.run.repository} else None


def _oldest(claim: Claim, commits: Sequence[Sha | None]) -> Sha | None:
    """Give the oldest source commit of several images; None if one of them is unknown."""
    oldest: Sha | None = None
    for commit in dict.fromkeys(commits):
        if commit is None:
            return None
        if oldest is None or relation_of(claim.context, claim.run.repository, oldest, commit) is Relation.BEHIND:
            oldest = commit
    return oldest


def _since(claim: Claim, deployed: Sha, earlier: Sequence[Run]) -> tuple[ChangeId, ...]:
    """Name the changes that the run's commit contains and the deployed commit does not, oldest first."""
    context, run = claim.context, claim.run
    at = next((one.sequence for one in earlier if one.commit == deployed), 0)
    found, asked, in_a_row = [run.change_id], 0, 0
    for one in earlier:
        if one.repository != run.repository or in_a_row >= CONTAINED_IN_A_ROW:
            continue
        told = relation_of(context, run.repository, deployed, one.commit, ask=False)
        if told is None and asked < MOST_ASKED:
            asked += 1
            told = relation_of(context, run.repository, deployed, one.commit)
        contained = told in _CONTAINED if told not in {None, Relation.GONE} else one.sequence <= at
        in_a_row = in_a_row + 1 if contained else 0
        within = relation_of(context, run.repository, one.commit, run.commit, ask=False)
        if not contained and within in {None, *_CONTAINS}:
            found.append(one.change_id)
    return tuple(dict.fromkeys(reversed(found)))


def _last_promoted(run: Run, earlier: Sequence[Run]) -> Run | None:
    """Find the newest earlier run whose commit reached the manifest repository."""
    return next((one for one in earlier if one.manifest_commit is not None and one.id != run.id), None)


def _taken_back(claim: Claim, manifests: Manifests, base: Sha, deployed: Sha | None, earlier: Sequence[Run]) -> str:
    """Warn if this run brings back something newer than the deployed commit that was taken away."""
    context, run = claim.context, claim.run
    last = _last_promoted(run, earlier)
    if last is None or last.repository != run.repository or last.commit == deployed:
        return ""
    if deployed is not None and relation_of(context, run.repository, deployed, last.commit) in _CONTAINED:
        return ""
    if relation_of(context, run.repository, last.commit, run.commit) not in _CONTAINS:
        return ""
    by = _taker(last, claim, manifests, base)
    how = f"pull request #{last.pull_request}" if last.pull_request else f"{(last.manifest_commit or '')[:12]}"
    words = f"{last.commit[:12]} was promoted here before, by {how}, and was taken back"
    if by is not None:
        subject = by.message.partition("\n")[0]
        words += f" by {by.id[:12]} of {by.author.name} ({subject})"
    return f"{words}: this brings it back."


def _taker(last: Run, claim: Claim, manifests: Manifests, base: Sha) -> Commit | None:
    """Find the commit of the base that replaced what a run wrote; the newest one if there are several."""
    try:
        wanted = release_edits(last, claim_of(claim.context, last).target)
    except MergeportError:
        return None
    known: dict[Sha, bool] = {}

    def says(commit: Sha) -> bool:
        if commit not in known:
            try:
                known[commit] = has_images(manifests, commit, wanted)
            except RetryableError:
                raise
            except MergeportError:
                known[commit] = False
        return known[commit]

    for commit in manifests.history(base, most=COMMITS_AT_HAND):
        if says(commit.id):
            return None
        if any(says(parent) for parent in commit.parents):
            return commit
    return None
