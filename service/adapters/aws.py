"""Calls to AWS (boto3): how a client is made, and what kind of trouble a failed call is.

Used by the code that talks to ECR, CodeBuild, CloudWatch Logs and SQS. A client is made at the first call and made anew
once when AWS says that its credentials have expired. Which error of ours a trouble becomes is the integration's choice.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as AwsConnectionError
from botocore.loaders import Loader, create_loader
from botocore.parsers import ResponseParserError

from service.core.foreign_text import cut, line
from service.errors import MergeportError
from service.logs import redact

if TYPE_CHECKING:
    from pathlib import Path

READ_SECONDS = 30
_CONNECT_SECONDS = 5
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_UNKNOWN = {
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_THROTTLED = {
    "RequestLimitExceeded",
    "RequestThrottled",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_SERVER_FAULT = 500
_WORDS = 200
"""Characters of what AWS says that are told."""

Client = TypeVar("Client")
Result = TypeVar("Result")


class TroubleKind(StrEnum):
    """What a failed call means."""

    THROTTLED = "throttled"
    AWAY = "away"
    """AWS itself fails, or took none of our renewed credentials."""
    UNREACHABLE = "unreachable"
    ROLE = "role"
    """The role may not be assumed."""
    DENIED = "denied"
    UNKNOWN = "unknown"
    """AWS does not know the credentials."""
    REFUSED = "refused"
    """Another refusal; its code is the service's own."""
    OTHER_ANSWER = "other-answer"
    """What answered is not the service."""
    NO_CREDENTIALS = "no-credentials"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Trouble:
    """A call that failed: which, what it means, AWS's code or the name of the library's exception, and AWS's words."""

    kind: TroubleKind
    action: str
    code: str = ""
    said: str = ""

    def hint(self, role_arn: str | None) -> str:
        """Say what a person can do about it; nothing where only waiting helps."""
        match self.kind:
            case TroubleKind.ROLE:
                return f"let Mergeport's own role assume {role_arn} (sts:AssumeRole)"
            case TroubleKind.DENIED:
                return f"allow {self.action} to {role_arn or 'the role that Mergeport runs with'}"
            case TroubleKind.UNKNOWN:
                return "AWS does not know the credentials that Mergeport runs with: check its role"
            case TroubleKind.NO_CREDENTIALS:
                return "give this process an AWS role (IRSA, Pod Identity, an instance profile)"
            case TroubleKind.SETTINGS if self.code == NoRegionError.__name__:
                return "name the region, or set AWS_DEFAULT_REGION for this process"
            case TroubleKind.SETTINGS:
                return "check the AWS settings of this process"
            case _:
                return ""


class Calls(Generic[Client]):
    """The calls of one client."""

    def __init__(self, make: Callable[[], Client], error: Callable[[Trouble], MergeportError]) -> None:
        """Take what makes the client, and what makes an error of ours of a trouble."""
        self._make = make
        self._error = error
        self._client: Client | None = None

    def __call__(self, action: str, call: Callable[[Client], Result]) -> Result:
        """Call AWS; if the client's credentials have expired, once more with a new client."""
        fresh = self._client is None
        while True:
            try:
                self._client = self._client or self._make()
                return call(self._client)
            except ClientError as error:
                if _code_of(error) in _EXPIRED and not fresh:
                    fresh, self._client = True, None
                    continue
                raise self._error(_refusal(action, error)) from error
            except BotoCoreError as error:
                raise self._error(_silence(action, error)) from error
            except (ResponseParserError, LookupError, TypeError, ValueError) as error:
                raise self._error(Trouble(TroubleKind.OTHER_ANSWER, action)) from error


def make_client(
    service: str,
    region: str | None,
    *,
    role_arn: str | None = None,
    endpoint: str | None = None,
    ca_file: Path | None = None,
    read_seconds: float = READ_SECONDS,
) -> Any:  # noqa: ANN401 - a client of boto3, whose type the caller knows
    """Make a client of an AWS service, with a role that is assumed first where one is given."""
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )
    verify = str(ca_file) if ca_file else None
    given = {"region_name": region} if region else {}
    session = _session(**given)
    if role_arn:
        role = session.client("sts", config=config, verify=verify).assume_role(
            RoleArn=role_arn, RoleSessionName="mergeport"
        )["Credentials"]
        session = _session(
            aws_access_key_id=role["AccessKeyId"],
            aws_secret_access_key=role["SecretAccessKey"],
            aws_session_token=role["SessionToken"],
            **given,
        )
    client: Callable[..., Any] = session.client
    return client(service, endpoint_url=endpoint, config=config, verify=verify)


@functools.cache
def _loader(places: str | None) -> Loader:
    return create_loader(places)


def _session(**settings: str) -> boto3.session.Session:
    """Make a session; all sessions share AWS's descriptions of its services, which take long to read."""
    core = botocore.session.get_session()
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    return boto3.session.Session(botocore_session=core, **settings)


def _code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _refusal(action: str, error: ClientError) -> Trouble:
    code = _code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED:
        kind = TroubleKind.THROTTLED
    elif code in _EXPIRED or status >= _SERVER_FAULT:
        kind = TroubleKind.AWAY
    elif error.operation_name == "AssumeRole":
        kind = TroubleKind.ROLE
    elif code in _DENIED:
        kind = TroubleKind.DENIED
    elif code in _UNKNOWN:
        kind = TroubleKind.UNKNOWN
    else:
        kind = TroubleKind.REFUSED
    return Trouble(
        kind, action, code, cut(redact(line(str(error.response.get("Error", {}).get("Message", "")))), _WORDS)
    )


def _silence(action: str, error: BotoCoreError) -> Trouble:
    """Distinguish an AWS that is away from credentials or settings that a person must change."""
    name = type(error).__name__
    if isinstance(error, AwsConnectionError | HTTPClientError | CredentialRetrievalError):
        return Trouble(TroubleKind.UNREACHABLE, action, name)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Trouble(TroubleKind.NO_CREDENTIALS, action, name)
    return Trouble(TroubleKind.SETTINGS, action, name)
