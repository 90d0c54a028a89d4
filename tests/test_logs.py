"""What logs may contain, and what they must never contain."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog

from service import logs
from service.core.secret_looking import REDACTED

SECRETS = {
    "GitHub personal token": "ghp_" + "a1B2" * 9,
    "GitHub App installation token": "ghs_" + "a1B2" * 9,
    "GitHub fine-grained token": "github_pat_11ABCDEFG0" + "a1B2" * 12,
    "AWS key id": "AKIA" + "ABCDEFGHIJKLMNOP",
    "AWS session key id": "ASIA" + "ABCDEFGHIJKLMNOP",
    "JSON web token of Argo CD": "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhcmdvY2QifQ.c2lnbmF0dXJlLW9mLXRlc3Q",
}
PLACED = {
    "Authorization: Bearer SECRET": "s3cr3t-bearer-value",
    "authorization=Basic SECRET": "eC1hY2Nlc3MtdG9rZW46Z2hzXw==",
    "{'Authorization': 'token SECRET'}": "s3cr3t-token-value",
    "cloning https://x-access-token:SECRET@github.example/acme/app": "hunter2hunter2",
    "postgresql+psycopg://mergeport:SECRET@db/mergeport": "p4ssw0rd",
    "aws_secret_access_key = SECRET": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "-----BEGIN RSA PRIVATE KEY-----\nSECRET\n-----END RSA PRIVATE KEY-----": "MIIEpAIBAAKCAQEA",
}


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Log to a buffer as JSON, and restore the process's logging afterwards."""
    root = logging.getLogger()
    kept = (root.handlers[:], root.level, sys.excepthook, threading.excepthook)
    buffer = io.StringIO()
    logs.configure("json", "info", stream=buffer)
    yield buffer
    root.handlers[:], sys.excepthook, threading.excepthook = kept[0], kept[2], kept[3]
    root.setLevel(kept[1])
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_taken_out_of_a_sentence(kind: str) -> None:
    told = logs.redact(f"the answer was {SECRETS[kind]}, said so")
    assert SECRETS[kind] not in told
    assert told.startswith("the answer was [redacted]")


@pytest.mark.parametrize("text", PLACED)
def test_a_secret_is_known_by_its_place(text: str) -> None:
    told = logs.redact(text.replace("SECRET", PLACED[text]))
    assert PLACED[text] not in told
    assert REDACTED in told


@pytest.mark.parametrize(
    "text",
    [
        "promoted checkout 4f2c1e9ab012 to stage",
        "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/checkout:4f2c1e9ab012@sha256:" + "0a" * 32,
        "https://github.example/acme/app/pull/41?tab=files",
        "mail ada@example.org about it",
        "01JQ8Z5T4V6W8X0Y2Z4A6B8C0D",
    ],
)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert logs.redact(text) == text


def test_a_field_named_like_a_secret_is_taken_out_whole(stream: io.StringIO) -> None:
    structlog.get_logger("x").info("asked", api_token="plain", headers={"authorization": "whatever"}, tokens_left=3)
    line = json.loads(stream.getvalue())
    assert line["api_token"] == REDACTED
    assert line["headers"] == {"authorization": REDACTED}
    assert line["tokens_left"] == 3


def test_bytes_are_counted_and_not_shown(stream: io.StringIO) -> None:
    structlog.get_logger("x").info("got", body=b"secret body")
    assert json.loads(stream.getvalue())["body"] == "11 bytes"


def test_a_library_s_words_go_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("some.library").warning("retrying %s", "https://user:pw-of-mine@host/x")
    line = json.loads(stream.getvalue())
    assert line["event"] == "retrying https://[redacted]@host/x"
    assert line["level"] == "warning"
    assert line["logger"] == "some.library"


def test_a_traceback_is_text_without_secrets(stream: io.StringIO) -> None:
    try:
        int(SECRETS["GitHub personal token"])
    except ValueError:
        structlog.get_logger("x").exception("failed")
    line = json.loads(stream.getvalue())
    assert "ValueError: invalid literal" in line["exception"]
    assert SECRETS["GitHub personal token"] not in stream.getvalue()


def test_bound_context_is_on_every_line(stream: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(run="01J"):
        logging.getLogger("some.library").warning("hm")
    assert json.loads(stream.getvalue())["run"] == "01J"


def test_an_error_that_nothing_catches_is_logged_as_one(stream: io.StringIO) -> None:
    error = RuntimeError("boom")
    sys.excepthook(RuntimeError, error, None)
    line = json.loads(stream.getvalue())
    assert line["level"] == "critical"
    assert "RuntimeError: boom" in line["exception"]


def test_an_error_in_a_thread_is_logged_with_its_name(stream: io.StringIO) -> None:
    def fail() -> None:
        raise RuntimeError("boom")

    thread = threading.Thread(target=fail, name="watcher")
    thread.start()
    thread.join()
    line = json.loads(stream.getvalue())
    assert line["thread"] == "watcher"
    assert "RuntimeError: boom" in line["exception"]


def test_the_console_shows_a_traceback_once(stream: io.StringIO) -> None:
    console = io.StringIO()
    logs.configure("console", "info", stream=console)
    try:
        int("boom")
    except ValueError:
        structlog.get_logger("x").exception("failed")
    assert console.getvalue().count("ValueError: invalid literal") == 1


@pytest.mark.parametrize("size", [10_000, 1_000_000])
@pytest.mark.parametrize("secret", ["ghp_" + "x" * 30, "-----BEGIN RSA PRIVATE KEY-----\n" + "y" * 1600])
def test_a_line_is_bounded_and_its_cut_shows_no_secret(size: int, secret: str) -> None:
    text = "z" * 980 + " " + secret + " " + "z" * size
    told = json.dumps(
        logs.redact_event(None, "", {"event": "x", "branch": text, "all": [text] * 3, "many": [1] * 10**6})
    )
    assert len(told) < 10_000
    assert secret[:40] not in told
    assert "yyyy" not in told


def test_what_the_engine_s_library_says_again_and_again_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = logging.getLogger("dbos")  # as it is before the library has been started in this process
    for name, value in {"propagate": True, "disabled": False, "level": logging.NOTSET, "handlers": []}.items():
        monkeypatch.setattr(engine, name, value)
    stream = io.StringIO()
    logs.configure("json", stream=stream)
    for number in range(5):
        logging.getLogger("dbos").warning("Exception listing queues: the database is away, try %d", number)
        logging.getLogger("other").warning("Exception listing queues: the database is away, try %d", number)
    told = [json.loads(line)["logger"] for line in stream.getvalue().splitlines()]
    assert (told.count("dbos"), told.count("other")) == (1, 5)


def test_a_field_of_a_stranger_moves_no_cursor() -> None:
    told = logs.redact_event(None, "", {"event": "x", "branch": "\x1b[2J"})
    assert told["branch"] == "\\x1b[2J"
