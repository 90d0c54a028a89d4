"""Argo CD's applications against the configuration: there, of our repository and branch, syncing by themselves.

Called by the examination.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.core.config import Target
from service.core.deployment.judging import is_repository
from service.core.doctor.finding import Finding, Verdict, good
from service.pipeline.manifest.place import Place
from service.ports import Deployer, Observation

PART = "argocd"
Placed = tuple[Target, Place]
"""A target, and where its values are written."""


def examine(deployer: Deployer | None, places: Sequence[Placed]) -> Iterator[Finding]:
    """Look at every application with one list call."""
    named = [(place, place[0].argocd_application) for place in places if place[0].argocd_application]
    if not named:
        yield good(PART, "applications", "the configuration watches none")
        return
    if deployer is None:
        words = f"{len(named)} applications are to be watched, but no Argo CD is set"
        hint = "set MERGEPORT_ARGOCD_URL and its token, or `argocd: false`"
        yield Finding(PART, "applications", Verdict.FAULT, words, hint)
        return
    seen = deployer.look([name for _, name in named if name])
    for place, name in named:
        if name:
            yield _application(name, place, seen.get(name))


def _application(name: str, place: Placed, seen: Observation | None) -> Finding:
    repository, branch = place[1].repository, place[1].branch
    if seen is None:
        words = "Argo CD has no such application, or the token may not see it"
        hint = "compare it with `argocd app list`; the token's account needs `applications, get` in its project"
        return Finding(PART, name, Verdict.FAULT, words, hint)
    sources = zip(seen.sources, seen.follows, strict=False)
    follows = [follow for source, follow in sources if is_repository(source, repository)]
    if not follows:
        words = f"it reads {', '.join(seen.sources) or 'nothing'}, and not {repository}"
        return Finding(
            PART, name, Verdict.FAULT, words, "set its `repoURL`, or `manifest.repository` in mergeport.yaml"
        )
    if not any(follow in {branch, "HEAD", "", f"refs/heads/{branch}"} for follow in follows):
        words = f"it follows {', '.join(follows)}, and we write {branch}"
        return Finding(
            PART, name, Verdict.FAULT, words, "set its `targetRevision`, or `manifest.branch` in mergeport.yaml"
        )
    if not seen.automated:
        words = "it does not sync by itself, so a release waits until a person syncs it"
        return Finding(PART, name, Verdict.WARNING, words, "set `syncPolicy.automated`, or sync it in another way")
    return good(PART, name, f"it follows {branch} and syncs by itself")
