"""What will be different after argocd-image-updater, in words; and the tag that a filter of tags means. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.core.importing.findings import Difference, Tool
from service.core.importing.pieces import varies
from service.core.importing.updater_settings import Application, Watched, WriteBack
from service.core.importing.variables import Scope

_HEXADECIMAL = re.compile(
    r"\^?(?P<before>[\w.-]*?)\(?\[(?:0-9a-f|a-f0-9|0-9a-fA-F|a-fA-F0-9|0-9a-z|a-z0-9)\]\{(?P<length>\d+)\}\)?(?P<after>[\w.-]*)\$?"
)
_SHORTEST, _FULL = 7, 40
STRATEGIES = {
    "semver": ("semver", "deploys the highest version{constraint}"),
    "latest": ("newest-build", "deploys the image that was built last"),
    "newest-build": ("newest-build", "deploys the image that was built last"),
    "name": ("alphabetical", "deploys the tag that is last in the alphabet"),
    "alphabetical": ("alphabetical", "deploys the tag that is last in the alphabet"),
}


def tag_of(filter_of_tags: str) -> str:
    """Give the template that a filter such as `regexp:^main-[0-9a-f]{7}$` means; empty if it is not of a commit."""
    found = _HEXADECIMAL.fullmatch(filter_of_tags.strip().removeprefix("regexp:"))
    if found is None or not _SHORTEST <= int(found["length"]) <= _FULL:
        return ""
    length = int(found["length"])
    return f"{found['before']}{'{sha}' if length == _FULL else f'{{short_sha:{length}}}'}{found['after']}"


def about_image(one: Watched) -> Iterator[Difference]:
    """Tell what is different in how a version is chosen."""
    constraint = _constraint(one.image)
    if one.strategy == "digest":
        yield _told(
            one,
            "digest",
            f"deploys `{one.image}` anew whenever its tag moves",
            "`redeploy: true` brings a tag that was pushed again, where the values file has the digest",
            "where the chart takes `{digest}`, and whether the pipeline can push a tag with the commit in it",
        )
    else:
        kind, was = STRATEGIES.get(one.strategy, ("strategy", f"chooses by the strategy {one.strategy}"))
        within = f" within `{constraint}`" if constraint else ""
        yield _told(
            one,
            kind,
            was.format(constraint=within),
            "Mergeport deploys the image of the newest merge, never an older commit over a newer one",
            "which branch stands for these versions; an image that you do not build stays with the old tool"
            if kind == "semver"
            else "",
        )
    yield from _about_filters(one)


def _about_filters(one: Watched) -> Iterator[Difference]:
    """Tell what is different in which images are looked at, and with which credentials."""
    if one.allow_tags and not tag_of(one.allow_tags):
        yield _told(
            one,
            "allow-tags",
            f"takes only tags that fit `{one.allow_tags}`",
            "Mergeport waits for exactly one tag, which it makes of the commit",
            "the tag that the pipeline pushes",
        )
    if one.ignore_tags:
        yield _told(
            one,
            "ignore-tags",
            f"leaves out the tags {one.ignore_tags}",
            "Mergeport looks at no other tag than the commit's",
        )
    if one.platforms:
        yield _told(
            one,
            "platforms",
            f"takes images of the platforms {one.platforms}",
            "`platforms` waits until the image has all of those that it lists",
            "which platforms the image has to have",
        )
    if one.pull_secret:
        yield _told(
            one,
            "pull-secret",
            f"reads the registry with {one.pull_secret.partition('#')[0]}",
            "Mergeport reads it with credentials of its own: a role for ECR, else settings",
            "which credentials Mergeport gets; those of the cluster stay for pulling",
        )


def about_write_back(application: Application, written: WriteBack) -> Iterator[Difference]:
    """Tell what is different in where the version is written."""
    name = application.name or "the Application"
    if not written.is_git:
        yield _written(
            written,
            "write-back-argocd",
            f"sets parameters in {name} itself, which Git does not show",
            "Mergeport writes to a file in Git",
            "move the parameters into the values file and take them out of the Application: they would win over it",
        )
    elif not written.target:
        yield _written(
            written,
            "write-back-file",
            f"writes .argocd-source-{application.name or 'NAME'}.yaml beside the chart",
            "Mergeport writes to the values file or the kustomization",
            "move what that file says into it and delete it: it would win over it",
        )
    branch, colon, push = written.branch.partition(":")
    if colon:
        yield _written(
            written,
            "branch-template",
            f"pushes to the branch `{push}`",
            "`publish: pull-request`: Mergeport opens one from a branch of its own and rolls it forward",
            "whether a person merges it, or `auto_merge`",
        )
    elif varies(Scope({}).read(branch)):
        yield _written(
            written,
            "branch-varies",
            f"writes to a branch that is computed: `{branch}`",
            "Mergeport writes to one branch",
            "which branch it is",
        )
    if written.pull_request not in {"", "github"}:
        yield _written(
            written,
            "not-github",
            f"opens its pull requests at {written.pull_request}",
            "Mergeport works with GitHub",
            "whether the repositories move",
        )


def _constraint(image: str) -> str:
    head, colon, tail = image.rpartition(":")
    return tail if colon and "/" not in tail and head else ""


def _told(one: Watched, kind: str, was: str, now: str, decide: str = "") -> Difference:
    return Difference(one.at, Tool.IMAGE_UPDATER, kind, was, now, decide)


def _written(written: WriteBack, kind: str, was: str, now: str, decide: str = "") -> Difference:
    return Difference(written.at, Tool.IMAGE_UPDATER, kind, was, now, decide)
