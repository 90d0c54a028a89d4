"""What only shows when all targets are seen together: two that write the same, images that collide.

Called once by `load`, after every target was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from service.core.config.layers import Layers
from service.core.config.report import Report
from service.core.config.surroundings import Placed, Surroundings
from service.core.config.targets import ImageTarget, Target

Read = tuple[Target, Layers]


def find_conflicts(read: Sequence[Read], faults: Report, warnings: Report) -> None:
    """Report targets that exclude each other, and warn of those that may surprise."""
    _find_shared_writes(read, faults)
    _find_shared_images(read, faults, warnings)
    _find_models_alike(read, faults)


def find_misplaced(
    read: Sequence[Read],
    applications: Sequence[str],
    environments: Sequence[str],
    inside: Mapping[str, Sequence[str]],
    faults: Report,
) -> None:
    """Report options of gates that do not fit what is around them, such as an environment that does not exist.

    `inside` has the environments that each application is in, also those whose target has faults of its own.
    """
    unwatched = {(target.application, target.environment) for target, _ in read if target.argocd_application is None}
    for target, layers in read:
        name = target.application
        watched = {one: (name, one) not in unwatched for one in inside.get(name, ())}
        around = Surroundings(name, target.environment, tuple(applications), tuple(environments), watched)
        for kind, options in target.gates:
            for found in options.misplaced(around) if isinstance(options, Placed) else ():
                faults.add(layers.place("gates", kind, *found.where), found.message, found.hint)


def _find_shared_writes(read: Sequence[Read], faults: Report) -> None:
    """Report a values path that two targets write, because each would undo the other's image."""
    written: dict[tuple[str, str, str, str], Target] = {}
    for target, layers in read:
        where = (target.manifest_repository or "", target.manifest_branch or "")
        for entry in target.values:
            for path, _ in entry.set:
                first = written.setdefault((*where, entry.file, path), target)
                if first is not target:
                    faults.add(
                        layers.place("values", entry.position, "file"),
                        f"{path} of {entry.file} is written by {_named(first)} and by {_named(target)}",
                        "give each its own file: put {application} and {environment} into file",
                    )
                    break


def _find_shared_images(read: Sequence[Read], faults: Report, warnings: Report) -> None:
    """Report an image name that two targets build differently from one source.

    In one environment the same commit reaches both targets, and the second one finds the image of the first. In
    two environments that happens only if one commit reaches both branches, so it is a warning.
    """
    sharing: dict[tuple[str, str, str, str], list[tuple[Target, ImageTarget, Layers]]] = {}
    for target, layers in read:
        for image in target.images:
            key = (target.source, image.made.registry_host, image.repository, image.tag)
            sharing.setdefault(key, []).append((target, image, layers))
    for (_, _, repository, tag), uses in sharing.items():
        for (first, one, _), (second, other, layers) in pairwise(uses):
            if (one.builder_kind, one.builder_options) == (other.builder_kind, other.builder_options):
                continue
            same_commit = first.environment == second.environment and one.builder_kind == other.builder_kind
            (faults if same_commit else warnings).add(
                layers.place("build"),
                f"{_named(first)} and {_named(second)} build {repository}:{tag} differently from one source",
                "give each its own image" if same_commit else "give each its own image: put {environment} into image",
            )


def _find_models_alike(read: Sequence[Read], faults: Report) -> None:
    """Report models whose names differ only by upper and lower case: their runs could not be told apart."""
    known: dict[str, str] = {}
    for target, layers in read:
        if target.model is None:
            continue
        first = known.setdefault(target.source.key, str(target.source))
        if first != str(target.source):
            faults.add(
                layers.place(), f"{target.source} and {first} differ only by upper and lower case", "rename one of them"
            )


def _named(target: Target) -> str:
    return f"{target.application} in {target.environment}"
