"""Each update at its place: application, environment, file, path, and the image that is meant. Called by `proposal`.

The file at hand decides where it can; names are guessed from paths, and a guess is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from service.core.config.texts import fit_name
from service.core.importing.findings import At, Difference, Flow, Image, Part, Tool, Update
from service.core.importing.guesses import (
    application_in,
    environment_in,
    environment_of_branch,
    image_in,
    without_environment,
)
from service.core.importing.image_names import read_image
from service.core.importing.material import Library, Material
from service.core.importing.pieces import Text, Unknown, expanded, names_commit, shown, template, varies
from service.core.importing.sound_texts import ASKED
from service.core.values import ValueEdit, edit_values
from service.core.values_paths import Key, Selector, parse_path
from service.errors import ValuesEditError

_TRIED = "mergeport"
NOWHERE = "default"
"""The environment of what names none."""
_LAST = (
    (re.compile(r"(?i)(.*tag|.*version|newtag|sha|commit)$"), Part.TAG),
    (re.compile(r"(?i)(.*digest)$"), Part.DIGEST),
    (re.compile(r"(?i)(.*repository|.*repo|newname)$"), Part.REPOSITORY),
    (re.compile(r"(?i)(.*registry)$"), Part.REGISTRY),
    (re.compile(r"(?i)(.*image)$"), Part.WHOLE),
)
_ROLES = {
    "whole": Part.WHOLE,
    "registry": Part.REGISTRY,
    "repository": Part.REPOSITORY,
    "tag": Part.TAG,
    "digest": Part.DIGEST,
}
_VERSION = re.compile(r"(?i)tag|sha|version|commit|image|build|rev")


@dataclass(frozen=True, slots=True)
class Placed:
    """One value of one application in one environment. `path` is empty where nobody knows it."""

    application: str
    environment: str
    file: str
    path: str
    part: Part
    name: str
    image: Image
    flow: Flow
    at: At
    tool: Tool
    redeploy: bool
    text: str = ""
    said: str = ""


Note = Placed | Difference


def place(updates: Iterable[Update], library: Library) -> Iterator[Note]:
    """Give the places of all updates, and what cannot be placed."""
    seen: set[tuple[str, ...]] = set()
    for update in updates:
        for file, material in _files(update, library):
            for one in _placed(update, file, material):
                if isinstance(one, Placed):
                    key = (one.application, one.environment, one.file, one.path, one.image.repository)
                    if key in seen:
                        continue
                    seen.add(key)
                yield one


def _files(update: Update, library: Library) -> Iterator[tuple[str, Material | None]]:
    """Give the files that are meant; if none is there the path as it is written, with questions in it."""
    found = library.named(update.file, update.flow.manifest_repository) or library.named(update.file)
    if found:
        yield from ((material.path, material) for material in found)
    elif update.file:
        yield from (("".join(map(_asked, one)).lstrip("/"), None) for one in expanded(update.file))
    else:
        yield ASKED, None


def _asked(piece: object) -> str:
    """Write a piece of a path; a variable called like an environment or an application is one."""
    if isinstance(piece, str):
        return piece.replace("{", "{{").replace("}", "}}")
    if not isinstance(piece, Unknown):
        return ASKED
    if re.search(r"(?i)env|stage", piece.name):
        return "{environment}"
    return "{application}" if re.search(r"(?i)app|service", piece.name) else ASKED


def _placed(update: Update, file: str, material: Material | None) -> Iterator[Note]:
    path, refusal = _tried(material, update.path) if update.path else ("", "")
    update = replace(update, path=path)
    part, known = _meaning(update, material)
    if part is None or file.rpartition("/")[2] == "Chart.yaml":  # a chart's own version is no image
        yield Difference(
            update.at,
            update.tool,
            "not-an-image",
            f"writes `{shown(update.value)}` to {update.path} of {file}",
            "Mergeport writes images, and texts made of the commit",
            "whether it is needed; `set` may also name this path",
        )
        return
    environment, application = _names(update, file, known)
    if refusal:
        yield Difference(
            update.at,
            update.tool,
            "path-refused",
            f"writes to {update.path} of {material.shown if material else file}",
            f"Mergeport's editor refuses it: {refusal}",
            "the right path: `mergeport values paths FILE` lists all",
        )
        return
    tag = template(update.value) if part in {Part.TAG, Part.TEXT} and varies(update.value) else None
    image = _joined(update.image, known, tag or "")
    flow = replace(
        update.flow, manifest_repository=update.flow.manifest_repository or (material.repository if material else "")
    )
    placed = Placed(
        application,
        environment,
        file,
        update.path,
        part,
        _name(update.path),
        image,
        flow,
        update.at,
        update.tool,
        update.redeploy,
        tag or "",
        shown(update.value) if varies(update.value) else "",
    )
    yield placed
    yield from _digest_beside(placed, update, material)


def _digest_beside(placed: Placed, update: Update, material: Material | None) -> Iterator[Note]:
    """Add the digest that a file has beside the tag: left as it is, it would be that of another image."""
    if placed.part is not Part.TAG:
        return
    for one in material.images if material else ():
        tag, digest = one.parts.get("tag"), one.parts.get("digest")
        if tag is None or digest is None or tag.path != placed.path:
            continue
        yield replace(placed, path=digest.path, part=Part.DIGEST, name=_name(digest.path))
        yield Difference(
            update.at,
            update.tool,
            "digest-beside",
            f"writes {tag.path} and leaves {digest.path} beside it as it is",
            "both are written, so that exactly the image that was built runs",
            "whether the chart can take a digest; else take the line out",
        )


def _meaning(update: Update, material: Material | None) -> tuple[Part | None, Image]:
    """Tell which part of an image a value holds, and the image that the file has there now."""
    known, role = Image(), None
    for one in material.images if material else ():
        for name, scalar in one.parts.items():
            if scalar.path == update.path:
                known, role = read_image((one.reference,)), _ROLES[name]
    part = update.part or role
    made = template(update.value)
    is_text = bool(update.path and made is not None and names_commit(made))
    if part is None and is_text and material is not None:
        part = Part.TEXT  # the file has it, and not as a part of an image
    if part is None:
        last = _last_key(update.path)
        part = next((one for pattern, one in _LAST if pattern.fullmatch(last)), None)
        if part is Part.WHOLE and not re.search(r"[/:]", shown(update.value)):
            part = Part.TAG if varies(update.value) else part
    if part is None:
        part = Part.TEXT if is_text else Part.TAG if _is_version(update.value) else None
    if update.part is None and update.tool in {Tool.SED, Tool.YQ} and not varies(update.value):
        part = None  # a constant that the pipeline writes is no new image
    return part, replace(known, tag="")


def _is_version(value: Text) -> bool:
    """Tell whether a value is the commit, or a variable that is called like a version."""
    if names_commit(template(value) or ""):
        return True
    return any(isinstance(piece, Unknown) and _VERSION.search(piece.name) for piece in value)


def _joined(said: Image, known: Image, tag: str) -> Image:
    """Join what the tool says of an image with what the file says."""
    if not said.repository or (not said.registry and known.registry):
        said = Image(said.registry or known.registry, said.repository or known.repository, said.tag)
    return replace(said, tag=tag or said.tag)


def _names(update: Update, file: str, known: Image) -> tuple[str, str]:
    """Guess environment and application."""
    flow = update.flow
    environment = environment_in(file.replace("{environment}", "").replace(ASKED, ""))
    environment = environment or environment_in(flow.environment.lower())
    environment = environment or (fit_name(flow.environment) if flow.environment else "")
    environment = environment or (environment_in(flow.application.lower()) if "-" in flow.application else "")
    of_branches = {environment_of_branch(branch) for branch in flow.branches}
    environment = environment or (of_branches.pop() if len(of_branches) == 1 else "") or NOWHERE
    application = fit_name(without_environment(flow.application, environment)) if flow.application else ""
    application = application or application_in(file.replace(ASKED, ""), environment)
    application = application or fit_name((known.repository or update.image.repository).rpartition("/")[2] or "")
    if application in {"", "x"}:
        application = fit_name(flow.source.rpartition("/")[2] or "application")
    return fit_name(environment), application


def _tried(material: Material | None, path: str) -> tuple[str, str]:
    """Try the path on the file, if that is at hand: give it as the editor lists it, and its words if it refuses.

    `containers[0].image` becomes `containers[name=web].image`, which stays right when the list grows.
    """
    try:
        parse_path(path)
        if material is None:
            return path, ""
        changes = edit_values(material.text, [ValueEdit(path, _TRIED)], file=material.path).changes
    except ValuesEditError as error:
        return path, error.message.rstrip(".")
    except RecursionError:
        return path, "it is nested too deeply"
    here = [scalar.path for scalar in material.values if changes and scalar.line == changes[0].line]
    listed = [other for other in here if _last_key(other) == _last_key(path)]
    return (listed[0] if len(listed) == 1 else path), ""


def _last_key(path: str) -> str:
    try:
        steps = parse_path(path).steps if path else ()
    except ValuesEditError:
        return path.rpartition(".")[2]
    return next((step.name for step in reversed(steps) if isinstance(step, Key)), "")


def _name(path: str) -> str:
    """Name the image by its values path; empty if that names none."""
    try:
        steps = parse_path(path).steps if path else ()
    except ValuesEditError:
        return ""
    keys = []
    for step in steps:
        if isinstance(step, Key):
            keys.append(step.name)
        elif isinstance(step, Selector) and step is not steps[0]:
            keys.append(step.conditions[0].value)
    return image_in(keys)
