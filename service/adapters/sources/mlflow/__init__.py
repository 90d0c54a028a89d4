"""MLflow's registry webhooks: signed hints that an alias moved or that there is a new version.

Made by bootstrap. Its secret is a setting of the process; which models are wanted is in the configuration. Order is not
kept, and what is lost is lost, so nothing of a body but the model's name is believed.
https://mlflow.org/docs/latest/ml/webhooks/
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from service.core.changes import Event, Ignored, ModelHint
from service.core.json_weight import is_heavier
from service.core.words import DeliveryId
from service.errors import DeliveryError
from service.ports import DeliveryHead, StoredRequest

if TYPE_CHECKING:
    from service.adapters.parts import Parts

KIND = "mlflow"
ID_HEADER, TIME_HEADER, SIGNATURE_HEADER = "x-mlflow-delivery-id", "x-mlflow-timestamp", "x-mlflow-signature"
WINDOW = timedelta(minutes=5)
"""How far a request's time may be from ours, either way: longer than MLflow repeats it."""
MOST_VALUES = 100_000
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{7,63}")
_TIME = re.compile(r"[0-9]{9,11}")
_WORD = re.compile(r"[a-z][a-z_]{0,63}")
_LONGEST_NAME = 200
_HINTS = frozenset(
    {("model_version_alias", "created"), ("model_version_alias", "deleted"), ("model_version", "created")}
)


class Options(BaseModel):
    """Nothing: what it needs are settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MLflowSource:
    """Verifies and reads what MLflow delivers. Several secrets are valid at once while one is being rotated."""

    kind = KIND

    def __init__(self, secrets: Sequence[bytes], now: Callable[[], datetime]) -> None:
        """Take the webhooks' secrets and the clock."""
        self._secrets, self._now = tuple(secret for secret in secrets if secret), now

    def verify(self, headers: Mapping[str, str], body: bytes) -> DeliveryHead:
        """Tell what the delivery is, once one of the secrets fits; see the port."""
        if not self._secrets:
            raise DeliveryError(
                "No webhook secret of MLflow is configured",
                status=503,
                code="webhook-secret-missing",
                hint="set MERGEPORT_MLFLOW_WEBHOOK_SECRET to the webhook's secret",
            )
        identifier, sent, given = (headers.get(name, "") for name in (ID_HEADER, TIME_HEADER, SIGNATURE_HEADER))
        if not given:
            raise DeliveryError(
                "The delivery is not signed",
                status=401,
                code="signature-missing",
                hint="give the webhook in MLflow a secret, and set MERGEPORT_MLFLOW_WEBHOOK_SECRET to the same",
            )
        if not given.startswith("v1,") or not given.isascii():
            raise DeliveryError(
                "The signature is malformed",
                status=401,
                code="signature-malformed",
                hint="X-MLflow-Signature is `v1,` and a base64 text",
            )
        fits = [hmac.compare_digest(sign(identifier, sent, body, secret), given) for secret in self._secrets]
        if not any(fits):
            raise DeliveryError(
                "The signature does not match",
                status=401,
                code="signature-wrong",
                hint="the webhook's secret in MLflow and in the settings differ, or the body was changed on the way",
            )
        if not _ID.fullmatch(identifier):
            raise DeliveryError(
                "The delivery's id is missing or invalid",
                status=400,
                code="delivery-id-invalid",
                hint="X-MLflow-Delivery-Id has 8 to 64 letters, digits and hyphens",
            )
        self._require_recent(sent)
        payload = _parsed(body)
        entity, action = _word(payload.get("entity")), _word(payload.get("action"))
        return DeliveryHead(DeliveryId(f"{KIND}-{identifier}"), f"{entity}.{action}", _repository(payload), action)

    def _require_recent(self, sent: str) -> None:
        now = int(self._now().timestamp())
        if not _TIME.fullmatch(sent) or abs(now - int(sent)) > WINDOW.total_seconds():
            raise DeliveryError(
                "The delivery is of another time",
                status=401,
                code="delivery-time-wrong",
                hint="more than 5 minutes lie between MLflow's clock and ours, or somebody sends an old request again",
            )

    def read(self, delivery: StoredRequest) -> Sequence[Event]:
        """Give the one event that a delivery is; see the port."""
        payload = _parsed(delivery.body)
        entity, action = _word(payload.get("entity")), _word(payload.get("action"))
        if (entity, action) not in _HINTS:
            return [Ignored(f"{entity or 'something'} {action or 'unknown'} changes no model that is deployed")]
        name = _name(payload)
        if not name:
            return [Ignored(f"{entity} {action} names no model")]
        return [ModelHint(KIND, name)]


def sign(identifier: str, sent: str, body: bytes, secret: bytes) -> str:
    """Give the `X-MLflow-Signature` of a request."""
    told = hmac.new(secret, f"{identifier}.{sent}.".encode() + body, "sha256").digest()
    return f"v1,{base64.b64encode(told).decode()}"


def _parsed(body: bytes) -> Mapping[str, object]:
    """Read a JSON object; raise DeliveryError for anything else, even if it was made to do harm."""
    if is_heavier(body, MOST_VALUES):
        raise DeliveryError(
            f"The body has more than {MOST_VALUES:,} values",
            status=413,
            code="body-too-many-values",
            hint="MLflow sends no such bodies",
        )
    try:
        payload = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise DeliveryError(
            "The body is not what MLflow sends", status=400, code="body-not-json", hint="MLflow sends a JSON object"
        ) from error
    if not isinstance(payload, dict):
        raise DeliveryError(
            "The body is not a JSON object", status=400, code="body-not-json", hint="MLflow sends a JSON object"
        )
    return payload


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _name(payload: Mapping[str, object]) -> str:
    data = payload.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and name.isprintable() and 0 < len(name) <= _LONGEST_NAME else ""


def _repository(payload: Mapping[str, object]) -> str:
    name = _name(payload)
    return f"{KIND}:{name}" if name else ""


def make(_options: Options, parts: Parts) -> MLflowSource:
    """Give the source of the settings' secrets."""
    return MLflowSource([secret.encode() for secret in parts.settings.models.webhook_secrets], parts.clock.now)
