"""What annotations and `ImageUpdater` objects of argocd-image-updater say, as one kind of settings. Pure.

Called by `image_updater`. https://argocd-image-updater.readthedocs.io/en/stable/basics/update-methods/
"""

from __future__ import annotations

from dataclasses import dataclass

from service.core.importing.findings import At
from service.core.importing.pieces import literal
from service.core.importing.repositories import repository_of
from service.core.importing.variables import Scope
from service.core.importing.yaml_nodes import Node

PREFIX = "argocd-image-updater.argoproj.io/"


@dataclass(frozen=True, slots=True)
class Application:
    """An Argo CD Application as far as it says where its values are. Empty is not known."""

    at: At
    name: str
    repository: str
    path: str
    branch: str
    value_files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WriteBack:
    """Where and how the updater writes."""

    at: At
    method: str = "argocd"
    target: str = ""
    branch: str = ""
    repository: str = ""
    pull_request: str = ""

    @property
    def is_git(self) -> bool:
        """Tell whether it writes to Git."""
        return self.method.startswith("git")


@dataclass(frozen=True, slots=True)
class Watched:
    """One image and how its new version is chosen."""

    at: At
    alias: str
    image: str
    strategy: str
    allow_tags: str
    ignore_tags: str
    pull_secret: str
    tag_key: str
    name_key: str
    spec_key: str
    kustomize_name: str
    platforms: str


def application_of(whole: Node) -> Application:
    """Read an Application, or the template of an ApplicationSet."""
    spec = whole.node("spec")
    sources = [source for source in (spec.node("source"), *spec.nodes("sources")) if source]
    first = next((one for one in sources if one.node("helm").texts("valueFiles")), None)
    source = first or next((one for one in sources if one.text("path")), None) or spec.node("source")
    values = source.node("helm").texts("valueFiles")
    place = (
        next((one for one in sources if one.text("ref")), source)
        if any(one.startswith("$") for one in values)
        else source
    )
    name, branch = whole.node("metadata").text("name"), place.text("targetRevision")
    return Application(
        whole.node("metadata").at("name"),
        literal(Scope({}).read(name)) or "",
        repository_of(place.text("repoURL")),
        "" if source.text("path") in {".", "./"} else source.text("path").removeprefix("./").rstrip("/"),
        branch if branch != "HEAD" and literal(Scope({}).read(branch)) else "",
        values,
    )


def write_back_of(node: Node, outer: WriteBack | None = None) -> WriteBack:
    """Read annotations, or a `writeBackConfig` within an outer one."""
    if outer is None:
        said = {
            name: node.text(f"{PREFIX}{name}")
            for name in ("write-back-method", "write-back-target", "git-branch", "git-repository")
        }
        at = node.at(f"{PREFIX}write-back-method" if said["write-back-method"] else f"{PREFIX}image-list")
        return WriteBack(
            at,
            said["write-back-method"] or "argocd",
            said["write-back-target"],
            said["git-branch"],
            repository_of(said["git-repository"]),
        )
    if not node:
        return outer
    git = node.node("gitConfig")
    asked = next(iter(git.node("pullRequest").keys()), "")
    return WriteBack(
        node.at("method") if "method" in node else outer.at,
        node.text("method") or outer.method,
        git.text("writeBackTarget") or outer.target,
        git.text("branch") or outer.branch,
        repository_of(git.text("repository")) or outer.repository,
        asked or outer.pull_request,
    )


def watched_of(node: Node, listed: str, layers: tuple[Node, ...] = ()) -> Watched:
    """Read one entry of `image-list` with its annotations, or one of `images` with the layers that it lies in."""
    if not layers:
        return _annotated(node, listed)

    def common(key: str) -> str:
        inner = (layer.node("commonUpdateSettings") for layer in layers)
        return next((", ".join(one.texts(key)) for one in inner if key in one), "")

    helm, kustomize = node.node("manifestTargets").node("helm"), node.node("manifestTargets").node("kustomize")
    return Watched(
        node.at("imageName"),
        node.text("alias"),
        node.text("imageName"),
        common("updateStrategy") or "semver",
        common("allowTags"),
        common("ignoreTags"),
        common("pullSecret"),
        helm.text("tag") or "image.tag",
        helm.text("name"),
        helm.text("spec"),
        kustomize.text("name"),
        common("platforms"),
    )


def _annotated(notes: Node, listed: str) -> Watched:
    alias, equals, image = listed.partition("=")
    alias, image = (alias, image) if equals else ("", listed)
    key = alias.replace("/", "_")

    def said(name: str, *, everywhere: bool = True) -> str:
        own = notes.text(f"{PREFIX}{key}.{name}") if key else ""
        return own or (notes.text(f"{PREFIX}{name}") if everywhere else "")

    return Watched(
        notes.at(f"{PREFIX}image-list"),
        alias,
        image,
        said("update-strategy") or "semver",
        said("allow-tags"),
        said("ignore-tags"),
        said("pull-secret"),
        said("helm.image-tag", everywhere=False) or "image.tag",
        said("helm.image-name", everywhere=False),
        said("helm.image-spec", everywhere=False),
        said("kustomize.image-name", everywhere=False),
        said("platforms", everywhere=False),
    )
