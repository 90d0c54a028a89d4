"""Where changes come from: a source verifies a delivery and reads its events, in the form that all sources share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from service.core.changes import Event
from service.core.words import DeliveryId


@dataclass(frozen=True, slots=True)
class DeliveryHead:
    """What is known of a verified delivery without its events: enough to store it once, and in order.

    `id` is the same when the delivery is sent again. No other source may give the same one, so it is random or begins
    with the source's kind. `event` is the source's own word for the kind of delivery. Deliveries of one source about
    one `repository` are processed in order; it is empty if the delivery names none.
    """

    id: DeliveryId
    event: str
    repository: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A verified delivery as it was stored: the source's word for its kind, and the raw body."""

    event: str
    body: bytes = field(repr=False)


class Source(Protocol):
    """One kind of sender.

    Deliveries are received at `/webhooks/KIND`; a source makes no requests and stores nothing.
    """

    kind: str

    def verify(self, headers: Mapping[str, str], body: bytes) -> DeliveryHead:
        """Tell what the delivery is once its signature fits the raw body, compared in constant time.

        The headers' names are in lower case. Raises DeliveryError with the status of the answer. Nothing of the body is
        parsed before it is verified.
        """
        ...

    def read(self, delivery: StoredRequest) -> Sequence[Event]:
        """Give the events of a delivery, at least one: if there is nothing to do, that is `Ignored` with the reason.

        Called with what `verify` accepted, before it is stored and again when it is processed; the same body gives the
        same events. Raises DeliveryError if the body has another shape.
        """
        ...
