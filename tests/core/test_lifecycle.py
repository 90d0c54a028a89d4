"""Images in use outlive ECR's lifecycle rules, and no tag is touched but ours. The model of the rules is AWS's own."""

from __future__ import annotations

from typing import Any

import pytest

from service.core.lifecycle import is_ours, keep_tag, kept_for, policy, tag_changes
from service.core.words import Digest
from tests.fixtures.ecr_lifecycle import PolicyError, Stored, check, expired


def digest(number: int) -> Digest:
    return Digest(f"sha256:{number:064x}"[:7] + f"{number:012x}" + "0" * 52)


def rule(
    priority: int, tags: list[str] | None, *, status: str = "tagged", days: int = 0, count: int = 0
) -> dict[str, Any]:
    selection: dict[str, Any] = {"tagStatus": status}
    if tags is not None:
        selection["tagPrefixList"] = tags
    counted = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    selection |= counted if days else {"countType": "imageCountMoreThan", "countNumber": count}
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


# --- the model, by https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html ---

BETA_AND_PROD = [
    Stored("A", ("beta-1", "prod-1"), 10),
    Stored("B", ("beta-2", "prod-2"), 9),
    Stored("C", ("beta-3",), 8),
]
ALPHA_AND_BETA = [
    Stored("A", ("alpha-1",), 12),
    Stored("B", ("beta-1",), 11),
    Stored("C", ("alpha-2", "beta-2"), 10),
    Stored("D", ("alpha-3",), 4),
    Stored("E", ("beta-3",), 3),
    Stored("F", ("alpha-4", "beta-4"), 2),
]
ALL = [Stored("A", ("alpha-1",), 4), Stored("B", ("beta-1",), 3), Stored("C", (), 2), Stored("D", ("alpha-2",), 1)]


@pytest.mark.parametrize(
    ("rules", "images", "gone"),
    [
        ([rule(1, ["prod"], count=1), rule(2, ["beta"], count=1)], BETA_AND_PROD, {"A"}),
        ([rule(1, ["beta"], count=1), rule(2, ["prod"], count=1)], BETA_AND_PROD, {"A", "B"}),
        ([rule(1, ["alpha", "beta"], days=5)], ALPHA_AND_BETA, {"C"}),
        ([rule(1, ["alpha", "beta"], count=1)], ALPHA_AND_BETA, {"C"}),
        ([rule(1, ["alpha"], count=1), rule(2, None, status="any", count=1)], ALL, {"A", "B", "C"}),
        ([rule(1, None, status="untagged", count=1)], [Stored("A", (), 2), Stored("B", (), 1)], {"A"}),
        ([rule(1, None, status="untagged", days=14)], [Stored("A", (), 15), Stored("B", ("t",), 15)], {"A"}),
    ],
)
def test_model_expires_what_the_documentation_says(
    rules: list[dict[str, Any]], images: list[Stored], gone: set[str]
) -> None:
    assert expired({"rules": rules}, images) == gone


@pytest.mark.parametrize(
    "rules",
    [
        [rule(1, None, status="any", count=1), rule(2, ["a"], count=1)],
        [rule(1, ["a"], count=1), rule(1, ["b"], count=1)],
        [rule(1, None, count=1)],
        [rule(1, ["a"], status="untagged", count=1)],
    ],
)
def test_model_refuses_what_the_documentation_forbids(rules: list[dict[str, Any]]) -> None:
    with pytest.raises(PolicyError):
        check({"rules": rules})


# --- our policy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [None, 14])
@pytest.mark.parametrize("newest", [None, 1, 50])
def test_our_policy_is_one_that_ecr_takes(days: int | None, newest: int | None) -> None:
    made = policy(expire_untagged_days=days, keep_newest=newest)
    check(made)
    assert is_ours(made)


def test_image_in_use_is_spared_however_old_it_is() -> None:
    used = keep_tag("prod", digest(7))
    images = [Stored("used", ("v1", used), 900), *(Stored(f"new{n}", (f"v{n}",), n) for n in range(2, 6))]
    assert expired(policy(keep_newest=2), images) == {"new4", "new5"}


def test_image_that_is_used_no_longer_expires_as_others() -> None:
    images = [Stored("old", ("v1",), 900), *(Stored(f"new{n}", (f"v{n}",), n) for n in range(2, 4))]
    assert expired(policy(keep_newest=2), images) == {"old"}


def test_untagged_images_expire_by_age_and_are_not_counted_with_the_newest() -> None:
    images = [Stored("child", (), 3), Stored("older", (), 20), Stored("v1", ("v1",), 5), Stored("v2", ("v2",), 30)]
    assert expired(policy(expire_untagged_days=14, keep_newest=2), images) == {"older"}


def test_many_images_in_use_are_all_spared() -> None:
    images = [Stored(str(n), (keep_tag("prod", digest(n)),), n) for n in range(500)]
    assert expired(policy(expire_untagged_days=1, keep_newest=1), images) == set()


def test_policy_of_somebody_else_is_not_ours() -> None:
    made = policy(keep_newest=5)
    mixed = {"rules": [*made["rules"], {"rulePriority": 9, "description": "mine"}]}
    assert not is_ours(mixed)
    assert not is_ours({"rules": []})


# --- tags ----------------------------------------------------------------------------------------------


def test_tag_names_environment_and_digest() -> None:
    assert keep_tag("prod-eu", Digest("sha256:0a1b2c3d4e5f" + "9" * 52)) == "keep-prod-eu-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    ("tag", "environment"),
    [
        (keep_tag("prod", digest(1)), "prod"),
        (keep_tag("prod-eu_1", digest(1)), "prod-eu_1"),
        (keep_tag("prod", digest(2)), ""),
        ("keep-forever", ""),
        ("keep-prod", ""),
        ("v1", ""),
        (f"x{keep_tag('prod', digest(1))}", ""),
    ],
)
def test_only_a_tag_that_names_its_own_image_is_ours(tag: str, environment: str) -> None:
    assert kept_for(tag, digest(1)) == environment


def test_tags_move_with_what_is_in_use() -> None:
    before, after = keep_tag("prod", digest(1)), keep_tag("prod", digest(2))
    there = {digest(1): {"v1", before}, digest(2): {"v2"}}
    changes = tag_changes({after: digest(2)}, there, {"prod"})
    assert (changes.add, changes.remove) == (((after, digest(2)),), (before,))


def test_what_is_as_it_should_be_is_left() -> None:
    tag = keep_tag("prod", digest(1))
    changes = tag_changes({tag: digest(1)}, {digest(1): {"v1", tag}}, {"prod"})
    assert (changes.add, changes.remove) == ((), ())


def test_tags_of_environments_that_were_not_read_stay() -> None:
    tag = keep_tag("stage", digest(1))
    assert tag_changes({}, {digest(1): {"v1", tag}}, {"prod"}).remove == ()


def test_last_tag_of_an_image_stays_because_the_image_would_go_with_it() -> None:
    tag = keep_tag("prod", digest(1))
    assert tag_changes({}, {digest(1): {tag}}, {"prod"}).remove == ()
    both = {tag, keep_tag("dev", digest(1))}
    assert tag_changes({}, {digest(1): both}, {"prod", "dev"}).remove == ()


def test_image_that_is_not_there_gets_no_tag() -> None:
    assert tag_changes({keep_tag("prod", digest(1)): digest(1)}, {}, {"prod"}).add == ()


def test_tags_of_people_stay_whatever_they_look_like() -> None:
    there = {digest(1): {"v1", "keep-forever", keep_tag("prod", digest(2))}}
    assert tag_changes({}, there, {"prod", "forever"}).remove == ()
