"""What `mergeport.yaml` says of an Amazon ECR registry. Read by the registry and by the calls of its API; light."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.core.ecr_hosts import ecr_host


def hosts_of(account: str, region: str) -> frozenset[str]:
    """Give every host name by which the private registry of an account and region may be configured."""
    match region.partition("-")[0]:
        case "cn":
            old, new = "amazonaws.com.cn", "on.amazonwebservices.com.cn"
        case "eusc":
            old, new = "amazonaws.eu", "on.amazonwebservices.eu"
        case _:
            old, new = "amazonaws.com", "on.aws"
    return frozenset(
        f"{account}.dkr{between}ecr{fips}.{region}.{domain}"
        for between, domain in ((".", old), ("-", new))
        for fips in ("", "-fips")
    )


class Create(BaseModel):
    """How a missing repository is made. One that exists is brought to what is named, but for its encryption."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    immutable_tags: bool = Field(default=True, description="A tag never names another image later.")
    scan_on_push: bool = Field(default=False, description="ECR scans each image when it is pushed.")
    kms_key: str | None = Field(default=None, description="KMS key (ARN, id or alias); ECR's own encryption if absent.")
    expire_untagged_days: int | None = Field(
        default=None, ge=1, description="Untagged images expire after so many days."
    )
    keep_newest: int | None = Field(
        default=None, ge=1, description="Other tagged images than the newest so many expire, but none that is in use."
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
    keep_in_use: bool | None = Field(
        default=None,
        description="Images in use get tags keep-ENVIRONMENT-DIGEST for lifecycle rules; true with keep_newest.",
    )
    role_arn: str | None = Field(
        default=None, description="A role to assume first, e.g. in the account of the registry."
    )

    @model_validator(mode="after")
    def _host_is_known(self) -> Options:
        if ecr_host(self.host) is None:
            raise ValueError(
                "host is not an ECR host name, ACCOUNT.dkr.ecr.REGION.amazonaws.com; for others: kind: oci"
            )
        return self

    @property
    def keeps_in_use(self) -> bool:
        """Whether images in use get tags that a lifecycle rule can spare."""
        by_policy = isinstance(self.create, Create) and self.create.keep_newest is not None
        return by_policy if self.keep_in_use is None else self.keep_in_use

    @property
    def account(self) -> str:
        """The AWS account that the registry is in, from the host's name."""
        found = ecr_host(self.host)
        return found.account if found else ""

    @property
    def aws_region(self) -> str:
        """The region as given, else from the host's name."""
        found = ecr_host(self.host)
        return self.region or (found.region if found else "")
