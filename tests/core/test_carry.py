"""What goes along with a release: which values are read upstream, and which are refused."""

from __future__ import annotations

import pytest

from service.core.carry import Carried, FilePair, read_carried
from service.core.values import FileEdit, ValueEdit
from service.core.words import RunId, Sha
from service.errors import ValuesEditError

TEXT = """\
replicas: 3  # three
features: {x: true, "y.z": text}
base: &base {cpu: 2}
also: *base
merged:
  <<: *base
hosts: [a, b]
nothing:
sealed: ENC[AES256_GCM,data:x]
database: {password: hunter2, url: "postgres://me:secret@db/x"}
"""


def read(*paths: str) -> tuple[object, object]:
    return read_carried(paths, [FilePair("stage.yaml", None, "other.yaml"), FilePair("up.yaml", TEXT, "down.yaml")])


def test_scalars_keep_their_types_and_mappings_go_value_by_value() -> None:
    values, absent = read("replicas", "features", "also", "gone.path")
    assert values == (
        ("down.yaml", "replicas", 3), ("down.yaml", "features.x", True), ("down.yaml", 'features."y.z"', "text"),
        ("down.yaml", "also.cpu", 2),
    )  # fmt: skip
    assert absent == ("gone.path",)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("hosts", "is a list"),
        ("nothing", "is null"),
        ("sealed", "is encrypted"),
        ("merged", "has a `<<`"),
        ("database", "looks like a secret"),
        ("database.url", "looks like a secret"),
    ],
)
def test_what_cannot_go_along_is_refused_with_its_place(path: str, words: str) -> None:
    with pytest.raises(ValuesEditError, match=words) as refused:
        read(path)
    assert refused.value.code == "carry-refused"
    assert "up.yaml" in str(refused.value)


def test_what_is_kept_in_the_store_reads_back_and_is_written_with_new_keys() -> None:
    carried = Carried("stage", RunId("r"), Sha("a" * 40), (("f", "replicas", 3), ("f", "x.y", "1")), ("z",))
    assert Carried.read(carried.stored()) == carried
    assert carried.edits == (FileEdit("f", (ValueEdit("replicas", 3), ValueEdit("x.y", "1")), create=True),)
    assert carried.words == f"carried from stage at {'a' * 12}: replicas, x.y; z: nothing there, so it stays as it is"
