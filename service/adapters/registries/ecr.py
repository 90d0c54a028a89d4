"""Amazon ECR: repositories are made over its API, images are read over `/v2`, as any registry's are.

Bootstrap makes one for each registry of the configuration. References keep the AWS host name wherever
the registry is reached in truth. Never deletes an image, and never changes a repository that exists.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.core.images import Image, ImageReference

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient

    from service.adapters.distribution import Distribution
    from service.adapters.distribution_http import Timeouts
    from service.adapters.ecr_api import EcrApi
    from service.adapters.parts import Parts
    from service.ports import Clock, Credentials, PushTarget

HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.(?:aws|amazonwebservices\.com\.cn))"
)
"""ECR's host names: https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html"""

_RENEW_BEFORE = timedelta(hours=1)
"""Longer than a build may take, so that a token handed to a builder lasts until its push."""
_YOUNG = timedelta(minutes=1)


class Create(BaseModel):
    """How a repository that is missing is made; one that exists is left as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    immutable_tags: bool = Field(default=True, description="A tag never names another image later.")
    scan_on_push: bool = Field(default=False, description="ECR scans each image when it is pushed.")
    kms_key: str | None = Field(default=None, description="KMS key (ARN, id or alias); ECR's own encryption if absent.")
    expire_untagged_days: int | None = Field(
        default=None, ge=1, description="Untagged images expire after so many days. Tagged ones never do: one may run."
    )
    resource_tags: dict[str, str] = Field(default_factory=dict, description="AWS resource tags of the repository.")


class Options(BaseModel):
    """An Amazon ECR private registry."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    kind: Literal["ecr"] = "ecr"
    host: str = Field(description="The registry's AWS host name: ACCOUNT.dkr.ecr.REGION.amazonaws.com.")
    region: str = Field(default="", description="The AWS region; read from the host if absent.")
    create: bool | Create = Field(
        default=True,
        description="Make missing repositories: true as Mergeport does, a mapping as it says, false never.",
    )
    role_arn: str | None = Field(
        default=None, description="A role to assume first, e.g. in the account of the registry."
    )

    @model_validator(mode="after")
    def _host_is_known(self) -> Options:
        if HOST.fullmatch(self.host) is None:
            raise ValueError(
                "host is not an ECR host name, ACCOUNT.dkr.ecr.REGION.amazonaws.com; for others: kind: oci"
            )
        return self

    @property
    def account(self) -> str:
        """The AWS account that the registry is in, from the host's name."""
        found = HOST.fullmatch(self.host)
        return found["account"] if found else ""

    @property
    def aws_region(self) -> str:
        """The region as given, else from the host's name."""
        found = HOST.fullmatch(self.host)
        return self.region or (found["region"] if found else "")


def make(options: Options, parts: Parts) -> EcrRegistry:
    """Give the registry; the settings may say that it, or its API, is elsewhere."""
    settings = parts.settings
    return EcrRegistry(
        options,
        clock=parts.clock,
        endpoint=settings.ecr_endpoint,
        reached_at=settings.ecr_host,
        ca_file=parts.ca_file,
    )


@dataclass(frozen=True, slots=True)
class _Token:
    credentials: Credentials
    fetched: datetime
    expires: datetime


class EcrRegistry:
    """One ECR registry, from any thread; AWS is asked for nothing before the first call."""

    def __init__(
        self,
        options: Options,
        *,
        clock: Clock,
        endpoint: str | None = None,
        reached_at: str | None = None,
        client: Callable[[], ECRClient] | None = None,
        timeouts: Timeouts | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """Take the options, whom to trust and, for an ECR elsewhere, its API's address and `/v2` host.

        `reached_at` is `host:port`, plain HTTP unless it begins with `https://`.
        """
        self.host = options.host
        self._options = options
        self._clock = clock
        self._endpoint = endpoint
        self._make_client = client
        self._reached = (reached_at or self.host).removeprefix("https://").removeprefix("http://").rstrip("/")
        self._insecure = reached_at is not None and not reached_at.startswith("https://")
        self._timeouts = timeouts
        self._ca_file = ca_file
        self._token: _Token | None = None
        self._parts: tuple[EcrApi, Distribution] | None = None
        self._lock = RLock()

    def ensure_repository(self, repository: str) -> None:
        """Make the repository as configured where it is missing; one that another made meanwhile is as good."""
        if self._api.tag_mutability(repository) is not None:
            return
        match self._options.create:
            case Create() as wanted:
                self._api.create(repository, wanted)
            case True:
                self._api.create(repository, Create())
            case False:
                from service.adapters.distribution_errors import missing_repository  # noqa: PLC0415 - loads requests

                raise missing_repository(self.host, repository)

    def find(self, repository: str, tag: str) -> Image | None:
        """Give what the tag names, read over `/v2`; None when tag or repository is not there."""
        return self._v2.find(ImageReference(self.host, repository, tag))

    def push_target(self, reference: ImageReference) -> PushTarget:
        """Give where the builder pushes, with a token that lasts at least an hour."""
        from service.ports import PushTarget  # noqa: PLC0415 - reading a configuration needs none of the ports

        mutability = self._api.tag_mutability(reference.repository) or ""
        return PushTarget(
            reference=f"{self._reached}/{reference.repository}:{reference.tag}",
            host=self._reached,
            credentials=self._credentials(),
            insecure=self._insecure,
            immutable_tags=mutability.startswith("IMMUTABLE"),
            ca_file=self._ca_file,
        )

    def _credentials(self, *, renew: bool = False) -> Credentials:
        """Give the user and token of the registry, fetched again before they expire or when they are refused.

        A token that is fetched moments ago is not renewed: who refuses that one refuses us.
        """
        with self._lock:
            now = self._clock.now()
            token = self._token
            if token is None or token.expires - now < _RENEW_BEFORE or (renew and now - token.fetched > _YOUNG):
                credentials, expires = self._api.login()
                token = self._token = _Token(credentials, fetched=now, expires=expires)
            return token.credentials

    @property
    def _api(self) -> EcrApi:
        return self._joined()[0]

    @property
    def _v2(self) -> Distribution:
        return self._joined()[1]

    def _joined(self) -> tuple[EcrApi, Distribution]:
        """Make the two planes' clients at the first call, so that reading a configuration loads neither."""
        with self._lock:
            if self._parts is None:
                from service.adapters.distribution import Distribution  # noqa: PLC0415 - as the docstring says
                from service.adapters.ecr_api import EcrApi  # noqa: PLC0415 - as the docstring says

                api = EcrApi(self._options, endpoint=self._endpoint, client=self._make_client, ca_file=self._ca_file)
                v2 = Distribution(
                    self._reached,
                    credentials=self._credentials,
                    insecure=self._insecure,
                    timeouts=self._timeouts,
                    ca_file=self._ca_file,
                )
                self._parts = (api, v2)
            return self._parts
