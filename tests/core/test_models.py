"""Model versions: their names, their order, and what trailers keep of them."""

from __future__ import annotations

from service.core import trailers
from service.core.artifacts import images_in, kept_from, models_in, reference_from, told_in, trailers_carried
from service.core.images import ImageReference
from service.core.models import (
    commit_of,
    is_model,
    model_reference,
    parse_model,
    source_of_model,
    trailer_value,
    version_of,
)
from service.core.order import Relation, relation_of_versions
from service.core.promotion_model import ModelFacts, ModelStory, facts_from, what_the_model_is
from service.core.words import Digest

URI = "mlflow-artifacts:/0/models/m-1/artifacts"
CHECKSUM = f"sha256:{'0a' * 32}"
VERSION = model_reference("mlflow", "fraud scorer", "3", URI, CHECKSUM)
IMAGE = ImageReference("r.test", "web", "1", Digest(f"sha256:{'0b' * 32}"))


def test_another_address_or_checksum_under_the_same_number_is_another_release() -> None:
    same = model_reference("mlflow", "fraud scorer", "3", URI, CHECKSUM)
    others = (
        model_reference("mlflow", "fraud scorer", "3", f"{URI}2", CHECKSUM),
        model_reference("mlflow", "fraud scorer", "3", URI),
        model_reference("other", "fraud scorer", "3", URI, CHECKSUM),
    )
    assert same.digest == VERSION.digest
    assert len({VERSION.digest, *(one.digest for one in others)}) == 4


def test_the_greater_number_is_newer() -> None:
    def relation(base: str, head: str) -> Relation:
        return relation_of_versions(commit_of(base), commit_of(head))

    assert relation("9", "10") is Relation.AHEAD
    assert relation("10", "9") is Relation.BEHIND
    assert relation("3", "03") is Relation.IDENTICAL
    assert relation("3", "x") is Relation.GONE


def test_a_model_is_told_from_code_by_its_source_and_its_commit() -> None:
    source = source_of_model("mlflow", "fraud scorer")
    assert (is_model(source), is_model("acme/checkout")) == (True, False)
    assert (version_of("v3"), version_of("4f" * 20), version_of("version")) == ("3", "", "")


def test_trailers_keep_all_that_a_version_is_recognised_by() -> None:
    assert parse_model(trailer_value(VERSION)) == VERSION
    unchecked = model_reference("mlflow", "fraud scorer", "3", URI)
    assert parse_model(trailer_value(unchecked)) == unchecked
    for broken in (
        "",
        "mlflow/x 3",
        "mlflow/x@a u",
        "x@3 u",
        "mlflow/x@3",
        "mlflow/x@3 u sha256:1",
        "mlflow/x@3 u v w",
    ):
        assert parse_model(broken) is None, broken
    pairs = [
        (trailers.RUN, "r1"), (trailers.APPLICATION, "scorer"), (trailers.ENVIRONMENT, "dev"),
        *trailers_carried([VERSION]),
    ]  # fmt: skip
    told = told_in(pairs)
    assert told is not None
    assert (told.repository, told.commit, told.references, told.whole) == (
        "mlflow:fraud scorer",
        "v3",
        (VERSION,),
        True,
    )
    cut = told_in(pairs[1:])
    assert cut is not None
    assert not cut.whole
    assert told_in(pairs[:3]) is None


def test_what_a_run_keeps_gives_the_same_reference() -> None:
    assert reference_from(kept_from(VERSION)) == VERSION
    assert reference_from(kept_from(IMAGE)) == IMAGE
    assert images_in([VERSION, IMAGE]) == (IMAGE,)
    assert models_in({"a": kept_from(VERSION), "b": kept_from(IMAGE)}) == {"fraud scorer@3"}


def test_the_pull_request_shows_both_versions_and_what_people_wrote_does_nothing() -> None:
    evil = "x](http://e.test) @ada <!-- | ` \n# all"
    new = ModelFacts(
        "4", "https://m.test/4", "r4", "https://m.test/r4", evil, {"auc": 0.93, evil: 1.0, "loss": float("nan")},
        {"depth": "5", evil: evil}, {evil: evil}, (f"train@{evil}",), evil, evil, CHECKSUM,
    )  # fmt: skip
    text = what_the_model_is(ModelStory(new, ModelFacts("3", metrics={"auc": 0.91, "old": 2.0})))
    assert "| `auc` | 0.91 | 0.93 | +0.02 |" in text
    assert "| `old` | 2 |  |  |" in text
    assert "NaN" in text
    assert "`depth=5`" in text
    assert "[`r4`](https://m.test/r4)" in text
    outside_code = "".join(text.split("`")[::2])
    assert "](http://e.test)" not in outside_code
    assert " @ada" not in outside_code
    assert not any(line.startswith("# ") for line in text.splitlines())


def test_thousands_of_metrics_are_bounded_and_nothing_is_no_table() -> None:
    many = ModelFacts("4", metrics={f"metric-{number}": number for number in range(5_000)})
    text = what_the_model_is(ModelStory(many))
    assert len(text) < 8_000
    assert "more" in text
    assert what_the_model_is(ModelStory(facts_from({"tag": "4"}))) == "The version has no metrics."
