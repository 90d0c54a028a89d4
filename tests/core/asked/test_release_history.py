"""Whether a commit of ours wrote what stands in a values file, by everything that a template can write."""

from __future__ import annotations

import pytest

from service.core.asked.release_history import origins_in
from service.core.images import ImageReference
from service.core.words import Digest
from tests.cli.test_history import SOURCE_COMMIT, digest, message

IMAGE = ImageReference("123456789012.dkr.ecr.us-east-1.amazonaws.com", "checkout", "tag-1", Digest(digest(1)))


@pytest.mark.parametrize(
    ("values", "wrote"),
    [
        ([IMAGE.tag, digest(1)], True),
        ([IMAGE.tag], True),
        ([digest(1)], True),
        ([str(IMAGE)], True),
        ([f"{IMAGE.name}:{IMAGE.tag}"], True),
        ([SOURCE_COMMIT[:12]], True),
        ([SOURCE_COMMIT], True),
        ([IMAGE.tag, digest(2)], False),
        (["tag-2"], False),
        (["xtag-1"], False),
        ([SOURCE_COMMIT[:6]], False),
        ([SOURCE_COMMIT[:12], "tag-2"], False),
        ([], False),
    ],
)
def test_what_trailers_say_counts_only_if_it_was_written(values: list[str], wrote: bool) -> None:
    (origin,) = origins_in(message(1))
    assert origin.wrote({("values.yaml", f"path-{number}"): value for number, value in enumerate(values)}) is wrote


@pytest.mark.parametrize("text", ["", "Change it", "Mergeport-Run: 1", "Mergeport-Run: 1\nSource-Commit: main"])
def test_message_that_is_not_ours_says_nothing(text: str) -> None:
    assert origins_in(text) == []
