"""Reads what feeds an environment: a branch, or with `from` other environments, whose releases are promoted.

Called for each target, and once by `load` when all targets were read, because the environments depend on each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from service.core.config.carrying import compare_files, read_carry
from service.core.config.layers import Layers
from service.core.config.model_targets import IMAGES, Part
from service.core.config.patterns import check_branch_pattern
from service.core.config.report import Report, nearest
from service.core.config.targets import Target, Upstream
from service.core.config.texts import TextError
from service.core.config.tree import Place

Read = tuple[Target, Layers]


def read_branch(layers: Layers, *, optional: bool = False) -> str | None:
    """Give the branch that feeds the target; empty if another environment does, or if it is optional and not said."""
    if "from" in layers.table.entries:
        if "branch" in layers.table.entries:
            layers.report.add(layers.place("from"), "branch and from exclude each other", "remove one of them")
        return "" if layers.has("from") else None
    if optional and "branch" not in layers.table.entries:
        return ""
    layers.environment_lacks("branch", "the branch that feeds the environment, or `from` an environment")
    if not layers.has("branch"):
        return None
    return layers.checked(_branch_pattern, layers.keys.branch, "branch")


def _branch_pattern(text: str) -> str:
    """Accept a branch or a glob of branches."""
    if text.startswith("!"):
        raise TextError("a single branch pattern cannot be negative", "write the branches that feed the environment")
    check_branch_pattern(text)
    return text


def read_upstream(layers: Layers, part: Part = IMAGES) -> Upstream | None:
    """Give what feeds the target; None if a branch or an alias does, or if a fault was reported.

    What is carried goes along with the images, where an application has both.
    """
    said = layers.keys.upstream
    carry = read_carry(layers)
    if part.model and not part.without_images:
        carry = ()
    if not layers.has("from") or said is None or (part.model and layers.has("alias")):
        return None
    if isinstance(said, str):
        return Upstream((said,), every=False, automatic=layers.keys.automatic, carry=carry)
    ((how, names),) = said.items()
    return Upstream(tuple(names), every=how == "all", automatic=layers.keys.automatic, carry=carry)


def find_broken_chains(read: Mapping[tuple[str, str], Read], environments: Sequence[str], faults: Report) -> None:
    """Report an upstream that does not exist, circles, and images that are not those of upstream."""
    for (application, environment), (target, layers) in read.items():
        if target.upstream is None:
            continue
        place = layers.place("from")
        for name in target.upstream.environments:
            if name not in environments:
                faults.add(place, f'there is no environment "{name}"', nearest(name, environments))
            elif (found := read.get((application, name))) is None:
                faults.add(
                    place,
                    f"{application} is not in {name}, so nothing can come from there",
                    f"give applications.{application}.environments.{environment} a branch or another from, or false",
                )
            else:
                _compare_images(found[0], target, place, faults)
                compare_files(found[0], target, layers, faults)
        if circle := next(_circles(read, application, environment), None):
            faults.add(place, f"{' ← '.join(circle)} is a circle", "let one of them have a branch")


def _compare_images(upstream: Target, target: Target, place: Place, faults: Report) -> None:
    """Report images that upstream does not have, by their names."""
    there, here = ({image.name for image in one.images} for one in (upstream, target))
    if missing := sorted(here - there):
        faults.add(
            place,
            f"{upstream.application} has no image {missing[0]} in {upstream.environment}",
            "an environment gets the very images that ran upstream: name the same images in both",
        )


def _circles(read: Mapping[tuple[str, str], Read], application: str, begin: str) -> Iterator[list[str]]:
    """Give the ways from an environment back to itself, against the flow."""
    open_ways = [[begin]]
    while open_ways:
        way = open_ways.pop()
        found = read.get((application, way[-1]))
        upstream = found[0].upstream if found else None
        for name in upstream.environments if upstream else ():
            if name == begin:
                yield [*way, name]
            elif name not in way:
                open_ways.append([*way, name])
