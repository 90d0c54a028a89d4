"""An observation of something that is live, changes of it, and what judges them: shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from service.core import deployment
from service.core.deployment import (
    NOTHING_SEEN,
    Applied,
    Expected,
    Observation,
    Patience,
    Standing,
    Verdict,
    decide,
    past_from,
    past_text,
)
from service.core.images import ImageReference
from service.core.words import Digest, Repository, Sha

OURS, OLDER, LATER, LATEST = (Sha(letter * 40) for letter in "abcd")

LIVE = Observation(
    application="web",
    sync="Synced",
    revisions=(OURS,),
    phase="Succeeded",
    synced_revisions=(OURS,),
    health="Healthy",
)


NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
MANIFESTS = Repository("acme/manifests")
HERE, ELSEWHERE = "https://github.com/Acme/manifests.git", "https://charts.example.com/web.git"


def judge(
    observed: Observation,
    *,
    commit: Sha = OURS,
    standings: dict[Sha, Standing] | None = None,
    images: Sequence[ImageReference] = (),
    changed: bool = True,
    patience: Patience = Patience(),  # noqa: B008 - frozen
    jobs: frozenset[str] = frozenset(),
) -> Verdict:
    paths = ("image.tag", "image.digest")
    expected = Expected(commit, tuple(images), changed, MANIFESTS, patience, paths)
    return deployment.judge(observed, expected, standings, jobs=jobs)


def lived(*seen: tuple[float, Observation], patience: Patience = Patience(), commit: Sha = OURS) -> list[Verdict]:  # noqa: B008 - frozen
    """Judge observations at these seconds one after the other, passing on what is remembered between them."""
    past, found = NOTHING_SEEN, []
    for seconds, observed in seen:
        verdict = judge(observed, commit=commit, standings={OLDER: Standing.BEFORE}, patience=patience)
        decided, past = decide(verdict, past_from(past_text(past)), patience, NOW + timedelta(seconds=seconds))
        found.append(decided)
    return found


DIGEST = Digest("sha256:" + "5" * 64)
IMAGE = ImageReference("registry.example.com", "web", "4f2c1e9ab012", DIGEST)
OTHER = f"{IMAGE.name}:one"
BROKEN = replace(LIVE, sync="Unknown", revisions=("main",), comparison_error=True, messages=("Unavailable",))
BEHIND = replace(LIVE, revisions=(OLDER,), synced_revisions=(OLDER,))

APART = replace(
    LIVE, sync="OutOfSync", out_of_sync=("Secret/web",), applied=(Applied("Deployment/web", (str(IMAGE),)),)
)
