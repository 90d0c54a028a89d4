"""Flux: image policies, and the markers `# {"$imagepolicy": "NAMESPACE:NAME:tag"}` where it writes. Called by `survey`.

https://fluxcd.io/flux/guides/image-update/
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from service.core.importing.findings import NO_BRANCH, At, Difference, Finding, Flow, Image, Part, Skipped, Tool, Update
from service.core.importing.image_names import read_image
from service.core.importing.material import Material
from service.core.importing.pieces import Text
from service.core.importing.updater_words import tag_of
from service.core.importing.variables import Scope
from service.core.importing.yaml_nodes import Node

MARKER = re.compile(r"#\s*(?P<json>\{\s*\"\$imagepolicy\".*\})\s*$")
WORDS = ("$imagepolicy", "image.toolkit.fluxcd.io")
_PARTS = {"": Part.WHOLE, "name": Part.REPOSITORY, "tag": Part.TAG, "digest": Part.DIGEST}
ORDERS = ("semver", "alphabetical", "numerical")


@dataclass(frozen=True, slots=True)
class Policy:
    """An ImagePolicy with its image; `order` is how it chooses."""

    at: At
    image: str
    order: str
    range: str
    tags: str
    redeploys: bool


@dataclass(frozen=True, slots=True)
class Automation:
    """An ImageUpdateAutomation: the path below which it writes, and from and to which branch."""

    at: At
    path: str
    checkout: str
    push: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """The objects of Flux in all files."""

    policies: Mapping[str, Policy]
    automations: tuple[Automation, ...]


def fleet_of(nodes: list[Node]) -> Fleet:
    """Collect the objects; a policy is known by namespace and name."""
    ours = [node for node in nodes if node.text("apiVersion").startswith("image.toolkit.fluxcd.io/")]
    images = {_name(node): node.node("spec").text("image") for node in ours if node.text("kind") == "ImageRepository"}
    policies = {}
    automations = []
    for node in ours:
        spec = node.node("spec")
        if node.text("kind") == "ImagePolicy":
            reference = spec.node("imageRepositoryRef")
            namespace = reference.text("namespace") or _name(node).partition(":")[0]
            kinds = spec.node("policy")
            order = next((one for one in ORDERS if one in kinds), "")
            policies[_name(node)] = Policy(
                spec.at("policy"),
                images.get(f"{namespace}:{reference.text('name')}", ""),
                order,
                kinds.node(order).text("range") or kinds.node(order).text("order"),
                re.sub(r"\(\?P<\w+>([^()]*)\)", r"\1", spec.node("filterTags").text("pattern")),
                spec.text("digestReflectionPolicy") == "Always",
            )
        elif node.text("kind") == "ImageUpdateAutomation":
            git = spec.node("git")
            automations.append(
                Automation(
                    git.at("push") if "push" in git else node.at("spec"),
                    spec.node("update").text("path").removeprefix("./").strip("/"),
                    git.node("checkout").node("ref").text("branch"),
                    git.node("push").text("branch"),
                )
            )
    return Fleet(policies, tuple(automations))


def _name(node: Node) -> str:
    metadata = node.node("metadata")
    return f"{metadata.text('namespace') or 'flux-system'}:{metadata.text('name')}"


def about(nodes: list[Node], fleet: Fleet) -> Iterator[Finding]:
    """Tell what will be different for the objects of one file."""
    for node in nodes:
        if not node.text("apiVersion").startswith("image.toolkit.fluxcd.io/"):
            continue
        spec = node.node("spec")
        if node.text("kind") == "ImagePolicy" and _name(node) in fleet.policies:
            yield from _about_policy(_name(node), fleet.policies[_name(node)])
        elif node.text("kind") == "ImageRepository" and "secretRef" in spec:
            yield Difference(
                spec.at("secretRef"),
                Tool.FLUX,
                "pull-secret",
                f"reads the registry with the secret {spec.node('secretRef').text('name')}",
                "Mergeport reads it with credentials of its own: a role for ECR, else settings",
                "which credentials Mergeport gets",
            )
        elif node.text("kind") == "ImageUpdateAutomation":
            yield from _about_automation(spec)


def _about_policy(name: str, policy: Policy) -> Iterator[Difference]:
    by = {
        "semver": "the highest version",
        "alphabetical": "the last tag in the alphabet",
        "numerical": "the highest number",
    }
    within = f" within `{policy.range}`" if policy.range and policy.order == "semver" else ""
    yield Difference(
        policy.at,
        Tool.FLUX,
        policy.order or "policy",
        f"{name} deploys {by.get(policy.order, 'what its policy chooses')}{within}",
        "Mergeport deploys the image of the newest merge, never an older commit over a newer one",
        "which branch stands for these versions; an image that you do not build stays with the old tool"
        if policy.order == "semver"
        else "",
    )
    if policy.tags and not tag_of(policy.tags):
        yield Difference(
            policy.at,
            Tool.FLUX,
            "allow-tags",
            f"{name} takes only tags that fit `{policy.tags}`",
            "Mergeport waits for exactly one tag, which it makes of the commit",
            "the tag that the pipeline pushes",
        )
    if policy.redeploys:
        yield Difference(
            policy.at,
            Tool.FLUX,
            "digest",
            f"{name} follows a tag that moves",
            "`redeploy: true` brings a tag that was pushed again, where the values file has the digest",
            "where the chart takes `{digest}`, and whether the pipeline can push a tag with the commit in it",
        )


def _about_automation(spec: Node) -> Iterator[Difference]:
    git = spec.node("git")
    push, checkout = git.node("push").text("branch"), git.node("checkout").node("ref").text("branch")
    if push and push != checkout:
        yield Difference(
            git.at("push"),
            Tool.FLUX,
            "branch-template",
            f"pushes to the branch `{push}`",
            "`publish: pull-request`: Mergeport opens the pull request itself and rolls it forward",
        )
    if git.node("commit").text("messageTemplate"):
        yield Difference(
            git.node("commit").at("messageTemplate"),
            Tool.FLUX,
            "message-template",
            "writes commits by a template of its own",
            "Mergeport's commits say what changed, with trailers that are the same everywhere",
        )
    yield Difference(
        git.at(),
        Tool.FLUX,
        "old-writer",
        "writes new images into the repository itself",
        "Mergeport writes them",
        "when to suspend this automation: two writers would undo each other's work",
    )


def marked(material: Material, fleet: Fleet) -> Iterator[Finding]:
    """Give the values that carry a marker."""
    by_line: dict[int, list[str]] = {}
    for scalar in material.values:
        by_line.setdefault(scalar.line, []).append(scalar.path)
    for number, line in enumerate(material.text.splitlines(), 1):
        found = MARKER.search(line)
        if found is None or line.lstrip().startswith("#"):
            continue
        try:
            name = str(json.loads(found["json"])["$imagepolicy"])
        except (ValueError, KeyError, TypeError, RecursionError):
            yield Skipped(material.at(number), "a marker that is not JSON")
            continue
        namespace, _, rest = name.partition(":")
        short, _, part = rest.partition(":")
        paths = by_line.get(number, [])
        if len(paths) != 1 or part not in _PARTS:
            yield Skipped(material.at(number), "a marker without a value that can be set on its line")
            continue
        yield _update(material, number, paths[0], _PARTS[part], fleet.policies.get(f"{namespace}:{short}"), fleet)


def _update(material: Material, line: int, path: str, part: Part, policy: Policy | None, fleet: Fleet) -> Update:
    over = next((one for one in fleet.automations if material.path.startswith(f"{one.path}/") or not one.path), None)
    over = over or (fleet.automations[0] if len(fleet.automations) == 1 else None)
    flow = Flow(argocd=None, manifest_repository=material.repository)
    if over is not None:
        flow = replace(flow, manifest_branch=over.checkout, pull_request=bool(over.push) and over.push != over.checkout)
    if policy is not None and policy.order == "semver":
        flow = replace(flow, branches=(NO_BRANCH,))  # versions are of no branch
    image = read_image(Scope({}).read(policy.image)) if policy and policy.image else Image()
    if policy is not None:
        image = replace(image, tag=tag_of(policy.tags))
    file: Text = (material.path,)
    return Update(
        Tool.FLUX, material.at(line), file, path, (), flow, part, image, redeploy=bool(policy and policy.redeploys)
    )
