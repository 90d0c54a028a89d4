"""How ECR's own API (boto3) is called, and what its refusals are in our errors.

Used by the `ecr` registry alone, which is also where the options are. Nothing is remembered here but the client.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from service.adapters.aws import Calls, Trouble, TroubleKind, make_client
from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from service.ports import Credentials, ListedTag

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient

    from service.adapters.ecr_options import Options

_MOST_IMAGES = 20_000
"""AWS's own limit of a repository, unless it was raised."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class EcrApi:
    """One registry's API: `call` does one action of it. Give `client` to have it made elsewhere, e.g. with a stub."""

    def __init__(
        self,
        options: Options,
        *,
        endpoint: str | None = None,
        client: Callable[[], ECRClient] | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """Take the registry's options, whom to trust and, for an ECR outside AWS, its address."""
        self._options = options
        self._endpoint = endpoint
        self._ca_file = ca_file
        self.call = Calls(client or self._new_client, self._error)

    def newest_tags(self, repository: str, most: int) -> list[ListedTag]:
        """List tags, newest first, one of each image; AWS lists images in no order, so all pages are read."""

        def pages(client: ECRClient) -> list[ListedTag]:
            found: list[ListedTag] = []
            listed = client.get_paginator("describe_images").paginate(
                registryId=self._options.account,
                repositoryName=repository,
                filter={"tagStatus": "TAGGED"},
                PaginationConfig={"MaxItems": _MOST_IMAGES},
            )
            try:
                for page in listed:
                    for one in page["imageDetails"]:
                        found += [ListedTag(tag, one.get("imagePushedAt")) for tag in one.get("imageTags", [])[:1]]
            except client.exceptions.RepositoryNotFoundException:
                return []
            return found

        told = self.call("ecr:DescribeImages", pages)
        return sorted(told, key=lambda one: one.pushed_at or _LONG_AGO, reverse=True)[:most]

    def login(self) -> tuple[Credentials, datetime]:
        """Fetch the user and token for `/v2`, and when they expire (12 h)."""

        def fetch(client: ECRClient) -> tuple[Credentials, datetime]:
            told = client.get_authorization_token()["authorizationData"][0]
            username, _, secret = b64decode(told["authorizationToken"]).decode().partition(":")
            return Credentials(username, secret), told["expiresAt"]

        return self.call("ecr:GetAuthorizationToken", fetch)

    def _new_client(self) -> ECRClient:
        options = self._options
        client: ECRClient = make_client(
            "ecr", options.aws_region, role_arn=options.role_arn, endpoint=self._endpoint, ca_file=self._ca_file
        )
        return client

    def _error(self, trouble: Trouble) -> MergeportError:
        host, action, code = self._options.host, trouble.action, trouble.code
        hint = trouble.hint(self._options.role_arn)
        match trouble.kind:
            case TroubleKind.THROTTLED | TroubleKind.AWAY:
                throttled = trouble.kind is TroubleKind.THROTTLED
                what = "registry-throttled" if throttled else "registry-unavailable"
                return RetryableError(f"ECR {host} cannot do {action} now: {code}.", code=what, registry=host)
            case TroubleKind.UNREACHABLE:
                return RetryableError(
                    f"ECR {host} cannot be reached for {action}: {code}.",
                    code="registry-unavailable",
                    hint="check the network and, where it is set, MERGEPORT_ECR_ENDPOINT",
                    registry=host,
                )
            case TroubleKind.OTHER_ANSWER:
                return DoubtfulError(
                    f"What answered {action} is not ECR {host}.",
                    code="registry-answer",
                    hint="check the network and, where it is set, MERGEPORT_ECR_ENDPOINT",
                    registry=host,
                )
            case TroubleKind.ROLE | TroubleKind.DENIED | TroubleKind.UNKNOWN | TroubleKind.REFUSED:
                return DoubtfulError(
                    f"ECR {host} refused {action}: {code}.",
                    code="registry-refused",
                    hint=hint or "ECR's documentation explains this code",
                    registry=host,
                )
            case TroubleKind.NO_CREDENTIALS | TroubleKind.SETTINGS:
                return PermanentError(
                    f"Mergeport cannot call ECR {host}: {code}.", code="aws-settings", hint=hint, registry=host
                )
            case _:
                assert_never(trouble.kind)
