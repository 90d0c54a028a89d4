"""The receiver: what it takes in, what it refuses, and what is stored of each."""

from __future__ import annotations

import gzip
import hmac
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from service.adapters.sources.github import GitHubSource
from service.core.words import DeliveryId, DeliveryState
from service.store import Store, deliveries
from service.web.counters import Counters
from service.web.webhooks import Receiver, public_app
from tests.fixtures.rows import NOW
from tests.kinds.sources.toy import ToySource
from tests.web.conftest import URL
from tests.web.deliveries import SECRET, headers, push, raw, signature

ID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
HOOK = "/webhooks/github"


def send(client: FlaskClient, payload: Any, event: str = "push", **changed: str) -> TestResponse:
    body = payload if isinstance(payload, bytes) else raw(payload)
    return client.post(HOOK, data=body, headers={**headers(body, event, id=ID), **changed})


def stored(store: Store) -> list[deliveries.StoredDelivery]:
    with store.read() as tx:
        return deliveries.newest(tx)


def test_a_signed_push_is_stored_and_answered_with_its_page(public: FlaskClient, store: Store) -> None:
    body = raw(push())
    answer = send(public, body)
    assert (answer.status_code, answer.json) == (202, {"delivery": ID, "url": f"{URL}/deliveries/{ID}"})
    with store.read() as tx:
        kept = deliveries.get(tx, DeliveryId(ID))
        assert deliveries.body(tx, DeliveryId(ID)) == body
    assert kept is not None
    assert (kept.event, kept.repository, kept.state) == ("push", "acme/checkout", DeliveryState.STORED)
    assert kept.received_at == NOW


def test_the_second_secret_is_valid_as_well(public: FlaskClient) -> None:
    body = raw(push())
    answer = public.post(HOOK, data=body, headers=headers(body, secret=b"the-next-secret"))
    assert answer.status_code == 202


def test_a_redelivery_is_the_same_row_and_the_same_answer(
    public: FlaskClient, store: Store, counters: Counters
) -> None:
    first = send(public, push())
    again = send(public, push())
    assert (again.status_code, again.json) == (202, first.json)
    assert [row.repeats for row in stored(store)] == [1]
    assert (counters.count("accepted"), counters.count("repeated")) == (1, 1)


