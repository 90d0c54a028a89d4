"""The reading of one changed file finds every byte that should not have changed, and only those."""

from __future__ import annotations

import pytest

from tests.race import spans


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"image: {tag: a1, digest: b1}  # a1\r\n", b"image: {tag: '12', digest: b2}  # a1\r\n"),
        (b"\xef\xbb\xbfimage:\n  tag: a1\n  digest: 'b1'", b"\xef\xbb\xbfimage:\n  tag: \"12\"\n  digest: 'b2'"),
    ],
)
def test_only_the_values_and_the_quotes_they_need_may_come(before: bytes, after: bytes) -> None:
    assert list(spans.faults(before, after, {"image.tag": "12", "image.digest": "b2"})) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"image: {tag: 'a1', digest: b1}", b"image: {tag: a2, digest: b2}"),
        (b"image: {tag: 'a1', digest: b1}", b'image: {tag: "a2", digest: b2}'),
        (b"image: {tag: a1, digest: b1}", b"image: {tag:  a2, digest: b2}"),
        (b"image: {tag: a1, digest: b1}\r\n", b"image: {tag: a2, digest: b2}\n"),
        (b"\xef\xbb\xbfimage: {tag: a1, digest: b1}", b"image: {tag: a2, digest: b2}"),
        (b"image: {tag: a1, digest: b1}  # a1", b"image: {tag: a2, digest: b2}  # a2"),
        (b"image: {tag: a1, digest: b1}\nn: 1", b"image: {tag: a2, digest: b2}\nn: 1.0"),
    ],
)
def test_any_other_byte_is_found(before: bytes, after: bytes) -> None:
    assert list(spans.faults(before, after, {"image.tag": "a2", "image.digest": "b2"})) != []
