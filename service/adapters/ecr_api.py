"""The calls to ECR's own API (boto3), and what its refusals are in our errors.

Used by the `ecr` registry alone, which is also where the options are. A client is made at the first call
and made anew once when AWS says that its credentials have expired; nothing else is remembered here.
"""

from __future__ import annotations

import functools
import json
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as AwsConnectionError
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError

from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from service.ports import Credentials

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import EncryptionConfigurationTypeDef

    from service.adapters.ecr_options import Create, Options

_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 2, "mode": "standard"})
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_UNKNOWN = {
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_THROTTLED = {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}
_SERVER_FAULT = 500

Result = TypeVar("Result")


@functools.cache
def _loader(places: str | None) -> Loader:
    return create_loader(places)


def _session(**settings: str) -> boto3.session.Session:
    """Make a session; all sessions share AWS's descriptions of its services, which take long to read."""
    core = botocore.session.get_session()
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    return boto3.session.Session(botocore_session=core, **settings)


class EcrApi:
    """One registry's API. Give `client` to have it made elsewhere, e.g. with a stub."""

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
        self._verify = str(ca_file) if ca_file else None
        self._make = client or self._new_client
        self._client: ECRClient | None = None

    def tag_mutability(self, repository: str) -> str | None:
        """Give the repository's tag mutability in ECR's words, or None when there is no such repository."""

        def describe(client: ECRClient) -> str | None:
            try:
                told = client.describe_repositories(registryId=self._options.account, repositoryNames=[repository])
            except client.exceptions.RepositoryNotFoundException:
                return None
            return told["repositories"][0].get("imageTagMutability", "MUTABLE")

        return self._call("ecr:DescribeRepositories", describe)

    def create(self, repository: str, wanted: Create) -> None:
        """Make the repository, unless another has made it meanwhile, and its lifecycle policy."""
        encryption: EncryptionConfigurationTypeDef = (
            {"encryptionType": "KMS", "kmsKey": wanted.kms_key} if wanted.kms_key else {"encryptionType": "AES256"}
        )

        def make(client: ECRClient) -> None:
            with suppress(client.exceptions.RepositoryAlreadyExistsException):
                client.create_repository(
                    registryId=self._options.account,
                    repositoryName=repository,
                    imageTagMutability="IMMUTABLE" if wanted.immutable_tags else "MUTABLE",
                    imageScanningConfiguration={"scanOnPush": wanted.scan_on_push},
                    encryptionConfiguration=encryption,
                    tags=[{"Key": key, "Value": value} for key, value in sorted(wanted.resource_tags.items())],
                )

        def expire(client: ECRClient) -> None:
            client.put_lifecycle_policy(
                registryId=self._options.account,
                repositoryName=repository,
                lifecyclePolicyText=_expire_untagged(wanted.expire_untagged_days or 0),
            )

        self._call("ecr:CreateRepository", make)
        if wanted.expire_untagged_days:
            self._call("ecr:PutLifecyclePolicy", expire)

    def login(self) -> tuple[Credentials, datetime]:
        """Fetch the user and token for `/v2`, and when they expire (12 h)."""

        def fetch(client: ECRClient) -> tuple[Credentials, datetime]:
            told = client.get_authorization_token()["authorizationData"][0]
            username, _, secret = b64decode(told["authorizationToken"]).decode().partition(":")
            return Credentials(username, secret), told["expiresAt"]

        return self._call("ecr:GetAuthorizationToken", fetch)

    def _call(self, action: str, call: Callable[[ECRClient], Result]) -> Result:
        """Call the API; if the client's credentials have expired, once more with a new client."""
        fresh = self._client is None
        while True:
            try:
                self._client = self._client or self._make()
                return call(self._client)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code in _EXPIRED and not fresh:
                    fresh, self._client = True, None
                    continue
                raise self._refusal(action, code, error) from error
            except BotoCoreError as error:
                raise self._silence(action, error) from error
            except (ResponseParserError, LookupError, TypeError, ValueError) as error:
                raise self._other_answer(action) from error

    def _new_client(self) -> ECRClient:
        session = _session(region_name=self._options.aws_region)
        if self._options.role_arn:
            role = session.client("sts", config=_CONFIG, verify=self._verify).assume_role(
                RoleArn=self._options.role_arn, RoleSessionName="mergeport"
            )["Credentials"]
            session = _session(
                aws_access_key_id=role["AccessKeyId"],
                aws_secret_access_key=role["SecretAccessKey"],
                aws_session_token=role["SessionToken"],
                region_name=self._options.aws_region,
            )
        return session.client("ecr", endpoint_url=self._endpoint, config=_CONFIG, verify=self._verify)

    def _refusal(self, action: str, code: str, error: ClientError) -> MergeportError:
        host = self._options.host
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _THROTTLED or code in _EXPIRED or status >= _SERVER_FAULT:
            what = "registry-throttled" if code in _THROTTLED else "registry-unavailable"
            return RetryableError(f"ECR {host} cannot do {action} now: {code}.", code=what, registry=host)
        if error.operation_name == "AssumeRole":
            hint = f"let Mergeport's own role assume {self._options.role_arn} (sts:AssumeRole)"
        elif code in _DENIED:
            hint = f"allow {action} to the role that Mergeport runs with"
        elif code in _UNKNOWN:
            hint = "AWS does not know the credentials that Mergeport runs with: check its role"
        else:
            hint = "ECR's documentation explains this code"
        return DoubtfulError(f"ECR {host} refused {action}: {code}.", code="registry-refused", hint=hint, registry=host)

    def _other_answer(self, action: str) -> DoubtfulError:
        """Make the error of an answer in another shape, such as a proxy's page."""
        return DoubtfulError(
            f"What answered {action} is not ECR {self._options.host}.",
            code="registry-answer",
            hint="check the network and, where it is set, MERGEPORT_ECR_ENDPOINT",
            registry=self._options.host,
        )

    def _silence(self, action: str, error: BotoCoreError) -> MergeportError:
        """Distinguish an AWS that is away from credentials or settings that a person must change."""
        host = self._options.host
        kind = type(error).__name__
        if isinstance(error, AwsConnectionError | HTTPClientError | CredentialRetrievalError):
            return RetryableError(
                f"ECR {host} cannot be reached for {action}: {kind}.",
                code="registry-unavailable",
                hint="check the network and, where it is set, MERGEPORT_ECR_ENDPOINT",
                registry=host,
            )
        hint = "check the AWS settings of this process"
        if isinstance(error, NoCredentialsError | PartialCredentialsError):
            hint = "give this process an AWS role (IRSA, Pod Identity, an instance profile)"
        return PermanentError(
            f"Mergeport cannot call ECR {host}: {kind}.", code="aws-settings", hint=hint, registry=host
        )


def _expire_untagged(days: int) -> str:
    """Write a policy: https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html."""
    selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    rule = {
        "rulePriority": 1,
        "description": "Untagged images are not deployed by Mergeport",
        "selection": selection,
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]})
