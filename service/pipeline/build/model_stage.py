"""Stage build of a model: nothing is built; the version is read from its registry, with what it is recognised by.

Called by the build stage. The registry is the truth: a webhook only said that something moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.core.config.targets import ModelTarget
from service.core.models import NEWEST, model_reference, stored, version_of
from service.core.words import Stage
from service.errors import PermanentError, RetryableError
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Cancelled, Superseded, step
from service.ports import Artifact, ModelVersion

MOST_KEPT = 100
"""Metrics, parameters and the like that are kept of a version, each."""
LONGEST_KEPT = 500


def find_model(claim: Claim) -> None:
    """Read the run's version; afterwards the claim has it. PermanentError if it is gone, or may change."""
    model, version = model_of(claim), version_of(claim.run.commit)
    registry = claim.context.outside.models.registry(model)
    with step(claim, "find model", Stage.BUILD) as record:
        found = registry.version(model.repository, version)
        if found is None:
            raise PermanentError(
                f"{model.full_name} has no version {version}",
                code="model-version-missing",
                hint="it was deleted, or the registry is another one now; move the alias to a version that is there",
            )
        if not found.ready:
            raise RetryableError(
                f"version {version} of {model.full_name} is not ready: {found.why_not}", code="model-version-pending"
            )
        artifact = registry.artifact(found)
        reference = model_reference(model.registry, model.repository, version, found.uri, artifact.checksum)
        claim.note(images={model.name: {**stored(reference), "model": _kept(found, artifact)}})
        told = artifact.checksum or artifact.words
        record.message = f"version {version} is at {found.uri}" + (f"; {told}" if told else "")


def require_named(claim: Claim) -> None:
    """End a run whose version the alias does not name any more, before its first write.

    Where an alias went back, the run of the version that it names now is on its way. A step back of our own, and what
    came from an environment upstream, follow no alias.
    """
    model = claim.target.model
    if model is None or claim.run.rollback is not None or not model.alias or model.alias == NEWEST:
        return
    with step(claim, "ask the alias", Stage.PROMOTE) as record:
        registered = claim.context.outside.models.registry(model).registered(model.repository)
        now_at = registered.aliases.get(model.alias) if registered is not None else None
        wanted = version_of(claim.run.commit)
        if now_at is None:
            raise Cancelled(f"{model.full_name} has no alias {model.alias} any more", code="model-alias-gone")
        if now_at != wanted:
            raise Superseded(f"{model.alias} names version {now_at} of {model.full_name} now, not {wanted}")
        record.message = f"{model.alias} is version {wanted}"


def model_of(claim: Claim) -> ModelTarget:
    """Give the model of a run's target, which has one."""
    model = claim.target.model
    assert model is not None  # noqa: S101 - the caller has looked
    return model


def _kept(found: ModelVersion, artifact: Artifact) -> dict[str, Any]:
    """Give what is shown of a version to people and to gates, within bounds."""
    return {
        "page": found.page[:LONGEST_KEPT],
        "run": found.run[:LONGEST_KEPT],
        "run_page": found.run_page[:LONGEST_KEPT],
        "description": found.description[:LONGEST_KEPT],
        "metrics": dict(sorted(found.metrics.items())[:MOST_KEPT]),
        "parameters": _cut(found.parameters),
        "tags": _cut({key: value for key, value in found.tags.items() if not key.startswith("mergeport.")}),
        "datasets": [one[:LONGEST_KEPT] for one in found.datasets[:MOST_KEPT]],
        "code": found.code[:LONGEST_KEPT],
        "signature": artifact.signature[:LONGEST_KEPT],
        "unchecked": artifact.words,
    }


def _cut(pairs: Mapping[str, str]) -> dict[str, str]:
    return {key[:LONGEST_KEPT]: value[:LONGEST_KEPT] for key, value in sorted(pairs.items())[:MOST_KEPT]}
