"""Groups of settings that belong together. Made by `service.settings`, handed on to what they are for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class GitHubApp:
    """A GitHub App; its installations are found through the API."""

    id: int
    private_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ArgoCDSettings:
    """How Argo CD is reached: its API, the pages that people open, and its ApplicationSet controller."""

    url: str | None
    token: str | None = field(repr=False)
    web_url: str | None
    applicationset_url: str | None
    webhook_secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What the addresses of http gates are asked with: secrets by name, and hosts that may be private."""

    secrets: Mapping[str, str] = field(repr=False)
    hosts: frozenset[str]


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What model registries are asked with: credentials by name; and the secrets of their webhooks."""

    credentials: Mapping[str, str] = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