REFUSED: dict[str, tuple[dict[str, str], int, str]] = {
    "a wrong signature": ({"X-Hub-Signature-256": "sha256=" + "0" * 64}, 401, "signature-wrong"),
    "a truncated signature": ({"X-Hub-Signature-256": "sha256=abcdef"}, 401, "signature-malformed"),
    "an empty signature": ({"X-Hub-Signature-256": ""}, 401, "signature-malformed"),
    "a SHA-1 signature in its place": ({"X-Hub-Signature-256": "sha1=" + "0" * 40}, 401, "signature-malformed"),
    "a form": ({"Content-Type": "application/x-www-form-urlencoded"}, 400, "content-type-form"),
    "no event": ({"X-GitHub-Event": ""}, 400, "delivery-event-invalid"),
    "no id": ({"X-GitHub-Delivery": ""}, 400, "delivery-id-invalid"),
    "an id that is a path": ({"X-GitHub-Delivery": "../../../etc/passwd"}, 400, "delivery-id-invalid"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_by_its_headers(public: FlaskClient, store: Store, counters: Counters, case: str) -> None:
    changed, status, code = REFUSED[case]
    answer = send(public, push(), **changed)
    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["error"] == code
    assert answer.json["message"]
    assert answer.json["hint"]
    assert stored(store) == []
    assert counters.count(code) == 1


def test_an_unsigned_request_is_refused(public: FlaskClient, store: Store) -> None:
    body = raw(push())
    unsigned = {name: value for name, value in headers(body).items() if name != "X-Hub-Signature-256"}
    answer = public.post(HOOK, data=body, headers=unsigned)
    assert (answer.status_code, stored(store)) == (401, [])
    assert answer.json is not None
    assert answer.json["error"] == "signature-missing"


MALFORMED: dict[str, bytes] = {
    "no JSON": b"{",
    "nothing": b"",
    "a list": b"[]",
    "not UTF-8": b'{"ref": "\xff\xfe"}',
    "nested deeply": b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "nested deeply in objects": b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "a number of a thousand digits": b'{"a":' + b"9" * 100_000 + b"}",
    "a push of another shape": raw(push(ref=7)),
    "a push without a repository": raw({"ref": "refs/heads/x", "before": "0" * 40, "after": "1" * 40}),
    "a branch with a NUL": raw(push(ref="refs/heads/a\x00b")),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_signed_body_that_cannot_be_read_is_refused(public: FlaskClient, store: Store, case: str) -> None:
    answer = send(public, MALFORMED[case])
    assert answer.status_code == 400
    assert answer.json is not None
    assert set(answer.json) == {"error", "message", "hint"}
    assert stored(store) == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (gzip.compress(raw(push())), "The body is compressed"),
        (b'{"ref": "\xff"}', "its bytes are not UTF-8"),
        (raw(push())[:-1], "delimiter at character"),
        (b'{"a": NaN}', "an invalid number"),
        (raw(push(ref="refs/heads/a\x07")), "The payload's `ref` cannot be read: has a control character"),
    ],
)
def test_refusal_of_a_body_is_in_words_and_says_what_to_do(public: FlaskClient, body: bytes, told: str) -> None:
    answer = send(public, body)
    assert answer.json is not None
    assert told in answer.json["message"]
    assert "Error" not in answer.json["message"]
    assert answer.json["hint"]


def test_the_signature_is_judged_before_the_body_is_parsed(public: FlaskClient) -> None:
    answer = public.post(HOOK, data=b"{", headers={**headers(b"{"), "X-Hub-Signature-256": signature(b"other")})
    assert answer.status_code == 401


NEEDLESS = {
    "a tag": ("push", push(ref="refs/tags/v1"), "tag"),
    "a deleted branch": ("push", push(deleted=True, after="0" * 40, head_commit=None, commits=[]), "branch deleted"),
    "a fork": ("push", push(repository={"full_name": "eve/checkout", "fork": True}), "fork"),
    "another event": ("star", {"action": "created"}, "event `star` is not read"),
}


@pytest.mark.parametrize("case", NEEDLESS)
def test_a_needless_delivery_is_kept_without_its_body(
    public: FlaskClient, store: Store, counters: Counters, case: str
) -> None:
    event, payload, reason = NEEDLESS[case]
    answer = send(public, payload, event)
    assert (answer.status_code, answer.json) == (200, {"ignored": reason})
    [kept] = stored(store)
    assert (kept.state, kept.reason) == (DeliveryState.IGNORED, reason)
    with store.read() as tx:
        assert deliveries.body(tx, kept.id) == b""
    assert counters.count("ignored") == 1


def test_a_ping_answers_and_stores_nothing(public: FlaskClient, store: Store) -> None:
    answer = send(public, {"zen": "Keep it logically awesome.", "hook_id": 1}, "ping")
    assert (answer.status_code, answer.json) == (200, {"pong": "Keep it logically awesome."})
    assert stored(store) == []


@pytest.mark.parametrize("branch", ["feature/x", "-x", "größe/火", "a" * 200])
def test_branches_of_any_name_are_taken(public: FlaskClient, store: Store, branch: str) -> None:
    assert send(public, push(ref=f"refs/heads/{branch}")).status_code == 202
    with store.read() as tx:
        assert json.loads(deliveries.body(tx, DeliveryId(ID)))["ref"] == f"refs/heads/{branch}"


def test_a_store_that_is_away_is_503_with_a_time(store: Store, receiver: Receiver, counters: Counters) -> None:
    with store.begin() as tx:
        tx.exec_driver_sql("DROP TABLE deliveries")
    answer = send(public_app(receiver).test_client(), push())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json is not None
    assert answer.json["error"] == "store-unavailable"
    assert counters.count("store-unavailable") == 1


def test_without_a_secret_nothing_is_taken(receiver: Receiver) -> None:
    client = public_app(
        Receiver(
            store=receiver.store,
            sources={"github": GitHubSource([b""])},
            url=URL,
            now=receiver.now,
            counters=receiver.counters,
        )
    ).test_client()
    assert send(client, push(), **{"X-Hub-Signature-256": signature(raw(push()), b"")}).status_code == 503


@pytest.mark.parametrize(
    "path", ["/", "/runs/x", "/deliveries", "/metrics", "/readyz", "/webhooks", "/webhooks/gitlab", "/static/style.css"]
)
def test_everything_else_on_the_public_listener_is_404(public: FlaskClient, path: str) -> None:
    answer = public.get(path)
    assert answer.status_code == 404
    assert answer.json is not None
    assert answer.json["error"] == "not-found"


def test_the_hook_is_for_posts_only(public: FlaskClient) -> None:
    answer = public.get(HOOK)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_healthz_answers(public: FlaskClient) -> None:
    assert public.get("/healthz").json == {"ok": True}


def test_no_log_has_a_body_or_a_signature(public: FlaskClient) -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        send(public, push(head_commit={"id": "4f" * 20, "message": "words of the body"}))
        send(public, push(), **{"X-Hub-Signature-256": "sha256=" + "d" * 64})
    told = json.dumps(lines)
    assert len(lines) == 2
    assert "words of the body" not in told
    assert "d" * 64 not in told


EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "octokit" / "webhooks-examples.json").read_text())


