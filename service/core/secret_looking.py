"""What looks like a secret: names of keys, and texts. Called by logging, and by what goes along with a release."""

from __future__ import annotations

import re

SECRETS = (
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{16,}"),
    re.compile(r"\bgithub_pat_[A-Za-z0-9_]{16,}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"(?i)(aws_secret_access_key[\"']?\s*[:=]\s*[\"']?)[A-Za-z0-9/+]{40}"),
    re.compile(r"(?i)(authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer|token)\s+)?[^\s\"',;]+"),
    re.compile(r"(?i)(\b(?:bearer|basic) )[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(://)[^\s/@\"']+(?=@)"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)([?&](?:access_)?(?:token|secret|signature)=)[^\s&\"']+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)
"""Tokens of GitHub, keys of AWS, `Authorization` values, user parts of addresses, JSON web tokens, private keys.

If a pattern has a group, it is the text between a name and its secret, and is kept.
"""

REDACTED = "[redacted]"

_NAME = re.compile(
    r"(?i)(^|[_.-]|(?<=[a-z0-9]))(authorization|cookie|credentials?|passwd|password|passphrase|secrets?|token"
    r"|(?:access|api|private|secret|signing|encryption)[_-]?key)$"
)


def is_secret_name(name: str) -> bool:
    """Tell whether a key's last word says that it holds a secret, as `dbPassword` does and `secretName` does not."""
    return _NAME.search(name) is not None


def is_secret_text(text: str) -> bool:
    """Tell whether a text looks like a secret, or has one in it."""
    return any(pattern.search(text) for pattern in SECRETS)


def masked(text: str) -> str:
    """Replace whatever looks like a secret in a text."""
    for pattern in SECRETS:
        text = pattern.sub(lambda found: "".join(found.groups()) + REDACTED, text)
    return text
