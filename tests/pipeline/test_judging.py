"""What is in a registry is judged by its labels, its platforms and its tree together. Nothing is looked up."""

from __future__ import annotations

import pytest

from service.adapters.registries import oci
from service.core.config import ImageTarget
from service.core.images import Image, ImageReference, PlatformImage
from service.core.words import Digest, Repository, Sha
from service.pipeline.build.judging import is_whole_and_of, judge

OURS, OTHER, TREE = Sha("4f2c1e9ab012" + "0" * 28), "f" * 40, "tree-1"
SOURCE = Repository("acme/checkout")
AMD, ARM = "linux/amd64", "linux/arm64"


def part(
    platform: str, revision: str | None = OURS, *, tree: str | None = None, source: str | None = None
) -> PlatformImage:
    digest = Digest(f"sha256:{len(platform):064x}")
    return PlatformImage(platform, digest, 10, revision, source, tree)


def found(*parts: PlatformImage, absent: tuple[str, ...] = ()) -> Image:
    first = next((one for one in parts if one.revision), parts[0])
    platforms = tuple(one.platform for one in parts if one.platform)
    return Image(
        ImageReference("r.test", "checkout", "t"), Digest("sha256:" + "0" * 64), platforms,
        first.revision, first.source, first.tree, parts, absent,
    )  # fmt: skip


def target(*platforms: str) -> ImageTarget:
    options = oci.Options(host="r.test")
    return ImageTarget(
        "", "oci", "r.test", options, "checkout", "{short_sha}", "external", options, platforms=platforms
    )


@pytest.mark.parametrize(
    ("image", "ours", "other"),
    [
        (found(part(AMD), part(ARM)), True, ""),
        (found(part(AMD), part(ARM, OURS[:7])), True, ""),
        (found(part(AMD), part(ARM, None)), True, ""),
        (found(part(AMD, None), part(ARM, None)), False, ""),
        (found(part(AMD), part(ARM, OTHER, source="https://github.com/debian/base")), True, ""),
        (found(part(AMD), part(ARM, "v1.2.3")), True, ""),
        (found(part(AMD), part(ARM, OTHER)), False, f"has an image for {ARM}"),
        (found(part(AMD, OTHER), part(ARM)), False, "was made of commit"),
        (found(part(AMD, OTHER)), False, "was made of commit"),
    ],
)
def test_every_platform_has_a_say_about_the_commit(image: Image, ours: bool, other: str) -> None:
    judged = judge(image, target(), OURS, SOURCE)
    assert (judged.ours, judged.other.startswith(other), bool(judged.other)) == (ours, True, bool(other))


def test_image_of_the_same_tree_is_as_good_and_tells_for_whom_it_was_made() -> None:
    image = found(part(AMD, OTHER, tree=TREE), part(ARM, OTHER, tree=TREE))
    judged = judge(image, target(), OURS, SOURCE, tree=TREE)
    assert (judged.other, judged.ours, judged.made_for) == ("", False, OTHER)


def test_one_platform_of_another_tree_makes_it_another_image() -> None:
    image = found(part(AMD, OTHER, tree=TREE), part(ARM, "e" * 40, tree="tree-2"))
    assert f"has an image for {ARM}" in judge(image, target(), OURS, SOURCE, tree=TREE).other


def test_image_of_our_record_needs_no_label() -> None:
    assert judge(found(part(AMD, OTHER)), target(), OURS, SOURCE, same=True).other == ""


@pytest.mark.parametrize(
    ("platforms", "image", "lacks"),
    [
        ((), found(part(AMD)), ""),
        ((AMD,), found(part(AMD), part(ARM)), ""),
        ((AMD, ARM), found(part(AMD)), f"{ARM} is missing; it has {AMD}"),
        ((AMD, ARM, "linux/s390x"), found(part(AMD)), f"{ARM} and linux/s390x are missing; it has {AMD}"),
        ((AMD,), found(part("")), f"{AMD} is missing"),
        ((), found(part(AMD), absent=(ARM,)), f"{ARM} is missing; it has {AMD}"),
    ],
)
def test_what_is_lacking_is_named(platforms: tuple[str, ...], image: Image, lacks: str) -> None:
    judged = judge(image, target(*platforms), OURS, SOURCE)
    assert judged.lacks == lacks
    assert is_whole_and_of(image, target(*platforms), OURS, SOURCE, tree="") is not bool(lacks)


def test_waiting_ends_for_an_image_of_another_commit_but_not_where_it_may_have_the_same_tree() -> None:
    assert judge(found(part(AMD, OTHER)), target(ARM), OURS, SOURCE).is_final
    assert not judge(found(part(AMD, OTHER, tree=TREE)), target(ARM), OURS, SOURCE).is_final
