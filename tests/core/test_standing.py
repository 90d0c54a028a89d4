"""Which image stands in a values file is read where the target says that images stand, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from service.adapters.kinds import kinds
from service.core.config import Target, load
from service.core.edits import resolve_values
from service.core.images import ImageReference
from service.core.standing import Made, Standing, standing_images
from service.core.values import rewrite
from service.core.words import Digest, Sha

NEW, DEPLOYED = Sha("a" * 40), Sha("b" * 40)


def digest(character: str) -> Digest:
    return Digest("sha256:" + character * 64)


def image(tag: str, character: str, repository: str = "checkout") -> ImageReference:
    return ImageReference("registry.example", repository, tag, digest(character))


def target(written: Mapping[str, str], *, tag: str = "{short_sha}", names: tuple[str, ...] = ()) -> Target:
    """Give a target that writes these values paths."""
    said = ", ".join(f'{path}: "{value}"' for path, value in written.items())
    images = f"    images: {{{', '.join(f'{name}: {{}}' for name in names)}}}\n" if names else ""
    found = load(
        "environments: {dev: {branch: main}}\napplications:\n  checkout:\n    source: acme/checkout\n"
        f'    registry: registry.example\n    tag: "{tag}"\n{images}    values: [{{file: v.yaml, set: {{{said}}}}}]\n',
        kinds=kinds(),
    ).target("checkout", "dev")
    assert found is not None
    return found


def standing(
    written: Mapping[str, str], there: Mapping[str, str], images: Mapping[str, ImageReference] | None = None, **how: str
) -> list[tuple[str, str, str, str]]:
    """Give the images in a file (name, digest, tag, commit) that an edit would replace."""
    images = images or {"": image(NEW[:12], "1")}
    names = tuple(name for name in images if name)
    aim = target(written, names=names, **how)
    text = "".join(f'{path}: "{value}"\n' for path, value in there.items())
    wanted = resolve_values(aim, images, commit=NEW, branch="main")
    done = rewrite(lambda _: text.encode(), wanted)
    found = standing_images(aim, done.changes, images)
    return [(one.name, one.digest or "", one.tag, one.commit) for one in found]


BOTH = {"tag": "{tag}", "digest": "{digest}"}


@pytest.mark.parametrize(
    ("written", "there", "found"),
    [
        (BOTH, {"tag": "b" * 12, "digest": digest("2")}, [("", digest("2"), "", "")]),
        (BOTH, {"tag": "", "digest": digest("0")}, []),
        (BOTH, {"tag": "b" * 12, "digest": digest("0")}, []),
        (BOTH, {"tag": "other", "digest": digest("1")}, []),
        (BOTH, {"tag": "b" * 12, "digest": ""}, [("", "", "b" * 12, "b" * 12)]),
        (BOTH, {"tag": "", "digest": ""}, []),
        (BOTH, {"tag": "unreleased", "digest": ""}, []),
        (BOTH, {"tag": "unreleased", "digest": digest("0")}, []),
        (BOTH, {"tag": "unreleased", "digest": digest("2")}, [("", digest("2"), "", "")]),
        ({"tag": "{short_sha}"}, {"tag": "unreleased"}, []),
        ({"tag": "{short_sha}"}, {"tag": ""}, []),
        ({"image": "{image}"}, {"image": "r.example/c:unreleased"}, []),
        ({"tag": "{tag}"}, {"tag": "b" * 12}, [("", "", "b" * 12, "b" * 12)]),
        ({"tag": "{tag}"}, {"tag": "b" * 7}, [("", "", "b" * 7, "b" * 7)]),
        ({"tag": "{tag}"}, {"tag": "v1.2"}, [("", "", "v1.2", "")]),
        ({"tag": "{tag}"}, {"tag": f"v1@{digest('2')}"}, [("", digest("2"), "", "")]),
        ({"tag": "{tag}"}, {"tag": "what is this?"}, [("", "", "", "")]),
        ({"tag": "{tag}", "note": "{short_sha}"}, {"tag": "v1", "note": "b" * 12}, [("", "", "v1", "")]),
        ({"tag": "{short_sha:7}"}, {"tag": "b" * 7}, [("", "", "b" * 7, "b" * 7)]),
        ({"tag": "rel-{short_sha}-x"}, {"tag": f"rel-{'b' * 12}-x"}, [("", "", f"rel-{'b' * 12}-x", "b" * 12)]),
        ({"tag": "{sha}"}, {"tag": DEPLOYED}, [("", "", DEPLOYED, DEPLOYED)]),
        ({"image": "{image}"}, {"image": f"r.example:5000/c:x@{digest('2')}"}, [("", digest("2"), "", "")]),
        ({"image": "{image}"}, {"image": "r.example:5000/shop/c:v1"}, [("", "", "v1", "")]),
        ({"image": "{image}"}, {"image": "r.example:5000/shop/c"}, [("", "", "", "")]),
        ({"image": "checkout:{tag}"}, {"image": "checkout:v1"}, [("", "", "v1", "")]),
        ({"image": "{repository}:{tag}"}, {"image": "other.example/x:v1"}, [("", "", "v1", "")]),
        ({"image": "{tag}@{digest}"}, {"image": f"v1@{digest('2')}"}, [("", digest("2"), "", "")]),
        ({"a": "{digest}", "b": "{digest}"}, {"a": digest("2"), "b": digest("3")}, [
            ("", digest("2"), "", ""), ("", digest("3"), "", ""),
        ]),
        ({"a": "{digest}", "b": "{digest}"}, {"a": digest("2"), "b": digest("2")}, [("", digest("2"), "", "")]),
        ({"a": "{digest}", "b": "{digest}"}, {"a": digest("1"), "b": digest("3")}, [("", digest("3"), "", "")]),
        ({"repository": "{repository}"}, {"repository": "other.example/checkout"}, []),
        ({"branch": "{branch}"}, {"branch": "develop"}, []),
    ],
)  # fmt: skip
def test_the_placeholders_say_what_stands_at_their_path(
    written: Mapping[str, str], there: Mapping[str, str], found: list[tuple[str, str, str, str]]
) -> None:
    assert standing(written, there) == found


def test_a_text_that_looks_like_an_image_elsewhere_is_none() -> None:
    """A label, or a digest of something else, is at a path to which no placeholder of an image is written."""
    written = {"digest": "{digest}", "label": "chart-v1", "base": "from {branch}"}
    there = {"digest": digest("2"), "label": digest("3"), "base": digest("4")}

    assert standing(written, there) == [("", digest("2"), "", "")]


def test_each_of_several_images_is_read_at_its_own_paths() -> None:
    images = {"web": image(NEW[:12], "1", "web"), "api": image(NEW[:12], "2", "api")}
    written = {"web": "{web.digest}", "api": "{api.image}", "apiTag": "{api.tag}"}
    there = {"web": digest("1"), "api": f"r.example/api:v7@{digest('7')}", "apiTag": "v7"}

    assert standing(written, there, images) == [("api", digest("7"), "", "")]


@pytest.mark.parametrize(
    ("tag", "there", "commit"),
    [
        ("{branch}-{short_sha}", f"release-1-{'b' * 12}", "b" * 12),
        ("{short_sha:7}", "b" * 7, "b" * 7),
        ("v-{sha}", f"v-{DEPLOYED}", DEPLOYED),
        ("v-{short_sha}", "b" * 12, ""),
        ("{short_sha}", "b" * 6, ""),
    ],
)
def test_the_tag_names_the_commit_where_its_template_says_so(tag: str, there: str, commit: str) -> None:
    assert standing({"tag": "{tag}"}, {"tag": there}, tag=tag) == [("", "", there, commit)]


@pytest.mark.parametrize("text", ["x" * 100_000, "/" * 1_000, "a:" * 500, ":" * 1_000, "a" * 1_000 + "@"])
def test_a_text_that_was_made_to_take_long_is_read_at_once(text: str) -> None:
    assert standing({"i": "{registry}/{repository}:{tag}@{digest}"}, {"i": text}) == [("", "", "", "")]


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (Standing("", "", digest=digest("2")), True),
        (Standing("", "", digest=digest("3")), False),
        (Standing("", "", tag="v1.2"), True),
        (Standing("", "", tag="v1.2.3"), False),
        (Standing("", "", tag="v1"), False),
        (Standing("", "", tag="b" * 7, commit="b" * 7), True),
        (Standing("", "", commit="b" * 11 + "c"), False),
        (Standing("", "bbbbbbb"), False),
    ],
)
def test_images_are_known_by_digest_tag_or_commit(standing: Standing, *, told: bool) -> None:
    assert Made(DEPLOYED, (image("v1.2", "2"), image("v7", "4", "web"))).has(standing) is told
