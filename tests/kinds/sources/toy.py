"""A source whose deliveries are one line of text: all that a source has to be."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from service.core.changes import Event, Ignored, Ping
from service.core.words import DeliveryId
from service.errors import DeliveryError
from service.ports import DeliveryHead, StoredRequest

if TYPE_CHECKING:
    from service.adapters.parts import Parts


class Options(BaseModel):
    """The secret that deliveries are signed with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    secret: str


class ToySource:
    """Reads `ping` and ignores everything else."""

    kind = "toy"

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def verify(self, headers: Mapping[str, str], body: bytes) -> DeliveryHead:
        """Compare the body's HMAC."""
        wanted = hmac.new(self._secret, body, "sha256").hexdigest()
        if not hmac.compare_digest(wanted, headers.get("x-toy-signature", "")):
            raise DeliveryError("The signature does not match", status=401, code="signature-wrong")
        return DeliveryHead(DeliveryId(hashlib.sha256(body).hexdigest()[:32]), "line", repository="")

    def read(self, delivery: StoredRequest) -> Sequence[Event]:
        """Give one event."""
        return [Ping("", words="pong") if delivery.body == b"ping" else Ignored("not a ping")]


def make(options: Options, _parts: Parts) -> ToySource:
    """Give the source of this secret."""
    return ToySource(options.secret.encode())
