"""What the placeholders of a values entry become when the images are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.kinds import kinds
from service.core.config import Target, load
from service.core.config.placeholders import check_placeholders, parse, render, render_known
from service.core.config.texts import TextError
from service.core.edits import resolve_values
from service.core.images import ImageReference
from service.core.values import FileEdit, ValueEdit
from service.core.words import Digest, Sha

COMMIT = Sha("4f2c1e9ab01234567890abcdef1234567890abcd")
DIGEST = Digest("sha256:" + "0a" * 32)
GOOD = Path(__file__).parents[2] / "data" / "config" / "good"


def target(name: str, application: str, environment: str) -> Target:
    found = load((GOOD / f"{name}.yaml").read_bytes(), kinds=kinds()).target(application, environment)
    assert found is not None
    return found


def test_the_only_image_goes_by_bare_placeholders() -> None:
    reference = ImageReference("registry.example.com", "checkout", "4f2c1e9ab012", DIGEST)

    edits = resolve_values(target("design", "checkout", "dev"), {"": reference}, commit=COMMIT, branch="develop")

    assert edits == (
        FileEdit(
            "apps/checkout/values-dev.yaml",
            (
                ValueEdit("image.repository", "registry.example.com/checkout"),
                ValueEdit("image.tag", "4f2c1e9ab012"),
                ValueEdit("image.digest", DIGEST),
            ),
        ),
    )


def test_several_images_go_by_their_names() -> None:
    images = {
        name: ImageReference("registry.example.com", f"recommender-{name}", "4f2c1e9ab012", DIGEST)
        for name in ("web", "predict")
    }

    edits = resolve_values(target("design", "recommender", "prod"), images, commit=COMMIT, branch="release/1")

    assert edits[0].edits == (
        ValueEdit("web.image.tag", "4f2c1e9ab012"),
        ValueEdit("predict.image", f"registry.example.com/recommender-predict:4f2c1e9ab012@{DIGEST}"),
    )


def test_everything_else_is_written_as_configured() -> None:
    reference = ImageReference("r.example.com", "shop/cart", "t", DIGEST)

    (edit,) = resolve_values(target("monorepo", "cart", "dev"), {"": reference}, commit=COMMIT, branch="feature/x")

    assert edit.create
    written = {entry.path: entry.value for entry in edit.edits}
    assert written['annotations."mergeport.io/commit"'] == COMMIT
    assert written['annotations."mergeport.io/branch"'] == "feature/x"
    assert written["literal"] == "{not a placeholder}"
    assert [(written[path], type(written[path])) for path in ("replicas", "ratio", "enabled", "code")] == [
        (3, int),
        (0.5, float),
        (True, bool),
        ("0123", str),
    ]


def test_an_image_without_a_digest_is_never_written() -> None:
    reference = ImageReference("registry.example.com", "checkout", "4f2c1e9ab012")

    with pytest.raises(ValueError, match="has no digest yet"):
        resolve_values(target("design", "checkout", "dev"), {"": reference}, commit=COMMIT, branch="develop")


def test_a_short_sha_has_twelve_characters_or_as_many_as_asked() -> None:
    values = {"sha": COMMIT, "short_sha": COMMIT[:12]}

    assert render("{short_sha} {short_sha:7} {sha}", values) == f"4f2c1e9ab012 4f2c1e9 {COMMIT}"


def test_text_from_outside_is_never_read_as_a_placeholder() -> None:
    assert render("{branch}", {"branch": "feature/{sha}", "sha": COMMIT}) == "feature/{sha}"


def test_what_is_not_known_yet_is_left_as_it_is() -> None:
    assert render_known("{application}/{tag} {{application}}", {"application": "cart"}) == "cart/{tag} {{application}}"


@given(st.text(max_size=30))
def test_a_text_with_its_braces_doubled_comes_out_as_it_was(text: str) -> None:
    assert render(text.replace("{", "{{").replace("}", "}}"), {}) == text


@given(st.text(alphabet="{}ab:1.", max_size=12))
def test_a_template_is_refused_or_renders_wholly(template: str) -> None:
    try:
        check_placeholders(template, ["a", "b", "a.b"])
    except TextError:
        return

    assert "?" not in render(template, {"a": "1", "b": "2", "a.b": "3"})
    assert all(isinstance(piece, str) or str(piece) in template for piece in parse(template))
