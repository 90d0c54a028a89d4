"""`kustomize edit set image NAME=NEW:TAG`: writes the list `images` of the kustomization in the folder.

Called by `scripts`; one module a tool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.core.importing.calls import Call
from service.core.importing.findings import Finding, Part, Tool
from service.core.importing.image_names import read_image
from service.core.importing.pieces import literal
from service.core.values_paths import Key, format_path, select

FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def image_path(name: str, part: Part) -> str:
    """Give the values path of one part of an entry of `images`."""
    key = {Part.TAG: "newTag", Part.DIGEST: "digest"}.get(part, "newName")
    return format_path((Key("images"), select(name=name), Key(key)))


def read(call: Call) -> Iterator[Finding]:
    """Give what a call writes."""
    if call.words[1:4] != ("edit", "set", "image"):
        return
    file = next((name for name in FILES if call.materials(name)), FILES[0])
    for word in call.words[4:]:
        if word.startswith("-"):
            continue
        raw, _, new = word.partition("=")
        if not new:
            raw, new = re.split(r"[:@](?=[^/]*$)", word)[0], word
        name = literal(call.scope.read(raw))
        image = read_image(call.scope.read(new))
        if name is None:
            yield call.difference(
                Tool.KUSTOMIZE,
                "name-unknown",
                f"sets the image `{call.shown(raw)}`, whose name is a variable",
                "Mergeport sets the entry of `images` that has this name",
                "the name of the image in the kustomization",
            )
            continue
        part = Part.DIGEST if re.search(r"@[^/]*$", new) else Part.TAG
        tag = call.scope.read(re.split(r"[:@](?=[^/]*$)", new)[-1])
        yield call.update(Tool.KUSTOMIZE, file, image_path(name, part), tag, part=part, image=image)
        if "=" in word and raw != new and _has_new_name(call, file, name):
            path = image_path(name, Part.REPOSITORY)
            yield call.update(Tool.KUSTOMIZE, file, path, tag, part=Part.REPOSITORY, image=image)


def _has_new_name(call: Call, file: str, name: str) -> bool:
    path = image_path(name, Part.REPOSITORY)
    return any(scalar.path == path for material in call.materials(file) for scalar in material.values)
