"""Signed requests as GitHub sends them, for the tests of the receiver."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from uuid import uuid4

SECRET = b"a-secret-of-the-tests"
COMMIT = "4f2c1e9ab0124f2c1e9ab0124f2c1e9ab0124f2c"
BEFORE = "0a" * 20


def push(**changed: Any) -> dict[str, Any]:
    """Give the payload of a push of one commit to develop."""
    return {
        "ref": "refs/heads/develop",
        "before": BEFORE,
        "after": COMMIT,
        "created": False,
        "deleted": False,
        "forced": False,
        "commits": [{"id": COMMIT}],
        "head_commit": {"id": COMMIT, "message": "Change", "author": {"name": "Ada", "email": "ada@example.org"}},
        "repository": {"full_name": "acme/checkout", "fork": False, "default_branch": "main"},
        "pusher": {"name": "ada"},
        "sender": {"login": "ada"},
        **changed,
    }


def signature(body: bytes, secret: bytes = SECRET) -> str:
    """Give the signature header of a body."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def headers(body: bytes, event: str = "push", *, id: str = "", secret: bytes = SECRET) -> dict[str, str]:  # noqa: A002 - the word of the table
    """Give the headers of a delivery."""
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": id or str(uuid4()),
        "X-Hub-Signature-256": signature(body, secret),
        "User-Agent": "GitHub-Hookshot/044aadd",
    }


def raw(payload: Any) -> bytes:
    """Give a payload as bytes."""
    return json.dumps(payload).encode()
