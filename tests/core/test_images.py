"""Image references and tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.images import ImageReference, is_tag, parse_reference, tag_for
from service.core.words import Digest, Sha

COMMIT = Sha("4f2c1e9ab012" + "d" * 28)
DIGEST = Digest("sha256:" + "1" * 64)


@pytest.mark.parametrize(
    ("template", "branch", "tag"),
    [
        ("{short_sha}", "main", "4f2c1e9ab012"),
        ("{short_sha:7}", "main", "4f2c1e9"),
        ("v-{sha}", "main", f"v-{COMMIT}"),
        ("{branch}-{short_sha}", "feature/x", "feature-x-4f2c1e9ab012"),
        ("{branch}-{short_sha}", "-x", "x-4f2c1e9ab012"),
        ("{branch}-{short_sha}", "grün/✓", "gr-n--4f2c1e9ab012"),
    ],
)
def test_tag_is_rendered_from_its_template(template: str, branch: str, tag: str) -> None:
    assert tag_for(template, commit=COMMIT, branch=branch) == tag


@given(st.text(min_size=1, max_size=300))
def test_tag_of_any_branch_is_a_tag_that_keeps_the_commit(branch: str) -> None:
    tag = tag_for("{branch}-{short_sha}", commit=COMMIT, branch=branch)
    assert is_tag(tag)
    assert tag.endswith(COMMIT[:12])


def test_reference_is_written_with_tag_and_digest() -> None:
    digest = Digest("sha256:" + "0" * 64)
    assert str(ImageReference("r.test", "a/b", "t", digest)) == f"r.test/a/b:t@{digest}"
    assert str(ImageReference("r.test", "a/b", "t")) == "r.test/a/b:t"


@pytest.mark.parametrize(
    "reference",
    [
        ImageReference("123456789012.dkr.ecr.us-east-1.amazonaws.com", "checkout", "4f2c1e9ab012", DIGEST),
        ImageReference("localhost:5000", "team/checkout", "v1.2_3-x", DIGEST),
    ],
)
def test_a_whole_reference_is_read_back(reference: ImageReference) -> None:
    assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize("text", ["", "checkout:1", f"checkout@{DIGEST}", f"r/checkout:1@{DIGEST}0", f"r/c:-@{DIGEST}"])
def test_what_is_no_whole_reference_is_none(text: str) -> None:
    assert parse_reference(text) is None
