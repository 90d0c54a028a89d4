"""MLflow's webhooks: what is signed and recent is a hint, and everything else is refused or ignored in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from devstack.mlflow import signed
from service.adapters.sources.mlflow import MLflowSource, sign
from service.core.changes import Ignored, ModelHint
from service.errors import DeliveryError
from service.ports import StoredRequest

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
SECRET = "the-secret-of-tests"
IDENTIFIER = "0f8fad5b-d9cb-469f-a165-70867728950e"


def source(*secrets: str) -> MLflowSource:
    return MLflowSource([one.encode() for one in secrets or (SECRET,)], lambda: NOW)


def body(entity: str = "model_version_alias", action: str = "created", **data: object) -> bytes:
    told = {"name": "fraud-scorer", "alias": "champion", "version": "3", **data}
    return json.dumps({"entity": entity, "action": action, "timestamp": "2026-01-05T12:00:00", "data": told}).encode()


def test_a_signed_request_is_known_by_its_id_and_its_model() -> None:
    """The text is `ID.TIME.BODY`, and the secret is taken as it is; the contract tests compare with a real server."""
    assert sign("id-1", "1767614400", b'{"a": 1}', b"s3cret") == "v1,eQmTeJed1gV0Ya2W6ODwf+MBlpqXyIlSFf5BPqaUoOE="
    sent = signed(body(), SECRET, at=AT, identifier=IDENTIFIER)
    head = source().verify(sent.headers, sent.body)
    assert (head.id, head.event, head.repository) == (
        f"mlflow-{IDENTIFIER}", "model_version_alias.created", "mlflow:fraud-scorer",
    )  # fmt: skip


def test_two_secrets_are_valid_while_one_is_changed() -> None:
    sent = signed(body(), "the-old-one", at=AT)
    assert source("the-new-one", "the-old-one").verify(sent.headers, sent.body).action == "created"


@pytest.mark.parametrize("minutes", [-4.9, 4.9])
def test_a_clock_may_be_off_a_little(minutes: float) -> None:
    sent = signed(body(), SECRET, at=AT + int(minutes * 60))
    assert source().verify(sent.headers, sent.body).id.startswith("mlflow-")


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"x-mlflow-signature": ""}, "signature-missing", 401),
        ({"x-mlflow-signature": "sha256=abc"}, "signature-malformed", 401),
        ({"x-mlflow-signature": "v1,ä"}, "signature-malformed", 401),
        ({"x-mlflow-signature": "v1,AAAA"}, "signature-wrong", 401),
        ({"x-mlflow-timestamp": str(AT + 1)}, "signature-wrong", 401),
        ({"x-mlflow-delivery-id": "another-id-of-it"}, "signature-wrong", 401),
    ],
)
def test_what_is_not_signed_is_refused(change: dict[str, str], code: str, status: int) -> None:
    sent = signed(body(), SECRET, at=AT)
    with pytest.raises(DeliveryError) as caught:
        source().verify({**sent.headers, **change}, sent.body)
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize("minutes", [-6, 6, -60 * 24 * 365])
def test_an_old_request_or_one_of_the_future_is_refused(minutes: int) -> None:
    sent = signed(body(), SECRET, at=AT + minutes * 60)
    with pytest.raises(DeliveryError) as caught:
        source().verify(sent.headers, sent.body)
    assert (caught.value.code, caught.value.status) == ("delivery-time-wrong", 401)


def test_without_a_secret_nothing_is_believed() -> None:
    sent = signed(body(), "", at=AT)
    for secrets in ((), ("",)):
        with pytest.raises(DeliveryError) as caught:
            MLflowSource([one.encode() for one in secrets], lambda: NOW).verify(sent.headers, sent.body)
        assert (caught.value.code, caught.value.status) == ("webhook-secret-missing", 503)


@pytest.mark.parametrize("raw", [b"", b"[]", b"nonsense", b"\xff", b'{"a":' * 50_000])
def test_a_signed_body_that_is_no_object_is_refused(raw: bytes) -> None:
    identifier = IDENTIFIER
    headers = {
        "x-mlflow-delivery-id": identifier, "x-mlflow-timestamp": str(AT),
        "x-mlflow-signature": sign(identifier, str(AT), raw, SECRET.encode()),
    }  # fmt: skip
    with pytest.raises(DeliveryError) as caught:
        source().verify(headers, raw)
    assert caught.value.code in {"body-not-json", "body-too-many-values"}


@pytest.mark.parametrize(
    ("entity", "action"),
    [("model_version_alias", "created"), ("model_version_alias", "deleted"), ("model_version", "created")],
)
def test_what_may_move_something_is_a_hint_of_the_model_alone(entity: str, action: str) -> None:
    assert source().read(StoredRequest("", body(entity, action))) == [ModelHint("mlflow", "fraud-scorer")]


@pytest.mark.parametrize(
    "raw",
    [
        body("registered_model"), body("model_version_tag", "set"), body("prompt", "created"),
        body("budget_policy", "exceeded"), body(name=""), body(name=7), body(name="x" * 201), b"{}",
        b'{"entity": "model_version_alias", "action": "created", "data": []}',
        b'{"entity": ["x"], "action": {"y": 1}}',
    ],
)  # fmt: skip
def test_everything_else_is_ignored_with_words(raw: bytes) -> None:
    (event,) = source().read(StoredRequest("", raw))
    assert isinstance(event, Ignored)
    assert event.reason


def test_the_window_is_longer_than_what_mlflow_repeats() -> None:
    sent = signed(body(), SECRET, at=AT)
    late = MLflowSource([SECRET.encode()], lambda: NOW + timedelta(seconds=60))
    assert late.verify(sent.headers, sent.body).id.startswith("mlflow-")
