"""Goes through all files once and lets the reader of each kind read them. Called by the package's `read_all`.

A file that cannot be read is told with its line, and only if it looks as if an old tool were in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.core.importing import flux, image_updater, pipelines, workflow
from service.core.importing.findings import Built, Difference, Finding, Skipped, Tool, Update
from service.core.importing.material import Library, Material
from service.core.importing.scripts import WORDS
from service.core.importing.updater_settings import Application, application_of
from service.core.importing.yaml_nodes import Node, Unreadable, read_nodes

_OBJECTS = (image_updater.PREFIX.rstrip("/"), *flux.WORDS)
_MOST_FINDINGS = 5_000
_SHORT = re.compile(r"rev-parse\s+--short(?!=)")


def survey(library: Library) -> tuple[list[Finding], list[Application]]:
    """Give what all readers find, in the order of the files, and the Applications of Argo CD."""
    found: list[Finding] = []
    objects, applications = _objects(library, found)
    fleet = flux.fleet_of([node for nodes in objects.values() for node in nodes])
    for material in library:
        try:
            found += _one(material, library, objects.get(material.shown, []), applications, fleet)
        except Unreadable as reason:
            found.append(Skipped(material.at(reason.line), reason.why))
        except RecursionError:
            found.append(Skipped(material.at(1), "nested too deeply"))
        if len(found) > _MOST_FINDINGS:
            found.append(
                Skipped(material.at(1), f"more than {_MOST_FINDINGS} findings: the files after this one were left out")
            )
            break
    return found, applications


def _objects(library: Library, found: list[Finding]) -> tuple[dict[str, list[Node]], list[Application]]:
    """Read the files with objects of the cluster that matter."""
    objects: dict[str, list[Node]] = {}
    for material in library:
        wanted = any(word in material.text for word in _OBJECTS) or "kind: Application\n" in material.text
        if not material.is_yaml or not wanted or workflow.is_workflow(material):
            continue
        try:
            objects[material.shown] = read_nodes(material)
        except Unreadable as reason:
            if "{{" not in material.text or any(word in material.text for word in _OBJECTS):  # else a chart's template
                found.append(Skipped(material.at(reason.line), reason.why))
    applications = [
        application_of(node) for nodes in objects.values() for node in nodes if node.text("kind") == "Application"
    ]
    return objects, applications


def _one(
    material: Material, library: Library, nodes: list[Node], applications: list[Application], fleet: flux.Fleet
) -> Iterator[Finding]:
    if workflow.is_workflow(material):
        worth = WORDS.search(material.text) or "docker" in material.text or ".github/workflows/" in material.text
        if worth and not workflow.is_called(material, library):
            yield from _with_length(material, workflow.read(material, library))
        return
    yield from image_updater.read(nodes, library, applications)
    yield from flux.about(nodes, fleet)
    if material.is_yaml and "$imagepolicy" in material.text:
        yield from flux.marked(material, fleet)
    if not nodes and pipelines.is_pipeline(material):
        yield from _with_length(material, pipelines.read(material, library))


def _with_length(material: Material, found: Iterator[Finding]) -> Iterator[Finding]:
    """Add that git alone decides how long a short commit is, where something is written with one."""
    every = list(found)
    yield from every
    short = _SHORT.search(material.text)
    if short is not None and any(isinstance(one, Update | Built) for one in every):
        yield Difference(
            material.at(material.text.count("\n", 0, short.start()) + 1),
            Tool.PIPELINE,
            "short-length",
            "takes as many characters of the commit as git finds necessary",
            "7 characters are proposed, which is right until the repository is large",
            "a fixed length in the pipeline: `git rev-parse --short=12 HEAD` and `{short_sha}`",
        )