def test_every_example_that_github_publishes_is_answered_and_none_as_our_fault(
    public: FlaskClient, store: Store, counters: Counters
) -> None:
    told: dict[int, set[str]] = {}
    sent = 0
    for hook in EXAMPLES:
        for number, example in enumerate(hook["examples"]):
            body = raw(example)
            answer = public.post(
                HOOK,
                data=body,
                headers=headers(body, hook["name"], id=f"{hook['name']}-{number:08}"[:64].replace("_", "-")),
            )
            told.setdefault(answer.status_code, set()).add(hook["name"])
            sent += 1
    assert sent > 100
    assert set(told) <= {200, 202}
    builds, gates = {"workflow_run", "workflow_job", "check_suite"}, {"status", "check_run", "pull_request_review"}
    assert told[202] <= {"push", "pull_request", "merge_group", *builds, *gates}
    assert counters.count("internal-error") == 0


def test_each_source_has_an_address_of_its_own(receiver: Receiver, store: Store) -> None:
    toy = ToySource(b"toy-secret")
    client = public_app(replace(receiver, sources={**receiver.sources, "toy": toy})).test_client()
    signed = {"X-Toy-Signature": hmac.new(b"toy-secret", b"hello", "sha256").hexdigest()}
    assert client.post("/webhooks/toy", data=b"hello", headers=signed).json == {"ignored": "not a ping"}
    assert send(client, push()).status_code == 202
    assert [(one.source, one.event) for one in stored(store)] == [("github", "push"), ("toy", "line")]


def test_signature_of_one_source_opens_no_other(receiver: Receiver, store: Store) -> None:
    client = public_app(replace(receiver, sources={**receiver.sources, "toy": ToySource(SECRET)})).test_client()
    body = raw(push())
    assert client.post("/webhooks/toy", data=body, headers=headers(body)).status_code == 401
    assert stored(store) == []


def test_header_names_are_read_in_any_case(public: FlaskClient) -> None:
    body = raw(push())
    named = {name.upper(): value for name, value in headers(body).items()}
    assert public.post(HOOK, data=body, headers=named).status_code == 202
