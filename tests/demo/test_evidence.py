"""The demo's own check of a manifest commit: it lets an image through, and nothing else."""

from __future__ import annotations

import pytest

from devstack.demo.errors import DemoError
from devstack.demo.evidence import check_only_image

BEFORE = """\
# written by people
image:
  repository: registry.example/checkout
  tag: "unreleased"  # for people
  digest: ''
replicas: 2
"""


def test_new_tag_and_digest_are_two_lines() -> None:
    after = BEFORE.replace("unreleased", "4f2c1e9ab012").replace("''", "'sha256:0a'")
    assert check_only_image(BEFORE, after) == 2


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        BEFORE.replace('"unreleased"  # for people', '"4f2c1e9ab012"'),
        BEFORE.replace('"unreleased"  # for', '"4f2c1e9ab012" # for'),
        BEFORE.replace("replicas: 2", "replicas: 3"),
        BEFORE.replace("# written by people\n", ""),
        BEFORE.rstrip("\n"),
        BEFORE.replace("  tag:", "    tag:"),
    ],
    ids=["nothing", "comment-lost", "comment-moved", "other-key", "line-lost", "last-line-end-lost", "indent"],
)
def test_any_other_difference_is_refused(after: str) -> None:
    with pytest.raises(DemoError):
        check_only_image(BEFORE, after)
