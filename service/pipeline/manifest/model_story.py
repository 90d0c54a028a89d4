"""What is known of the model's version that a run brings, and of the one that stands in the values files now.

Called for a pull request's texts and for the gate `metric`. What is live is read from the branch, never from our last
run alone; what a version's metrics are, from the run that brought it, or from the registry.
"""

from __future__ import annotations

from service.core.models import is_model, version_of
from service.core.promotion_model import ModelFacts, ModelStory, facts_from
from service.core.standing import standing_images
from service.core.words import Sha
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.manifest.origins import asked_origin, known_origin
from service.pipeline.manifest.place import release_edits, rewrite_at
from service.pipeline.runs.claim import Claim, images_of
from service.ports import Manifests, ModelVersion
from service.store.runs import Run


def source_page(context: Context, run: Run) -> str:
    """Give the page of a run's source repository; of a model, that of the version."""
    if not is_model(run.repository):
        return context.outside.forge.web_url(run.repository)
    return next((facts_from(kept).page for kept in run.images.values()), "")


def story_of(claim: Claim, manifests: Manifests, base: Sha) -> ModelStory:
    """Tell of the run's version and of the live one; what cannot be read of that one is said."""
    new = facts_from(next(iter(claim.run.images.values()), {}))
    try:
        return ModelStory(new, live_version(claim, manifests, base))
    except MergeportError as error:
        return ModelStory(new, unread=str(error))


def live_version(claim: Claim, manifests: Manifests, base: Sha) -> ModelFacts | None:
    """Give the version that stands on the branch, as the registry knows it; None where none stands there.

    Raises what the registry raises; PermanentError if nobody knows which version stands there.
    """
    version = standing_version(claim, manifests, base)
    model = claim.target.model
    if not version or model is None:
        return None
    found = claim.context.outside.models.registry(model).version(model.repository, version)
    return ModelFacts(version) if found is None else _facts(found)


def standing_version(claim: Claim, manifests: Manifests, base: Sha) -> str:
    """Give the version that the values files name now; empty where they name none, or one that nobody knows.

    Where they have the run's own version already, that one is live.
    """
    done = rewrite_at(manifests, base, release_edits(claim.run, claim.target))
    if not done.changes:
        return version_of(claim.run.commit)
    for standing in standing_images(claim.target, done.changes, images_of(claim.run)):
        origin = known_origin(claim.context, claim.target, standing) or asked_origin(
            claim.context, manifests, base, claim.target, standing
        )
        if origin.commit is not None:
            return version_of(origin.commit)
    return ""


def _facts(found: ModelVersion) -> ModelFacts:
    return ModelFacts(
        found.version, found.page, found.run, found.run_page, found.description, found.metrics, found.parameters,
        found.tags, found.datasets, found.code,
    )  # fmt: skip
