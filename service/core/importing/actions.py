"""Actions that a step of a workflow uses: checkouts, image builds, pull requests, and those that write values.

Called by `workflow`. An action that may write values and is not known here is told, so that nothing is lost in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from service.core.importing.findings import Built, Difference, Finding, Tool
from service.core.importing.image_names import read_image
from service.core.importing.material import Material
from service.core.importing.pieces import literal, names_commit, shown
from service.core.importing.scripts import Walk, read_script
from service.core.importing.yaml_nodes import Node

_WRITERS = re.compile(r"yaml-update|update-yaml|update-image|gitops|image-updater|kustomize", re.IGNORECASE)
_ACCOUNT = re.compile(r"arn:aws[\w-]*:iam::(?P<account>\d{12}):")
_TYPE = re.compile(r"type=(?P<type>\w+)(?P<rest>.*)")


def read(step: Node, walk: Walk, material: Material) -> Iterator[Finding]:
    """Give what one step does; what it tells of the steps after it goes into `walk`."""
    uses, given = step.text("uses"), step.node("with")
    name = uses.partition("@")[0].lower()
    if name in _LEARNT:
        _LEARNT[name](given, walk)
    elif name in {"docker/build-push-action", "redhat-actions/buildah-build"}:
        yield from _build(step, given, walk)
    elif name == "mikefarah/yq":
        yield from read_script(given.text("cmd"), material.shown, given.first_line("cmd"), walk)
    elif name == "peter-evans/create-pull-request":
        yield _pull_request(step, given, walk)
    elif name.startswith("docker://") and "gitopscli" in name:
        yield from read_script(f"gitopscli {given.text('args')}", material.shown, given.first_line("args"), walk)
    elif _WRITERS.search(name):
        yield Difference(
            step.at("uses"),
            Tool.PIPELINE,
            "action-unknown",
            f"uses the action {uses}, which may write values",
            "this import does not know it",
            "which file and which key it writes",
        )


def _pull_request(step: Node, given: Node, walk: Walk) -> Difference:
    walk.flow = replace(walk.flow, pull_request=True, labels=_listed(given.text("labels")))
    branch = shown(walk.scope.read(given.text("branch") or "create-pull-request/patch"))
    return Difference(
        step.at("uses"),
        Tool.PIPELINE,
        "branch-template",
        f"opens a pull request from `{branch}`",
        "Mergeport opens one for each application and environment, and rolls it forward",
    )


def _credentials(given: Node, walk: Walk) -> None:
    """Learn the account and the region, whose registry `amazon-ecr-login` gives."""
    role = _ACCOUNT.match(shown(walk.scope.read(given.text("role-to-assume"))))
    region = literal(walk.scope.read(given.text("aws-region")))
    if role and region:
        walk.scope = walk.scope.having({"aws.registry": f"{role['account']}.dkr.ecr.{region}.amazonaws.com"})


def _ecr_login(_given: Node, walk: Walk) -> None:
    walk.scope = walk.scope.having({f"steps.{walk.step}.outputs.registry": "${{ aws.registry }}"})


def _checkout(given: Node, walk: Walk) -> None:
    path, repository = given.text("path").removeprefix("./").strip("/"), given.text("repository")
    if repository:
        walk.cloned(path, literal(walk.scope.read(repository)) or "")
        walk.flow = replace(walk.flow, manifest_branch=literal(walk.scope.read(given.text("ref"))) or "")
    elif path:
        walk.cloned(path, walk.flow.source)


def _build(step: Node, given: Node, walk: Walk) -> Iterator[Finding]:
    """Give the image of the first tag that names the commit, else the first one."""
    images = [
        read_image(walk.scope.read(raw.strip()))
        for raw in re.split(r"[\n,]", _filled(given.text("tags"), walk))
        if raw.strip()
    ]
    if images:
        best = next((image for image in images if names_commit(image.tag)), images[0])
        yield Built(step.at("uses"), best, walk.flow)


def _filled(raw: str, walk: Walk) -> str:
    """Put in the tags of `docker/metadata-action` first: they are several lines."""
    return re.sub(
        r"\$\{\{\s*(steps\.[\w-]+\.outputs\.tags)\s*\}\}", lambda found: walk.scope.raw(found[1]) or found[0], raw
    )


def _metadata(given: Node, walk: Walk) -> None:
    """Work out what docker/metadata-action makes of `images` and `tags`, as far as that is of the commit."""
    images = [line.strip() for line in re.split(r"[\n,]", given.text("images")) if line.strip()]
    tags = [tag for line in given.text("tags").splitlines() if (tag := _tag(line.strip()))]
    if not images or not tags:
        return
    lines = "\n".join(f"{image}:{tag}" for image in images for tag in tags)
    version = next((tag for tag in tags if "github.sha" in tag or "GITHUB_SHA" in tag), tags[0])
    walk.scope = walk.scope.having(
        {f"steps.{walk.step}.outputs.tags": lines, f"steps.{walk.step}.outputs.version": version}
    )


def _tag(line: str) -> str:
    """Write one rule as a tag; only rules of the commit and the branch are known."""
    found = _TYPE.fullmatch(line)
    if found is None:
        return ""
    pairs = (pair.partition("=") for pair in found["rest"].strip(",").split(",") if pair)
    options = {name: _filled_in(value) for name, _, value in pairs}
    match found["type"]:
        case "sha":
            commit = "${{ github.sha }}" if options.get("format") == "long" else "${GITHUB_SHA::7}"
            return f"{options.get('prefix', 'sha-')}{commit}{options.get('suffix', '')}"
        case "raw":
            return options.get("value", "")
        case "ref":
            return "${{ github.ref_name }}"
        case _:
            return ""


def _filled_in(text: str) -> str:
    """Write the action's own placeholders as GitHub's."""
    return text.replace("{{branch}}", "${{ github.ref_name }}").replace("{{sha}}", "${GITHUB_SHA::7}")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[\n,]", text) if part.strip())


_LEARNT: Mapping[str, Callable[[Node, Walk], None]] = {
    "actions/checkout": _checkout,
    "aws-actions/configure-aws-credentials": _credentials,
    "aws-actions/amazon-ecr-login": _ecr_login,
    "docker/metadata-action": _metadata,
}
"""Actions that write nothing, and tell something of the steps after them."""
