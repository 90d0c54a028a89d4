"""GitHub's requests are refused where they should be, in the right order and words."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.adapters.sources.github.verifying import parse_body, receive, sign, verify
from service.errors import DeliveryError

SECRET, NEXT = b"first secret", b"next secret"
ID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
BODY = b'{"action": "closed", "repository": {"full_name": "acme/checkout"}}'


def headers(body: bytes = BODY, *, secret: bytes = SECRET, **changed: str | None) -> dict[str, str]:
    given = {
        "Content-Type": "application/json",
        "X-GitHub-Delivery": ID,
        "X-GitHub-Event": "pull_request",
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest(),
    }
    given |= {name.replace("_", "-"): value for name, value in changed.items() if value is not None}
    kept = {name: value for name, value in given.items() if changed.get(name.replace("-", "_"), "") is not None}
    return {name.lower(): value for name, value in kept.items()}


def refusal(head: dict[str, str], body: bytes = BODY, secrets: Sequence[bytes] = (SECRET,)) -> tuple[int, str]:
    with pytest.raises(DeliveryError) as caught:
        receive(head, body, secrets)
    return caught.value.status, caught.value.code


def test_signed_request_becomes_a_delivery() -> None:
    delivery = receive(headers(), BODY, [SECRET])
    assert (delivery.id, delivery.event, delivery.action) == (ID, "pull_request", "closed")
    assert delivery.repository == "acme/checkout"


@pytest.mark.parametrize("secret", [SECRET, NEXT])
def test_both_secrets_fit_while_one_is_rotated(secret: bytes) -> None:
    verify(headers(secret=secret), BODY, [SECRET, NEXT])


def test_published_example_of_github_verifies() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation."""
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert sign(b"Hello, World!", b"It's a Secret to Everybody") == expected


GOOD = headers()["x-hub-signature-256"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"X_Hub_Signature_256": None}, "signature-missing"),
        ({"X_Hub_Signature_256": None, "X_Hub_Signature": "sha1=" + "a" * 40}, "signature-sha1-only"),
        ({"X_Hub_Signature_256": "sha1=" + "a" * 40}, "signature-malformed"),
        ({"X_Hub_Signature_256": GOOD[:-1]}, "signature-malformed"),
        ({"X_Hub_Signature_256": GOOD[:20]}, "signature-malformed"),
        ({"X_Hub_Signature_256": GOOD + "0"}, "signature-malformed"),
        ({"X_Hub_Signature_256": GOOD + "\n"}, "signature-malformed"),
        ({"X_Hub_Signature_256": GOOD.upper()}, "signature-malformed"),
        ({"X_Hub_Signature_256": ""}, "signature-malformed"),
        ({"X_Hub_Signature_256": "sha256=" + "é" * 64}, "signature-malformed"),
        ({"X_Hub_Signature_256": "sha256=" + "0" * 64}, "signature-wrong"),
    ],
)
def test_signature_that_proves_nothing_is_401(changed: dict[str, str | None], code: str) -> None:
    assert refusal(headers(BODY, secret=SECRET, **changed)) == (401, code)


def test_body_that_was_changed_is_401() -> None:
    assert refusal(headers(), BODY + b" ") == (401, "signature-wrong")


def test_signature_comes_before_everything_else() -> None:
    head = headers(secret=b"wrong", Content_Type="text/plain", X_GitHub_Delivery="?", X_GitHub_Event="?")
    assert refusal(head, b"[" * 100_000) == (401, "signature-wrong")


@pytest.mark.parametrize("secrets", [[], [b""], [b"", b""]])
def test_no_secret_accepts_nobody(secrets: list[bytes]) -> None:
    assert refusal(headers(secret=b""), secrets=secrets) == (503, "webhook-secret-missing")


def test_empty_secret_beside_a_real_one_fits_nothing() -> None:
    assert refusal(headers(secret=b""), secrets=[b"", SECRET]) == (401, "signature-wrong")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Content_Type": "application/x-www-form-urlencoded"}, "content-type-form"),
        ({"Content_Type": "text/plain"}, "content-type-unknown"),
        ({"Content_Type": None}, "content-type-unknown"),
        ({"X_GitHub_Delivery": None}, "delivery-id-invalid"),
        ({"X_GitHub_Delivery": "short"}, "delivery-id-invalid"),
        ({"X_GitHub_Delivery": "a" * 65}, "delivery-id-invalid"),
        ({"X_GitHub_Delivery": "../../etc/passwd"}, "delivery-id-invalid"),
        ({"X_GitHub_Delivery": ID + "\n"}, "delivery-id-invalid"),
        ({"X_GitHub_Delivery": "é" * 36}, "delivery-id-invalid"),
        ({"X_GitHub_Delivery": "' OR 1=1; --"}, "delivery-id-invalid"),
        ({"X_GitHub_Event": None}, "delivery-event-invalid"),
        ({"X_GitHub_Event": "a b"}, "delivery-event-invalid"),
        ({"X_GitHub_Event": "a" * 100}, "delivery-event-invalid"),
    ],
)
def test_header_that_is_wrong_is_400(changed: dict[str, str | None], code: str) -> None:
    assert refusal(headers(BODY, secret=SECRET, **changed)) == (400, code)


def test_form_is_told_how_to_set_the_hook() -> None:
    with pytest.raises(DeliveryError) as caught:
        receive(headers(Content_Type="application/x-www-form-urlencoded; charset=utf-8"), BODY, [SECRET])
    assert "content type to application/json on GitHub" in caught.value.hint


def test_content_type_may_name_its_charset() -> None:
    assert receive(headers(Content_Type="Application/JSON; charset=utf-8"), BODY, [SECRET]).id == ID


BAD_BODIES = {
    "empty": b"",
    "text": b"hello",
    "cut": BODY[:-1],
    "list": b"[]",
    "string": b'"x"',
    "null": b"null",
    "deep-lists": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep-objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "huge-number": b'{"a": ' + b"9" * 100_000 + b"}",
    "nan": b'{"a": NaN}',
    "latin-1": '{"a": "é"}'.encode("latin-1"),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_body_that_is_no_json_object_is_400(body: bytes) -> None:
    assert refusal(headers(body), body) == (400, "body-not-json")


@pytest.mark.parametrize("repository", ["null", "5", "[]", '{"full_name": 7}', r'{"full_name": "a/\ud800"}'])
def test_repository_of_another_shape_is_left_to_the_events(repository: str) -> None:
    body = f'{{"repository": {repository}}}'.encode()
    assert receive(headers(body), body, [SECRET]).repository == ""


@example(b"\x1f\x8b")
@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused_as_ours(raw: bytes) -> None:
    wrong = False
    try:
        wrong = not isinstance(parse_body(raw), dict)
    except DeliveryError as error:
        wrong = error.status not in {400, 415}
    assert not wrong


@given(st.text(max_size=100))
def test_any_signature_but_the_right_one_is_401(signature: str) -> None:
    assert refusal(headers(X_Hub_Signature_256=signature))[0] == 401


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP, identity"])
def test_a_compressed_body_is_refused_in_words(encoding: str) -> None:
    assert refusal(headers(BODY, Content_Encoding=encoding)) == (415, "content-encoding-unknown")
