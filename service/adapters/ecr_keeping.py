"""Keeps images in use from ECR's lifecycle rules: their tags, and then the policy that expires others.

Used by the `ecr` registry alone. Adds a tag by pushing an image's own manifest under it, removes only tags that we
made, and replaces no policy of somebody else. A policy that expires tagged images is put only after the tags are there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from service.core.lifecycle import is_ours, policy, tag_changes
from service.core.words import Digest
from service.errors import PermanentError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

    from service.adapters.ecr_api import EcrApi
    from service.adapters.ecr_options import Create

_MOST_REMOVED = 100
"""How many images one call of BatchDeleteImage takes."""
_PAGE = 1000

AddTag = Callable[[str, Digest, str], None]


class EcrKeeping:
    """The tags and the lifecycle policy of one registry's repositories."""

    def __init__(self, api: EcrApi, account: str, add_tag: AddTag) -> None:
        """Take the API, the registry's account, and what has a tag name an image."""
        self._api = api
        self._account = account
        self._add_tag = add_tag

    def keep(
        self, repository: str, wanted: Mapping[str, Digest], environments: Collection[str], create: Create | None
    ) -> tuple[str, ...]:
        """Bring the repository's tags to what is wanted, then its policy; say what was done or was left."""
        there = self._tags(repository)
        if there is None:
            return ()
        changes = tag_changes(wanted, there, environments)
        for tag, digest in changes.add:
            self._add_tag(repository, digest, tag)
        told = [f"repository {repository}: tagged {tag}" for tag, _ in changes.add]
        if create is not None and create.keep_newest:
            told += self._align_policy(repository, create)
        for start in range(0, len(changes.remove), _MOST_REMOVED):
            self._remove(repository, changes.remove[start : start + _MOST_REMOVED])
        told += [f"repository {repository}: removed the tag {tag}" for tag in changes.remove]
        return tuple(told)

    def _tags(self, repository: str) -> dict[Digest, set[str]] | None:
        """Give every image that has tags, with all of them; None when there is no such repository."""

        def read(client: ECRClient) -> dict[Digest, set[str]] | None:
            found: dict[Digest, set[str]] = defaultdict(set)
            pages = client.get_paginator("describe_images").paginate(
                registryId=self._account,
                repositoryName=repository,
                filter={"tagStatus": "TAGGED"},
                PaginationConfig={"PageSize": _PAGE},
            )
            try:
                for page in pages:
                    for one in page["imageDetails"]:
                        found[Digest(one["imageDigest"])].update(one.get("imageTags", ()))
            except client.exceptions.RepositoryNotFoundException:
                return None
            return found

        return self._api.call("ecr:DescribeImages", read)

    def _remove(self, repository: str, tags: Collection[str]) -> None:
        """Remove tags. The images have others, so ECR deletes none of them.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
        """
        named: list[ImageIdentifierTypeDef] = [{"imageTag": tag} for tag in tags]
        told = self._api.call(
            "ecr:BatchDeleteImage",
            lambda client: client.batch_delete_image(
                registryId=self._account, repositoryName=repository, imageIds=named
            ),
        )
        refused = [one for one in told.get("failures", []) if one.get("failureCode") != "ImageNotFound"]
        if refused:
            raise PermanentError(
                f"ECR did not remove {len(refused)} tags of {repository}: {refused[0].get('failureCode')}.",
                code="registry-refused",
                hint="the next look tries again",
            )

    def _align_policy(self, repository: str, create: Create) -> list[str]:
        """Put our policy where there is none, or an older one of ours; another's is left, and told."""
        wanted = policy(expire_untagged_days=create.expire_untagged_days, keep_newest=create.keep_newest)

        def read(client: ECRClient) -> str | None:
            try:
                told = client.get_lifecycle_policy(registryId=self._account, repositoryName=repository)
            except client.exceptions.LifecyclePolicyNotFoundException:
                return None
            return told["lifecyclePolicyText"]

        text = self._api.call("ecr:GetLifecyclePolicy", read)
        there = json.loads(text) if text else None
        if there == wanted:
            return []
        if there is not None and not is_ours(there):
            return [
                f"repository {repository} has a lifecycle policy of somebody else, so `keep_newest` is not in force"
            ]
        self._api.call(
            "ecr:PutLifecyclePolicy",
            lambda client: client.put_lifecycle_policy(
                registryId=self._account, repositoryName=repository, lifecyclePolicyText=json.dumps(wanted)
            ),
        )
        return [f"repository {repository}: the newest {create.keep_newest} images and those in use are kept"]
