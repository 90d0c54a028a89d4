"""What a run carries, images or a model's version, in the forms that it is kept in: with a run, and in trailers.

Everything that reads or writes these forms asks here, so nothing else tells a model from an image. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.core import trailers
from service.core.images import ImageReference, parse_reference
from service.core.models import (
    ModelReference,
    commit_of,
    model_reference,
    parse_model,
    source_of_model,
    trailer_value,
)
from service.core.words import Repository, Sha

_SHA = re.compile(r"[0-9a-f]{40}")


def reference_from(kept: Mapping[str, Any]) -> ImageReference:
    """Give the reference of what is kept with a run."""
    if "uri" in kept:
        return model_reference(kept["registry"], kept["repository"], kept["tag"], kept["uri"], kept["checksum"])
    return ImageReference(kept["registry"], kept["repository"], kept["tag"], kept["digest"])


def kept_from(reference: ImageReference) -> dict[str, Any]:
    """Give what is kept with a run of a reference that was read from trailers."""
    kept: dict[str, Any] = {
        "registry": reference.registry,
        "repository": reference.repository,
        "tag": reference.tag,
        "digest": reference.digest,
    }
    if isinstance(reference, ModelReference):
        kept |= {"uri": reference.uri, "checksum": reference.checksum}
    return kept


def images_in(references: Iterable[ImageReference]) -> tuple[ImageReference, ...]:
    """Give those that run as images in a cluster."""
    return tuple(one for one in references if not isinstance(one, ModelReference))


def models_in(kept: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Name the models in what is kept with a run as people block them: `NAME@VERSION`."""
    return frozenset(f"{one['repository']}@{one['tag']}" for one in kept.values() if "uri" in one)


# --- in trailers -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What a commit's trailers tell of a promotion: what it brought, and of which source and commit."""

    application: str
    environment: str
    run: str
    repository: str
    """Empty where the trailers name none."""
    commit: Sha
    references: tuple[ImageReference, ...]
    whole: bool
    """Whether every trailer of a promotion is there, and each of its images or models can be read."""


def trailers_carried(references: Iterable[ImageReference]) -> Iterator[tuple[str, str]]:
    """Give the trailers that name what a promotion brings."""
    for one in references:
        if isinstance(one, ModelReference):
            yield trailers.MODEL, trailer_value(one)
        else:
            yield trailers.IMAGE, str(one)


def told_in(pairs: Sequence[tuple[str, str]]) -> Told | None:
    """Read the trailers of a promotion; None where they name no source commit and no model."""
    named = [parse_reference(value) for key, value in pairs if key == trailers.IMAGE]
    models = [parse_model(value) for key, value in pairs if key == trailers.MODEL]
    repository = trailers.value_of(pairs, trailers.SOURCE_REPOSITORY) or ""
    source = trailers.value_of(pairs, trailers.SOURCE_COMMIT) or ""
    model = next((one for one in models if one is not None), None)
    if model is not None:
        repository, commit = source_of_model(model.registry, model.repository), commit_of(model.tag)
    elif _SHA.fullmatch(source):
        commit = Sha(source)
    else:
        return None
    application, environment, run = (
        trailers.value_of(pairs, key) or "" for key in (trailers.APPLICATION, trailers.ENVIRONMENT, trailers.RUN)
    )
    carried = [*named, *models]
    found = tuple(one for one in carried if one is not None)
    whole = bool(application and environment and run and repository and found) and len(found) == len(carried)
    return Told(application, environment, run, repository, commit, found, whole)


def named_in(repository: str) -> Repository | None:
    """Give a repository by its name in trailers; None where there is none."""
    return Repository(repository) if repository else None
