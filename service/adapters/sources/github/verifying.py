"""GitHub's request as a verified value: headers and raw body in, the delivery's head or a `DeliveryError` out.

Called by the source. Nothing is parsed before its signature is verified, nothing is read or written, and no header
but the six named here is looked at. Names of headers are in lower case.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import NoReturn

from service.core.json_weight import is_heavier
from service.core.words import DeliveryId
from service.errors import DeliveryError
from service.ports import DeliveryHead

MOST_VALUES = 1_000_000
"""The most values in a body. GitHub's largest has fewer, and this many take 100 MB at most once parsed."""
SIGNATURE_HEADER = "x-hub-signature-256"
SHA1_HEADER = "x-hub-signature"
EVENT_HEADER = "x-github-event"
DELIVERY_HEADER = "x-github-delivery"
CONTENT_TYPE_HEADER = "content-type"
CONTENT_ENCODING_HEADER = "content-encoding"

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{7,63}")
_EVENT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ACTION = _EVENT
_FULL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_JSON = "application/json"
_GZIP = b"\x1f\x8b"
_FORM = "application/x-www-form-urlencoded"


def receive(headers: Mapping[str, str], raw: bytes, secrets: Sequence[bytes]) -> DeliveryHead:
    """Verify a request and tell what it is; raise DeliveryError with the HTTP status of the answer.

    Action and repository are empty if the payload has no valid ones.
    """
    verify(headers, raw, secrets)
    _require_plain(headers.get(CONTENT_ENCODING_HEADER, ""))
    _require_json(headers.get(CONTENT_TYPE_HEADER, ""))
    identifier = headers.get(DELIVERY_HEADER, "")
    if not _ID.fullmatch(identifier):
        raise DeliveryError(
            "The delivery's id is missing or invalid",
            status=400,
            code="delivery-id-invalid",
            hint="X-GitHub-Delivery has 8 to 64 letters, digits and hyphens",
        )
    event = headers.get(EVENT_HEADER, "")
    if not _EVENT.fullmatch(event):
        raise DeliveryError(
            "The delivery names no event", status=400, code="delivery-event-invalid", hint="see X-GitHub-Event"
        )
    payload = parse_body(raw)
    action, repository = payload.get("action"), payload.get("repository")
    full_name = repository.get("full_name") if isinstance(repository, dict) else None
    return DeliveryHead(
        id=DeliveryId(identifier),
        event=event,
        repository=_matching(_FULL_NAME, full_name),
        action=_matching(_ACTION, action),
    )


def verify(headers: Mapping[str, str], raw: bytes, secrets: Sequence[bytes]) -> None:
    """Compare the body's HMAC with each secret in constant time; raise DeliveryError 401 when none fits.

    Several secrets are valid at once while one is being rotated. An empty secret is none: anybody knows it.
    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    usable = [secret for secret in secrets if secret]
    if not usable:
        raise DeliveryError(
            "No webhook secret is configured",
            status=503,
            code="webhook-secret-missing",
            hint="set the webhook's secret in the settings",
        )
    given = headers.get(SIGNATURE_HEADER)
    if given is None:
        _refuse_unsigned(sha1=SHA1_HEADER in headers)
    if not _SIGNATURE.fullmatch(given):
        raise DeliveryError(
            "The signature is malformed",
            status=401,
            code="signature-malformed",
            hint="X-Hub-Signature-256 is `sha256=` and 64 lower-case hexadecimal characters",
        )
    fits = [hmac.compare_digest(sign(raw, secret), given) for secret in usable]
    if not any(fits):
        raise DeliveryError(
            "The signature does not match",
            status=401,
            code="signature-wrong",
            hint="the webhook's secret on GitHub and in the settings differ, or the body was changed on the way",
        )


def sign(raw: bytes, secret: bytes) -> str:
    """Give the `X-Hub-Signature-256` of a body."""
    return f"sha256={hmac.new(secret, raw, 'sha256').hexdigest()}"


def parse_body(raw: bytes) -> Mapping[str, object]:
    """Read a JSON object; raise DeliveryError for anything else, even if it was made to do harm."""
    if is_heavier(raw, MOST_VALUES):
        raise DeliveryError(
            f"The body has more than {MOST_VALUES:,} values",
            status=413,
            code="body-too-many-values",
            hint="GitHub sends no such bodies",
        )
    try:
        payload = json.loads(raw.decode(), parse_constant=_no_constant)
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except UnicodeDecodeError:
        if raw.startswith(_GZIP):
            raise _compressed() from None
        raise _malformed("its bytes are not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"{error.msg} at character {error.pos + 1}") from None
    except ValueError:
        raise _malformed("it has an invalid number, or one with thousands of digits") from None
    if not isinstance(payload, dict):
        raise _malformed("it is not an object")
    return payload


def _require_plain(encoding: str) -> None:
    if encoding.strip().lower() not in ("", "identity"):
        raise _compressed()


def _compressed() -> DeliveryError:
    return DeliveryError(
        "The body is compressed",
        status=415,
        code="content-encoding-unknown",
        hint="GitHub sends plain bodies; configure the proxy in between not to change them",
    )


def _require_json(content_type: str) -> None:
    media = content_type.partition(";")[0].strip().lower()
    if media == _JSON:
        return
    hint = "set the webhook's content type to application/json"
    if media == _FORM:
        raise DeliveryError(
            "The webhook sends its payload as a form", status=400, code="content-type-form", hint=f"{hint} on GitHub"
        )
    raise DeliveryError("The content type is not JSON", status=400, code="content-type-unknown", hint=hint)


def _refuse_unsigned(*, sha1: bool) -> NoReturn:
    if sha1:
        raise DeliveryError(
            "The request has only a SHA-1 signature",
            status=401,
            code="signature-sha1-only",
            hint="X-Hub-Signature-256 is needed; GitHub sends it for every webhook with a secret",
        )
    raise DeliveryError(
        "The request is not signed",
        status=401,
        code="signature-missing",
        hint="set a secret on the webhook, the same as in the settings",
    )


def _malformed(why: str) -> DeliveryError:
    return DeliveryError(
        f"The body is not a JSON object: {why}",
        status=400,
        code="body-not-json",
        hint="GitHub sends an object in UTF-8; configure the proxy in between not to change it",
    )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _matching(pattern: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""
