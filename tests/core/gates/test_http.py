"""The http gate: what is asked, how it is signed, and what an answer means."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from service.core.gates import Allow, Refuse, Unknown, Verdict, Wait
from service.core.gates.http import Options, judge, question, question_id, signature
from service.core.gates.http_answer import HttpAnswer
from service.core.words import Repository, Sha
from tests.core.gates.promotions import NOW, ago, ahead, facts

OPTIONS = Options.model_validate({"url": "https://gate.acme.dev/ask", "secret": "GATE_SECRET"})
QUESTION = question_id(question(facts()))
AGAIN = ahead(minutes=1)


def judged(body: object, status: int = 200) -> Verdict:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(OPTIONS, facts(answer=HttpAnswer(QUESTION, status, raw, NOW)))


def test_the_question_is_stable_and_names_the_release() -> None:
    asked = question(facts())

    assert asked == question(facts(now=ago(days=1), source=Repository("ACME/Checkout"), labels=frozenset({"x"})))
    assert json.loads(asked)["images"] == [
        {"digest": "sha256:" + "0a" * 32, "name": "ghcr.io/acme/checkout", "tag": "4f4f4f4f4f4f"}
    ]
    assert asked != question(facts(environment="stage"))


def test_the_signature_is_of_time_and_body() -> None:
    body = question(facts())

    header = signature(b"secret", body, NOW)

    seconds = str(int(NOW.timestamp()))
    expected = hmac.new(b"secret", seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert header == f"t={seconds},v1={expected}"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"verdict": "allow"}, Allow("allowed")),
        ({"verdict": "allow", "words": "a\nb"}, Allow("a b")),
        ({"verdict": "allow", "until": "2026-01-05T13:00:00+00:00"}, Allow("allowed", ahead(hours=1))),
        ({"verdict": "wait", "words": "load", "retry_after": 90}, Wait("load", ahead(seconds=90))),
        ({"verdict": "wait", "words": "load", "until": "2026-01-05T14:00:00+01:00"}, Wait("load", ahead(hours=1))),
        ({"verdict": "wait", "words": "load"}, Wait("load", AGAIN)),
        ({"verdict": "refuse", "words": "no"}, Refuse("no")),
        ({"verdict": "refuse"}, Refuse("the address refused, without words")),
    ],
)
def test_a_clear_answer_is_taken(answer: object, verdict: Verdict) -> None:
    assert judged(answer) == verdict


def test_an_answer_may_begin_with_a_byte_order_mark_and_have_more_keys() -> None:
    assert judged(b'\xef\xbb\xbf{"verdict": "allow", "more": [1]}') == Allow("allowed")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"allow",
        b"<html>",
        b"\xff",
        b'"allow"',
        b"null",
        b"[" * 50_000,
        b'{"a":' * 150 + b"1" + b"}" * 150,
        b'{"verdict": "allow", "verdict": "wait"}',
        b'{"verdict": "refuse", "words": ' + b"9" * 5000 + b"}",
        b'{"verdict": "allow", "x": "' + b"a" * 70_000 + b'"}',
        {"verdict": True},
        {"verdict": "Allow"},
        {"verdict": ["allow"]},
        {"allow": True},
        {"verdict": "allow", "words": 5},
        {"verdict": "allow", "until": "tomorrow"},
        {"verdict": "allow", "until": "2026-01-05T13:00:00"},
        {"verdict": "allow", "until": "0001-01-01T00:00:00+14:00"},
        {"verdict": "wait", "retry_after": -1},
        {"verdict": "wait", "retry_after": "5"},
        {"verdict": "wait", "retry_after": True},
        {"verdict": "wait", "retry_after": float("nan")},
    ],
    ids=lambda answer: str(answer)[:40],
)
def test_anything_else_is_a_wait_in_words(answer: object) -> None:
    verdict = judged(answer)

    assert isinstance(verdict, Wait)
    assert verdict.words.startswith("the answer is not understood")
    assert verdict.until == AGAIN


@pytest.mark.parametrize("status", [204, 301, 401, 404, 500])
def test_only_a_success_is_an_answer(status: int) -> None:
    assert isinstance(judged(b"" if status == 204 else {"verdict": "allow"}, status), Wait)


@pytest.mark.parametrize(
    ("answer", "until"),
    [
        ({"verdict": "wait", "retry_after": 0}, ahead(seconds=5)),
        ({"verdict": "wait", "until": "2025-01-01T00:00:00Z"}, ahead(seconds=5)),
        ({"verdict": "wait", "retry_after": 1e300}, ahead(days=30)),
        ({"verdict": "wait", "retry_after": float("inf")}, ahead(days=30)),
        ({"verdict": "wait", "until": "9999-12-31T23:59:59Z"}, ahead(days=30)),
    ],
)
def test_no_answer_makes_it_ask_all_the_time_or_never_again(answer: object, until: object) -> None:
    verdict = judged(answer)

    assert isinstance(verdict, Wait)
    assert verdict.until == until


def test_words_are_short_and_can_be_stored() -> None:
    verdict = judged(b'{"verdict": "refuse", "words": "\\ud800' + b"a" * 2000 + b'"}')

    assert isinstance(verdict, Refuse)
    assert len(verdict.words.encode()) <= 510


def test_an_allowance_ends_at_its_time() -> None:
    body = json.dumps({"verdict": "allow", "until": (NOW + timedelta(hours=1)).isoformat()}).encode()
    later = facts(now=ahead(hours=1), answer=HttpAnswer(QUESTION, 200, body, NOW))

    assert isinstance(judge(OPTIONS, later), Wait)
    assert isinstance(judge(OPTIONS, replace(later, now=ahead(minutes=59))), Allow)


def test_an_answer_about_another_release_opens_nothing() -> None:
    answer = HttpAnswer(QUESTION, 200, b'{"verdict": "allow"}', NOW)

    assert isinstance(judge(OPTIONS, facts(answer=answer)), Allow)
    assert isinstance(judge(OPTIONS, facts(commit=Sha("5e" * 20), answer=answer)), Wait)


def test_no_answer_waits() -> None:
    assert judge(OPTIONS, facts(answer=Unknown("no answer within 10s", AGAIN))) == Wait(
        "the answer could not be read: no answer within 10s", AGAIN
    )
    assert isinstance(judge(OPTIONS, facts()), Wait)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "gate.acme.dev", "secret": "S"},
        {"url": "https://u:p@gate.acme.dev", "secret": "S"},
        {"url": "file:///etc/passwd", "secret": "S"},
        {"url": "https://gate.acme.dev", "secret": "the secret itself"},
        {"url": "https://gate.acme.dev"},
        {"url": "https://gate.acme.dev", "secret": "S", "timeout": "2m"},
        {"url": "https://gate.acme.dev", "secret": "S", "timeout": 5},
    ],
    ids=str,
)
def test_options_that_mean_nothing_are_refused(options: object) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)
