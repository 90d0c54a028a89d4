"""Builds the proposed `mergeport.yaml` from what was found. Called by the package's `read_all`; writes no file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from service.core.importing.findings import Built, Difference, Finding, Flow, Skipped, Tool, Update
from service.core.importing.gathered import (
    OneImage,
    Target,
    argocd_of,
    gather,
    images_of,
    tag_for,
    values_of,
)
from service.core.importing.material import Library
from service.core.importing.places import NOWHERE, Placed, place
from service.core.importing.proposal_text import Asked, Question, write
from service.core.importing.shared_keys import SHARED, Keys, feeding, hoist, join_environments, templated
from service.core.importing.sound_texts import ASKED, fits, kept
from service.core.importing.updater_settings import Application
from service.core.secret_looking import masked

HEAD = """Proposed by `mergeport import`. Read it before you use it.
A value "?" or a part {?} is a question, as its comment says. `mergeport config check` refuses each of them."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The proposed text, empty if there is nothing to propose, and all that a person should know."""

    text: str
    questions: tuple[Question, ...]
    differences: tuple[Difference, ...]
    skipped: tuple[Skipped, ...]
    repository: str


@dataclass(slots=True)
class _Draft:
    """What is known while a proposal is built."""

    built: list[Built]
    applications: list[Application]
    notes: list[Difference]
    home: str = ""


def propose(findings: Iterable[Finding], library: Library, applications: list[Application]) -> Proposal:
    """Give the proposal for all findings."""
    found = list(findings)
    notes = [one for one in found if isinstance(one, Difference)]
    placed: list[Placed] = []
    for one in place((update for update in found if isinstance(update, Update)), library):
        if isinstance(one, Placed):
            placed.append(one)
        else:
            notes.append(one)
    draft = _Draft([one for one in found if isinstance(one, Built)], applications, notes)
    draft.home = _most_common(one.flow.manifest_repository for one in placed)
    grouped = gather(placed, notes)
    _tell_guesses(grouped, notes)
    _tell_writers(placed, notes)
    written = {name: _application(targets, draft) for name, targets in grouped.items()}
    everywhere = join_environments(grouped, written)
    defaults = hoist(written)
    tree: Keys = {"defaults": defaults} if defaults else {}
    tree |= {"environments": everywhere, "applications": written}
    text, questions = write(tree, HEAD) if written else ("", ())
    told = dict.fromkeys(replace(one, was=masked(one.was), now=masked(one.now)) for one in notes)
    ordered = sorted(told, key=lambda one: (one.at.file, one.at.line))
    skipped = dict.fromkeys(one for one in found if isinstance(one, Skipped))
    return Proposal(text, questions, tuple(ordered), tuple(skipped), draft.home)


def _most_common(names: Iterable[str]) -> str:
    counted = Counter(name for name in names if name)
    return counted.most_common(1)[0][0] if counted else ""


def _tell_guesses(grouped: dict[str, dict[str, Target]], notes: list[Difference]) -> None:
    """Say once for each application and environment what its names were guessed from."""
    for application, targets in grouped.items():
        for environment, target in targets.items():
            first = target.placed[0]
            decide = "the environment's name" if environment == NOWHERE else "whether these are the right names"
            notes.append(
                Difference(
                    first.at,
                    first.tool,
                    "guessed",
                    f"writes {first.file}",
                    f"taken for application {application} in environment {environment}",
                    decide,
                )
            )


def _tell_writers(placed: list[Placed], notes: list[Difference]) -> None:
    """Say once for each file that what it does has to end; Flux's automation is told where it is."""
    seen: set[str] = set()
    for one in placed:
        if one.at.file in seen or one.tool is Tool.FLUX:
            continue
        seen.add(one.at.file)
        updater = one.tool is Tool.IMAGE_UPDATER
        what = "the annotations or the ImageUpdater" if updater else "these steps"
        notes.append(
            Difference(
                one.at,
                one.tool,
                "old-writer",
                "writes the new image itself",
                "Mergeport writes it" if updater else "Mergeport writes it, and the pipeline only builds and pushes",
                f"when to take {what} out: two writers would undo each other's work",
            )
        )


def _application(targets: dict[str, Target], draft: _Draft) -> Keys:
    images, names = images_of(targets.values(), draft.built)
    first = next(iter(targets.values())).placed[0]
    built = next((image.built for image in images if image.built), None)
    keys: Keys = {"source": _source(first.flow, built, draft)}
    flow = built.flow if built and built.flow.paths else first.flow
    if flow.paths and all(fits("path", path) for path in flow.paths):
        keys["paths"] = list(flow.paths)
    if len(images) == 1:
        keys |= _image(images[0], first, draft)
    else:
        keys |= _images(images, first, draft)
    if any(image.redeploy for image in images):
        keys["redeploy"] = True
    by_environment = {name: values_of(target, names, several=len(images) > 1) for name, target in targets.items()}
    overrides: Keys = {}
    shared = _shared(by_environment)
    if shared is not None:
        keys["values"] = _values(shared)
    for name, target in targets.items():
        own: Keys = {} if shared is not None else {"values": _values(by_environment[name])}
        argocd = argocd_of(target, draft.applications, draft.notes)
        if argocd is False or argocd:
            own["argocd"] = argocd
        own |= feeding(target, built, draft.home)
        overrides[name] = own
    keys["environments"] = overrides
    return keys


def _source(flow: Flow, built: Built | None, draft: _Draft) -> str | Asked:
    name = built.flow.source if built is not None else flow.source if flow.source != draft.home else ""
    return kept("source", name, "the repository with the code, owner/name")


def _image(image: OneImage, first: Placed, draft: _Draft) -> Keys:
    known = image.image if image.image.repository else image.built.image if image.built else image.image
    registry = known.registry or (image.built.image.registry if image.built else "")
    build: Keys = {"kind": "external"}
    if image.built is not None and image.built.flow.workflow:
        kind = "github-actions" if image.built.by_inputs else "external"
        build = {"kind": kind, "workflow": image.built.flow.workflow}
    return {
        "registry": kept("registry", registry, "the registry's host"),
        "image": kept("image", known.repository, "the image's repository in the registry"),
        "tag": tag_for(image, first, draft.notes),
        "build": build,
    }


def _images(images: list[OneImage], first: Placed, draft: _Draft) -> Keys:
    """Give several images; what is the same for all of them stands once."""
    every = {image.name: _image(image, first, draft) for image in images}
    same: Keys = {}
    for key in SHARED:
        values = [one[key] for one in every.values()]
        if all(value == values[0] for value in values):
            same[key] = values[0]
    kept: Keys = {name: {key: value for key, value in one.items() if key not in same} for name, one in every.items()}
    return {**same, "images": kept}


Files = dict[str, dict[str, str | Asked]]


def _shared(by_environment: dict[str, Files]) -> Files | None:
    """Give the files with {environment} in their paths, if they are the same in all environments; else None."""
    found: list[Files] = []
    for environment, files in by_environment.items():
        found.append(
            {
                file if "{" in file else templated(file, environment, "{environment}"): entries
                for file, entries in files.items()
            }
        )
    if any(one != found[0] for one in found):
        return None
    return found[0]


def _values(files: Files) -> list[Keys]:
    asked = "the file's path in the manifest repository"
    return [
        {"file": file if fits("file", file) else Asked(file if ASKED in file else ASKED, asked), "set": dict(entries)}
        for file, entries in files.items()
    ]
