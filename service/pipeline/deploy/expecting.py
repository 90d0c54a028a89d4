"""What is expected to be live of a run, and how an observation of it is judged: shared by the looks at the deployer."""

from __future__ import annotations

from collections.abc import Mapping

from service.core.artifacts import images_in
from service.core.deployment import Expected, Observation, Standing, Verdict, VerdictKind, judge_with_children
from service.core.words import Sha
from service.pipeline.deploy.standings import Standings
from service.pipeline.manifest.place import place_of
from service.pipeline.runs.claim import Claim, images_of
from service.store import edits


def expected_of(claim: Claim, commit: Sha, *, live_before: bool = False) -> Expected:
    """Give what should be live; with `live_before` no operation of Argo CD is waited for."""
    changed = False
    if not live_before:
        with claim.context.store.read() as tx:
            edit = edits.of_run(tx, claim.run.id)
        changed = claim.run.pull_request is not None or bool(edit and edit.diff)
    return Expected(
        commit,
        images_in(images_of(claim.run).values()),
        changed=changed,
        repository=place_of(claim.context, claim.target).repository,
        patience=claim.target.patience,
        paths=paths_of(claim),
    )


def paths_of(claim: Claim) -> tuple[str, ...]:
    """Give the values paths that a run writes."""
    return tuple(path for entry in claim.target.values for path, _ in entry.set)


def judged(
    claim: Claim,
    seen: Observation,
    observed: Mapping[str, Observation],
    expected: Expected,
    standings: Standings,
    known: dict[Sha, Standing],
    *,
    jobs: frozenset[str] = frozenset(),
) -> Verdict:
    """Judge an application with what git knows of its revisions; each answer of git is kept in `known`."""
    children = {name: observed.get(name) for name in _family(seen, observed)}
    while True:
        verdict = judge_with_children(seen, children, expected, known, jobs=jobs)
        if verdict.kind is not VerdictKind.ASK or verdict.revision is None:
            return verdict
        known[verdict.revision] = standings.of(claim, expected.commit, verdict.revision)


def health_in(verdict: Verdict, seen: Observation, observed: Mapping[str, Observation]) -> str:
    """Give the health that a verdict is about: the application's, or that of the unhealthy one below it."""
    return (observed.get(verdict.about) or seen).health


def _family(seen: Observation, observed: Mapping[str, Observation]) -> set[str]:
    """Name all applications below one."""
    below: set[str] = set()
    newest = set(seen.children)
    while newest:
        below |= newest
        newest = {child for name in newest if (one := observed.get(name)) for child in one.children} - below
    return below
