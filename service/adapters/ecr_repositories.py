"""ECR's repositories over its API: how one is made as configured, and brought back to that where it has drifted.

Used by the `ecr` registry alone. Changes only what the configuration names, and deletes nothing. What AWS fixes when a
repository is made, its encryption, is told and left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from service.core.lifecycle import policy
from service.errors import MergeportError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import EncryptionConfigurationTypeDef, RepositoryTypeDef, TagTypeDef

    from service.adapters.ecr_api import EcrApi
    from service.adapters.ecr_options import Create


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as it is. `mutability` is in ECR's words; `kms_key` is empty with ECR's own encryption."""

    name: str
    arn: str
    mutability: str
    scan_on_push: bool
    kms_key: str

    @property
    def has_immutable_tags(self) -> bool:
        """Whether tags stay; `IMMUTABLE_WITH_EXCLUSION` counts, because somebody chose the exceptions."""
        return self.mutability.startswith("IMMUTABLE")


@dataclass(frozen=True, slots=True)
class _Change:
    """What is true after a change, in words, and the call that makes it so."""

    words: str
    make: Callable[[], None]


class EcrRepositories:
    """The repositories of one registry."""

    def __init__(self, api: EcrApi, account: str) -> None:
        """Take the API, and the account that the registry is in."""
        self._api = api
        self._account = account

    def get(self, repository: str) -> Repository | None:
        """Give the repository, or None when there is no such one."""

        def describe(client: ECRClient) -> Repository | None:
            try:
                told = client.describe_repositories(registryId=self._account, repositoryNames=[repository])
            except client.exceptions.RepositoryNotFoundException:
                return None
            return _read(repository, told["repositories"][0])

        return self._api.call("ecr:DescribeRepositories", describe)

    def create(self, repository: str, wanted: Create) -> None:
        """Make the repository, unless another has made it meanwhile, and its policy. It expires no tagged image yet."""
        encryption: EncryptionConfigurationTypeDef = (
            {"encryptionType": "KMS", "kmsKey": wanted.kms_key} if wanted.kms_key else {"encryptionType": "AES256"}
        )

        def make(client: ECRClient) -> None:
            with suppress(client.exceptions.RepositoryAlreadyExistsException):
                client.create_repository(
                    registryId=self._account,
                    repositoryName=repository,
                    imageTagMutability=_mutability(wanted),
                    imageScanningConfiguration={"scanOnPush": wanted.scan_on_push},
                    encryptionConfiguration=encryption,
                    tags=[{"Key": key, "Value": value} for key, value in sorted(wanted.resource_tags.items())],
                )

        def expire(client: ECRClient) -> None:
            client.put_lifecycle_policy(
                registryId=self._account,
                repositoryName=repository,
                lifecyclePolicyText=json.dumps(policy(expire_untagged_days=wanted.expire_untagged_days)),
            )

        self._api.call("ecr:CreateRepository", make)
        if wanted.expire_untagged_days:
            self._api.call("ecr:PutLifecyclePolicy", expire)

    def align(self, there: Repository, wanted: Create) -> tuple[str, ...]:
        """Bring what the configuration names back to it; say what was changed, and what could not be.

        A refusal is told and raises nothing, because images can be pushed all the same.
        """
        changes = [*self._changes(there, wanted), *self._tag_changes(there, wanted)]
        return (*(_done(there, change) for change in changes), *_other_encryption(there, wanted))

    def _changes(self, there: Repository, wanted: Create) -> Iterator[_Change]:
        named = wanted.model_fields_set
        if "immutable_tags" in named and wanted.immutable_tags != there.has_immutable_tags:
            words = "tags stay where they are" if wanted.immutable_tags else "tags may be moved"
            yield _Change(words, lambda: self._set_mutability(there.name, wanted))
        if "scan_on_push" in named and wanted.scan_on_push != there.scan_on_push:
            words = "images are scanned when they are pushed" if wanted.scan_on_push else "images are not scanned"
            yield _Change(words, lambda: self._set_scanning(there.name, wanted))

    def _tag_changes(self, there: Repository, wanted: Create) -> Iterator[_Change]:
        """Set the resource tags that are missing or say something else; others are left."""
        if not wanted.resource_tags:
            return
        try:
            has = self._tags(there.arn)
        except MergeportError as error:
            refusal = error
            yield _Change("its resource tags are as configured", lambda: _raise(refusal))
            return
        other = {key: value for key, value in wanted.resource_tags.items() if has.get(key) != value}
        if other:
            words = f"its resource tags {', '.join(sorted(other))} are as configured"
            yield _Change(words, lambda: self._tag(there.arn, other))

    def _set_mutability(self, repository: str, wanted: Create) -> None:
        self._api.call(
            "ecr:PutImageTagMutability",
            lambda client: client.put_image_tag_mutability(
                registryId=self._account, repositoryName=repository, imageTagMutability=_mutability(wanted)
            ),
        )

    def _set_scanning(self, repository: str, wanted: Create) -> None:
        self._api.call(
            "ecr:PutImageScanningConfiguration",
            lambda client: client.put_image_scanning_configuration(
                registryId=self._account,
                repositoryName=repository,
                imageScanningConfiguration={"scanOnPush": wanted.scan_on_push},
            ),
        )

    def _tags(self, arn: str) -> dict[str, str]:
        told = self._api.call("ecr:ListTagsForResource", lambda client: client.list_tags_for_resource(resourceArn=arn))
        return {tag["Key"]: tag["Value"] for tag in told.get("tags", [])}

    def _tag(self, arn: str, tags: dict[str, str]) -> None:
        listed: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
        self._api.call("ecr:TagResource", lambda client: client.tag_resource(resourceArn=arn, tags=listed))


def _read(name: str, told: RepositoryTypeDef) -> Repository:
    encryption = told.get("encryptionConfiguration", {})
    return Repository(
        name=name,
        arn=told.get("repositoryArn", ""),
        mutability=told.get("imageTagMutability", "MUTABLE"),
        scan_on_push=told.get("imageScanningConfiguration", {}).get("scanOnPush", False),
        kms_key=encryption.get("kmsKey", "") or ("of AWS" if "KMS" in encryption.get("encryptionType", "") else ""),
    )


def _mutability(wanted: Create) -> Literal["IMMUTABLE", "MUTABLE"]:
    return "IMMUTABLE" if wanted.immutable_tags else "MUTABLE"


def _done(there: Repository, change: _Change) -> str:
    """Make a change and say so, or why it could not be made."""
    try:
        change.make()
    except MergeportError as error:
        return f"repository {there.name} is not as configured ({change.words}): {error}"
    return f"repository {there.name} was brought to its configuration: {change.words}"


def _raise(error: MergeportError) -> None:
    raise error


def _other_encryption(there: Repository, wanted: Create) -> Iterator[str]:
    """Say that the encryption is another one. AWS fixes it at creation, and tells a key by its ARN, never its alias.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
    """
    key = wanted.kms_key
    if "kms_key" not in wanted.model_fields_set:
        return
    if not key:
        differs = bool(there.kms_key)
    else:
        is_alias = key.startswith("alias/") or ":alias/" in key
        differs = not there.kms_key or not (
            is_alias or there.kms_key in (key, "of AWS") or there.kms_key.endswith(f"/{key}")
        )
    if differs:
        own = "ECR's own encryption"
        has, other = f"the KMS key {there.kms_key}" if there.kms_key else own, key or own
        fixed = "AWS fixes it when a repository is made, so it was left"
        yield f"repository {there.name} has {has}, not {other}: {fixed}; a new repository gets it"
