"""Values of one application in one environment, gathered: its files, its images, and how changes reach it.

Called by `proposal`. What nobody knows becomes a question, never a guess that looks like knowledge.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from service.core.config.texts import fit_name
from service.core.importing.findings import Built, Difference, Flow, Image, Part, Tool
from service.core.importing.guesses import environment_of_branch
from service.core.importing.pieces import names_commit
from service.core.importing.places import Placed
from service.core.importing.proposal_text import Asked
from service.core.importing.sound_texts import ASKED, QUESTION, fits
from service.core.importing.updater_settings import Application

_WITHOUT_PATH = {Part.WHOLE: "image", Part.TAG: "image.tag"}


@dataclass(slots=True)
class Target:
    """One application in one environment."""

    application: str
    environment: str
    placed: list[Placed] = field(default_factory=list)


@dataclass(slots=True)
class OneImage:
    """An image of an application: its name in the configuration, and what is known of it."""

    name: str
    image: Image
    built: Built | None
    redeploy: bool


def gather(placed: Iterable[Placed], notes: list[Difference]) -> dict[str, dict[str, Target]]:
    """Group by application and environment; of two that would write the same place the first one stays."""
    found: dict[str, dict[str, Target]] = {}
    taken: dict[tuple[str, str, str, str], Placed] = {}
    for one in placed:
        key = (one.flow.manifest_repository, one.flow.manifest_branch, one.file, one.path)
        first = taken.setdefault(key, one)
        if first is not one and one.path and ASKED not in one.file and "{" not in one.file:
            if _another(first, one):
                notes.append(
                    Difference(
                        one.at,
                        one.tool,
                        "same-place",
                        f"writes {one.path} of {one.file}, as {first.at.file}:{first.at.line} does for something else",
                        "two targets never write the same value; the first one is proposed",
                        "what this file is of, or on which branch each one is",
                    )
                )
            continue
        targets = found.setdefault(one.application, {})
        targets.setdefault(one.environment, Target(one.application, one.environment)).placed.append(one)
    for targets in found.values():
        _take_texts_for_tags(targets)
    return found


def _another(first: Placed, one: Placed) -> bool:
    """Tell whether two that write the same place mean different things."""
    images = {first.image.repository, one.image.repository} - {""}
    return (first.application, first.environment) != (one.application, one.environment) or len(images) > 1


def _take_texts_for_tags(targets: dict[str, Target]) -> None:
    """Take a text that is made of the commit for the image's tag, where an application has no other."""
    if any(one.part is not Part.TEXT for target in targets.values() for one in target.placed):
        return
    for target in targets.values():
        target.placed = [replace(one, part=Part.TAG) for one in target.placed]


def images_of(targets: Iterable[Target], built: list[Built]) -> tuple[list[OneImage], dict[str, str]]:
    """Give an application's images, and for each name that a values path has the name of its image."""
    placed = [one for target in targets for one in target.placed if one.part is not Part.TEXT]
    repositories: dict[str, str] = {}
    for one in placed:
        if one.image.repository:
            repositories.setdefault(one.name, one.image.repository)
    found: dict[str, OneImage] = {}
    names: dict[str, str] = {}
    for one in placed:
        identity = repositories.get(one.name) or f"?{one.name}"
        if identity not in found:
            image = _joined(
                [other.image for other in placed if (repositories.get(other.name) or f"?{other.name}") == identity]
            )
            name = one.name or fit_name(image.repository.rpartition("/")[2] or one.application)
            used = {other.name for other in found.values()}
            name = next(each for each in (name, *(f"{name}-{number}" for number in range(2, 99))) if each not in used)
            found[identity] = OneImage(name, image, _built_for(image, one.flow, built), redeploy=False)
        found[identity].redeploy = found[identity].redeploy or one.redeploy
        names[one.name] = found[identity].name
    return list(found.values()), names


def _joined(images: Iterable[Image]) -> Image:
    registry = repository = tag = ""
    for image in images:
        registry, repository, tag = registry or image.registry, repository or image.repository, tag or image.tag
    return Image(registry, repository, tag)


