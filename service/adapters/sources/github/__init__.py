"""GitHub's webhooks: signed requests of repositories and Apps, as events of pushes and pull requests.

Made by bootstrap. Its secrets are the process's settings, so the configuration has no keys for it.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from service.adapters.sources.github.payloads import parse_event
from service.adapters.sources.github.verifying import parse_body, receive
from service.core.changes import Event
from service.ports import DeliveryHead, StoredRequest

if TYPE_CHECKING:
    from service.adapters.parts import Parts


class Options(BaseModel):
    """Nothing: what it needs are settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GitHubSource:
    """Verifies and reads what GitHub delivers. Several secrets are valid at once while one is being rotated."""

    kind = "github"

    def __init__(self, secrets: Sequence[bytes]) -> None:
        """Take the webhooks' secrets."""
        self._secrets = tuple(secrets)

    def verify(self, headers: Mapping[str, str], body: bytes) -> DeliveryHead:
        """Tell what the delivery is, once one of the secrets fits; see the port."""
        return receive(headers, body, self._secrets)

    def read(self, delivery: StoredRequest) -> Sequence[Event]:
        """Give the one event that a delivery is; see the port."""
        return [parse_event(delivery.event, parse_body(delivery.body))]


def make(_options: Options, parts: Parts) -> GitHubSource:
    """Give the source of the settings' secrets."""
    return GitHubSource([secret.encode() for secret in parts.settings.webhook_secrets])
