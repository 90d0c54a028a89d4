"""What the values files of a target should say for its images: the configured texts with their placeholders filled in.

Called by the promotion when the registry has told the images. Reads and writes no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from service.core.config.placeholders import COMMIT, IMAGE, SHORT_SHA_LENGTH, parse, render
from service.core.config.targets import Target
from service.core.images import ImageReference
from service.core.models import PARTS, ModelReference, placeholders
from service.core.values.model import FileEdit, ValueEdit
from service.core.words import Sha


def resolve_values(
    target: Target, images: Mapping[str, ImageReference], *, commit: Sha, branch: str
) -> tuple[FileEdit, ...]:
    """Give what each values file of the target should say for these images.

    `images` has one reference, with its digest, for each `ImageTarget.name`.
    """
    values = {
        "application": target.owner,
        "environment": target.environment,
        "sha": commit,
        "short_sha": commit[:SHORT_SHA_LENGTH],
        "branch": branch,
    }
    for name, reference in images.items():
        if isinstance(reference, ModelReference):
            values |= placeholders(name, reference)
            continue
        parts = _parts(reference)
        values |= {f"{name}.{part}": text for part, text in parts.items()}
        if len(images) == 1:
            values |= parts
    return tuple(
        FileEdit(
            entry.file,
            tuple(
                ValueEdit(path, render(value, values) if isinstance(value, str) else value) for path, value in entry.set
            ),
            entry.create,
            entry.new_file,
        )
        for entry in target.values
    )


def images_alone(target: Target, wanted: tuple[FileEdit, ...]) -> tuple[FileEdit, ...]:
    """Leave out what a target writes that names no image and no commit, such as a number of replicas."""
    kinds = IMAGE if target.model is None else PARTS
    names = {str(name) for one in target.artifacts for name in (one.name, *kinds)} | set(COMMIT)
    kept = []
    for entry, edit in zip(target.values, wanted, strict=True):
        told = zip(entry.set, edit.edits, strict=True)
        edits = tuple(one for (_, text), one in told if _names_any(text, names))
        if edits:
            kept.append(replace(edit, edits=edits))
    return tuple(kept)


def _names_any(written: object, names: set[str]) -> bool:
    """Tell whether a configured text has one of these placeholders, as `{tag}` or `{api.tag}`."""
    if not isinstance(written, str):
        return False
    placeholders = [piece.name for piece in parse(written) if not isinstance(piece, str)]
    return any(name in names or name.rpartition(".")[2] in names for name in placeholders)


def _parts(reference: ImageReference) -> dict[str, str]:
    if reference.digest is None:
        raise ValueError(f"{reference} has no digest yet: it is written only after the registry gave it")
    return {
        "repository": reference.name,
        "tag": reference.tag,
        "digest": reference.digest,
        "image": str(reference),
        "registry": reference.registry,
    }