def _built_for(image: Image, flow: Flow, built: list[Built]) -> Built | None:
    """Find the build of an image: by its name, else the only one of the same workflow."""
    short = image.repository.rpartition("/")[2]
    built = sorted(built, key=lambda one: one.image.repository.startswith("library/"))
    alike = [one for one in built if one.image.repository == image.repository and short]
    alike = alike or [one for one in built if short and one.image.repository.rpartition("/")[2] == short]
    same = [
        one for one in built if flow.workflow and (one.flow.workflow, one.flow.source) == (flow.workflow, flow.source)
    ]
    same = [one for one in same if not (image.repository and one.image.repository)]
    same = [one for one in same if not one.image.repository.startswith("library/")] or same
    return next(iter(alike), None) or (same[0] if len({one.image for one in same}) == 1 else None)


def values_of(target: Target, names: dict[str, str], *, several: bool) -> dict[str, dict[str, str | Asked]]:
    """Give the files with what is set in each."""
    found: dict[str, dict[str, str | Asked]] = {}
    for one in target.placed:
        if one.part is Part.TEXT:
            found.setdefault(one.file, {})[one.path] = one.text
            continue
        bare = "image" if one.part is Part.WHOLE else str(one.part)
        text = f"{{{names[one.name]}.{bare}}}" if several else f"{{{bare}}}"
        here = found.setdefault(one.file, {})
        if one.path:
            here[one.path] = text
        else:
            path = _WITHOUT_PATH.get(one.part, "image.tag")
            here[path] = Asked(ASKED, f"which key does {one.at.file}:{one.at.line} mean? then {text}")
    return found


def branch_of(target: Target, built: Built | None) -> str:
    """Give the source branch that feeds a target; empty if it is not known."""
    flows = [one.flow for one in target.placed]
    named = dict.fromkeys(branch for flow in flows for branch in flow.branches if not branch.startswith("!"))
    if not named and built is not None:
        named = dict.fromkeys(branch for branch in built.flow.branches if not branch.startswith("!"))
    if len(named) == 1:
        return next(iter(named))
    fitting = [branch for branch in named if environment_of_branch(branch) == target.environment]
    return fitting[0] if len(fitting) == 1 else ""


def argocd_of(target: Target, applications: list[Application], notes: list[Difference]) -> str | bool | Asked:
    """Give the Argo CD application; False where none deploys, an empty text for the usual name."""
    first = target.placed[0]
    usual = f"{target.application}-{target.environment}"
    if first.flow.argocd is None:
        notes.append(
            Difference(
                first.at,
                first.tool,
                "no-argocd",
                "is deployed by Flux",
                "Mergeport watches only Argo CD: with `argocd: false` a run ends at the commit",
                "whether Argo CD takes over",
            )
        )
        return False
    named = {one.flow.argocd for one in target.placed if one.flow.argocd and fits("argocd", one.flow.argocd)}
    here = named or {one.name for one in applications if fits("argocd", one.name) and first.file in _files_of(one)}
    if len(here) == 1:
        name = next(iter(here)) or ""
        return "" if name == usual else name
    notes.append(
        Difference(
            first.at,
            first.tool,
            "argocd-name",
            "does not say which Argo CD application deploys it",
            f"Mergeport watches {usual} until it is live",
            "its name as `argocd`, or `argocd: false`",
        )
    )
    return "" if fits("argocd", usual) else Asked(QUESTION, "the Argo CD application that deploys it")


def _files_of(application: Application) -> Iterator[str]:
    for value in application.value_files:
        place = (
            value.partition("/")[2] if value.startswith("$") else posixpath.join(application.path, value.lstrip("/"))
        )
        yield posixpath.normpath(place)
    if application.path and not application.value_files:
        yield from (f"{application.path}/{name}" for name in ("values.yaml", "kustomization.yaml", "kustomization.yml"))


def tag_for(image: OneImage, at: Placed, notes: list[Difference]) -> str | Asked:
    """Give the tag's template, or the question for it."""
    made = image.built.image.tag if image.built else ""
    for tag in (image.image.tag, made):
        if tag and names_commit(tag) and fits("tag", tag):
            return tag
    fixed = image.image.tag or made
    if fixed:
        notes.append(
            Difference(
                at.at,
                Tool.PIPELINE,
                "tag-without-commit",
                f"pushes the tag `{fixed}`, which is the same for several commits",
                "Mergeport waits for a tag that has the commit in it",
                "push such a tag as well, and name it as `tag`",
            )
        )
    said = f", there `{at.said}`" if at.said and at.part is Part.TAG else ""
    return Asked(QUESTION, f"the tag that the pipeline pushes{said}, with {{short_sha}} or {{sha}} in it")
