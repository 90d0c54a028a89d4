"""argocd-image-updater: annotations of Applications and ApplicationSets, `ImageUpdater` objects. Called by `survey`.

https://argocd-image-updater.readthedocs.io/en/stable/configuration/images/
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from service.core.importing.findings import NO_BRANCH, Difference, Finding, Flow, Part, Tool, Update
from service.core.importing.image_names import read_image
from service.core.importing.kustomize import FILES, image_path
from service.core.importing.material import Library
from service.core.importing.pieces import Text, literal
from service.core.importing.updater_settings import (
    Application,
    Watched,
    WriteBack,
    application_of,
    watched_of,
    write_back_of,
)
from service.core.importing.updater_words import about_image, about_write_back, tag_of
from service.core.importing.variables import Scope
from service.core.importing.yaml_nodes import Node

PREFIX = "argocd-image-updater.argoproj.io/"
_SCOPE = Scope({})


def read(nodes: list[Node], library: Library, applications: list[Application]) -> Iterator[Finding]:
    """Give what the objects of one file have the updater write."""
    for node in nodes:
        kind = node.text("kind")
        if kind in {"Application", "ApplicationSet"}:
            whole = node if kind == "Application" else node.node("spec").node("template")
            notes = whole.node("metadata").node("annotations")
            if f"{PREFIX}image-list" in notes:
                yield from _annotated(whole, notes, library)
        elif kind == "ImageUpdater":
            yield from _object(node, library, applications)


def _annotated(whole: Node, notes: Node, library: Library) -> Iterator[Finding]:
    application = application_of(whole)
    written = write_back_of(notes)
    watched = [
        watched_of(notes, part.strip())
        for part in re.split(r"[,\n]", notes.text(f"{PREFIX}image-list"))
        if part.strip()
    ]
    yield from _findings(application, written, watched, library)


def _object(node: Node, library: Library, applications: list[Application]) -> Iterator[Finding]:
    """Read an `ImageUpdater`: settings of the object, of a reference, of an image; the innermost counts."""
    spec = node.node("spec")
    for reference in spec.nodes("applicationRefs"):
        pattern = reference.text("namePattern")
        found = [one for one in applications if fnmatchcase(one.name, pattern)]
        if reference.text("useAnnotations") == "true":
            yield Difference(
                reference.at("useAnnotations"),
                Tool.IMAGE_UPDATER,
                "uses-annotations",
                f"takes the settings of {pattern} from the Applications' annotations",
                "the annotations that are in the folders are read",
                "whether all of those Applications are in them",
            )
            continue
        if not found:
            any_of = re.search(r"[*?\[]", pattern) is not None
            found = [Application(reference.at("namePattern"), "" if any_of else pattern, "", "", "", ())]
            yield Difference(
                reference.at("namePattern"),
                Tool.IMAGE_UPDATER,
                "application-not-found",
                f"updates the Applications called {pattern}, none of which is in the folders",
                "Mergeport writes to the values file of each",
                "run the import with the folder of the Applications as well",
            )
        written = write_back_of(
            reference.node("writeBackConfig"), write_back_of(spec.node("writeBackConfig"), WriteBack(node.at()))
        )
        for application in found:
            watched = [watched_of(image, "", (image, reference, spec)) for image in reference.nodes("images")]
            yield from _findings(application, written, watched, library)


def _findings(
    application: Application, written: WriteBack, watched: list[Watched], library: Library
) -> Iterator[Finding]:
    repository = written.repository or application.repository
    manifest_branch, _, push = written.branch.partition(":")
    flow = Flow(
        application=application.name,
        argocd=application.name,
        manifest_repository=repository,
        manifest_branch=literal(_SCOPE.read(manifest_branch)) or application.branch,
        pull_request=bool(push or written.pull_request),
    )
    file, kustomized = _target(application, written, library)
    for one in watched:
        image = replace(read_image(_SCOPE.read(one.image)), tag=tag_of(one.allow_tags))
        own = replace(flow, branches=(NO_BRANCH,)) if one.strategy == "semver" else flow  # versions are of no branch
        whole = Update(
            Tool.IMAGE_UPDATER,
            one.at,
            file,
            "",
            (),
            own,
            None,
            image,
            redeploy=one.strategy == "digest",
        )
        yield from _parts(whole, one, library, kustomized=kustomized)
        yield from about_image(one)
    yield from about_write_back(application, written)


def _parts(whole: Update, one: Watched, library: Library, *, kustomized: bool) -> Iterator[Update]:
    if kustomized:
        name = one.kustomize_name or (one.alias if "/" in one.alias else "") or _plain(one.image)
        there = {scalar.path for material in library.named(whole.file) for scalar in material.values}
        parts = [part for part in (Part.TAG, Part.DIGEST) if image_path(name, part) in there]
        yield from (replace(whole, path=image_path(name, part), part=part) for part in parts or [Part.TAG])
    elif one.spec_key:
        yield replace(whole, path=_key(one.spec_key), part=Part.WHOLE)
    else:
        yield replace(whole, path=_key(one.tag_key), part=Part.TAG)
        if one.name_key:
            yield replace(whole, path=_key(one.name_key), part=Part.REPOSITORY)


def _key(path: str) -> str:
    return path.replace(".[", "[")


def _plain(image: str) -> str:
    """Give an image's name without its constraint."""
    head, colon, tail = image.rpartition(":")
    return head if colon and "/" not in tail else image


def _target(application: Application, written: WriteBack, library: Library) -> tuple[Text, bool]:
    """Give the file that is to be written, and whether it is a kustomization; what Argo CD reads, if none is named."""
    kind, _, place = written.target.partition(":")
    folder = application.path
    if written.is_git and kind == "kustomization":
        below = _joined(folder, place) if place else folder
        return _SCOPE.read(posixpath.join(below, _kustomization(below, library))), True
    if written.is_git and kind == "helmvalues":
        return _SCOPE.read(_joined(folder, place or "values.yaml")), False
    if application.value_files:
        last = re.sub(r"^\$\w+/", "/", application.value_files[-1])
        return _SCOPE.read(_joined(folder, last)), False
    if folder and any(library.named((posixpath.join(folder, name),)) for name in FILES):
        return _SCOPE.read(posixpath.join(folder, _kustomization(folder, library))), True
    return (_SCOPE.read(_joined(folder, "values.yaml")) if folder else ()), False


def _kustomization(folder: str, library: Library) -> str:
    return next((name for name in FILES if library.named((posixpath.join(folder, name),))), FILES[0])


def _joined(folder: str, place: str) -> str:
    """Give a path from the top of the repository; one with a slash in front already is."""
    path = place.lstrip("/") if place.startswith("/") else posixpath.normpath(posixpath.join(folder, place))
    return path.removeprefix("./")
