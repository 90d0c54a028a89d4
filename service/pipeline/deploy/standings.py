"""Tells how live revisions stand to manifest commits in git. Each is looked up once per look, for all runs.

Made by the looks at the deployer. A branch that does not answer delays a look once, not once for each run.
"""

from __future__ import annotations

from service.core.deployment import Standing
from service.core.words import Sha
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.deploy.taken_back import has_release
from service.pipeline.manifest.place import Place, place_of
from service.pipeline.runs.claim import Claim


class Standings:
    """Git's answers during one look."""

    def __init__(self, context: Context) -> None:
        """Take where manifest repositories are opened."""
        self._context = context
        self._tips: dict[Place, Sha | MergeportError | None] = {}
        self._on_branch: dict[tuple[Place, Sha], bool] = {}
        self._contains: dict[tuple[Place, Sha, Sha], bool] = {}

    def of(self, claim: Claim, commit: Sha, revision: Sha) -> Standing:
        """Tell where a revision stands towards the run's manifest commit."""
        place = place_of(self._context, claim.target)
        manifests = self._context.outside.manifests.open(place.repository)
        tip = self.tip(place)
        if tip is None or not self._is_behind(place, tip, revision):
            return Standing.FOREIGN
        key = (place, revision, commit)
        if key not in self._contains:
            self._contains[key] = commit in manifests.ancestors(revision, {commit})
        contains = self._contains[key]
        if not contains and self._is_behind(place, tip, commit):
            return Standing.BEFORE
        has = has_release(manifests, revision, claim)
        if contains:
            return Standing.KEEPS if has else Standing.REPLACES
        # People rewrote the branch: a commit on it that has our images brings what ours did.
        return Standing.KEEPS if has else Standing.BEFORE

    def tip(self, place: Place) -> Sha | None:
        """Give a manifest branch's newest commit, fetched once."""
        if place not in self._tips:
            try:
                self._tips[place] = self._context.outside.manifests.open(place.repository).fetch(place.branch)
            except MergeportError as error:
                self._tips[place] = error
        known = self._tips[place]
        if isinstance(known, MergeportError):
            raise known
        return known

    def _is_behind(self, place: Place, tip: Sha, revision: Sha) -> bool:
        key = (place, revision)
        if key not in self._on_branch:
            found = self._context.outside.manifests.open(place.repository).ancestors(tip, {revision})
            self._on_branch[key] = revision in found
        return self._on_branch[key]
