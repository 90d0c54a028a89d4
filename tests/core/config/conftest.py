"""Kinds that bring their options as adapters do, and a way to read a configuration with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from service.core.config import Configuration, Kinds, load


class DockerOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["docker"] = "docker"
    context: str = "."
    dockerfile: str = "Dockerfile"
    args: dict[str, str] = Field(default_factory=dict)
    retries: int = Field(default=0, ge=0)


class ExternalOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RegistryOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    host: str
    create: bool = True


class PlainRegistryOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


KINDS = Kinds(
    builders={"docker": DockerOptions, "external": ExternalOptions},
    registries={"ecr": RegistryOptions, "oci": PlainRegistryOptions},
)

HEAD = """\
defaults:
  registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com
  values:
    - file: "apps/{application}/values-{environment}.yaml"
      set: {image.tag: "{tag}"}
environments:
  dev: {branch: develop}
  prod: {branch: main}
"""


@pytest.fixture
def kinds() -> Kinds:
    return KINDS


@pytest.fixture
def read() -> Callable[[str], Configuration]:
    """Read applications under common defaults and two environments."""

    def read_applications(applications: str) -> Configuration:
        indented = "".join(f"  {line}\n" for line in applications.splitlines())
        return load(f"{HEAD}applications:\n{indented}", kinds=KINDS)

    return read_applications
