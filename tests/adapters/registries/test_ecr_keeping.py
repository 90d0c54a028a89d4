"""ECR keeps images in use: tags come and go with use, images stay, and the policy is put when the tags are there."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from service.adapters.ecr_options import Create
from service.adapters.registries.ecr import EcrRegistry, Options
from service.core.lifecycle import keep_tag, policy
from service.core.words import Digest
from service.errors import MergeportError
from tests.contract.registries import ECR_HOST, HandMade, Ministack, TestClock, make_image, push
from tests.fixtures.ecr_lifecycle import Stored, expired

NEWEST = Create(keep_newest=1, expire_untagged_days=14)


def on(ministack: Ministack, create: Create | bool = NEWEST, *, keep_in_use: bool | None = None) -> EcrRegistry:
    options = Options(host=ECR_HOST, create=create, keep_in_use=keep_in_use)
    return EcrRegistry(options, clock=TestClock(), endpoint=ministack.url, reached_at=ministack.host)


@pytest.fixture
def repository(ministack: Ministack) -> str:
    """Make a repository with the images v1, v2 and v3."""
    name = f"team/{uuid4().hex[:10]}"
    on(ministack).ensure_repository(name)
    for version in ("v1", "v2", "v3"):
        push(ministack.pusher(), name, version, image(version))
    return name


def image(version: str) -> HandMade:
    return make_image({"version": version})


def digest(version: str) -> Digest:
    return Digest(image(version).digest)


def tags(ministack: Ministack, name: str) -> dict[str, set[str]]:
    told = ministack.client().describe_images(repositoryName=name)["imageDetails"]
    return {one["imageDigest"]: set(one.get("imageTags", [])) for one in told}


def keep(ministack: Ministack, name: str, *versions: str, create: Create | bool = NEWEST) -> tuple[str, ...]:
    wanted = {keep_tag("prod", digest(version)): digest(version) for version in versions}
    return on(ministack, create).keep_in_use(name, wanted, environments={"prod"})


def policy_of(ministack: Ministack, name: str) -> dict[str, object]:
    text = ministack.client().get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"]
    document: dict[str, object] = json.loads(text)
    return document


def test_image_in_use_gets_its_tag_where_no_tag_may_move(ministack: Ministack, repository: str) -> None:
    keep(ministack, repository, "v1")
    assert tags(ministack, repository)[digest("v1")] == {"v1", keep_tag("prod", digest("v1"))}


def test_tag_moves_with_use_and_no_image_is_lost(ministack: Ministack, repository: str) -> None:
    keep(ministack, repository, "v1")
    keep(ministack, repository, "v2")
    assert tags(ministack, repository) == {
        digest("v1"): {"v1"}, digest("v2"): {"v2", keep_tag("prod", digest("v2"))}, digest("v3"): {"v3"},
    }  # fmt: skip
    assert on(ministack).has(repository, digest("v1"))


def test_nothing_is_done_twice(ministack: Ministack, repository: str) -> None:
    assert len(keep(ministack, repository, "v1")) == 2
    assert keep(ministack, repository, "v1") == ()


def test_image_in_use_outlives_the_policy_that_is_put(ministack: Ministack, repository: str) -> None:
    keep(ministack, repository, "v1")
    there = tags(ministack, repository)
    ages = {"v1": 30.0, "v2": 20.0, "v3": 10.0}
    images = [Stored(version, tuple(there[digest(version)]), age) for version, age in ages.items()]
    assert expired(policy_of(ministack, repository), images) == {"v2"}


def test_new_repository_expires_no_tagged_image_before_its_images_have_tags(
    ministack: Ministack, repository: str
) -> None:
    assert policy_of(ministack, repository) == policy(expire_untagged_days=14)


def test_policy_is_not_put_where_a_tag_could_not_be(ministack: Ministack, repository: str) -> None:
    ministack.ecr.faults.answer("403 Forbidden", method="PUT", path="/manifests/keep-", times=5)
    with pytest.raises(MergeportError):
        keep(ministack, repository, "v1")
    assert policy_of(ministack, repository) == policy(expire_untagged_days=14)


def test_policy_of_somebody_else_is_left_and_told(ministack: Ministack, repository: str) -> None:
    theirs = {
        "rules": [{"rulePriority": 1, "description": "mine", "selection": {"tagStatus": "untagged"}, "action": {}}]
    }
    client = ministack.client()
    client.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps(theirs))
    told = keep(ministack, repository, "v1")
    assert "has a lifecycle policy of somebody else" in told[-1]
    assert policy_of(ministack, repository) == theirs


def test_repository_that_is_not_there_is_left_out(ministack: Ministack) -> None:
    assert keep(ministack, "team/nobody-made-this", "v1") == ()


@pytest.mark.parametrize(
    ("create", "said", "keeps"),
    [
        (True, None, False), (Create(), None, False), (NEWEST, None, True), (NEWEST, False, False), (False, True, True),
    ],
)  # fmt: skip
def test_images_are_kept_where_a_policy_of_ours_expires_them_or_as_is_said(
    ministack: Ministack,
    create: Create | bool,
    said: bool | None,
    keeps: bool,
) -> None:
    assert on(ministack, create, keep_in_use=said).keeps_in_use is keeps
