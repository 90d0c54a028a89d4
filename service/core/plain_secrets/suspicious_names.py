"""Which keys hold secrets, and which of their values are none: empty ones, references, names of Secrets, ciphertext.

Called by the search. It knows the words that charts use; the forms of tokens are the detector's.
"""

from __future__ import annotations

import re
from itertools import pairwise

from service.core.secret_looking import is_secret_name

_MORE_NAMES = re.compile(
    r"(?i:(?:^|[_.-])(?:pass|pwd)$|(?:db|database|key|user|admin|root)[_-]?pass$)|(?<=[a-z0-9])P(?:ass|wd)$"
    r"|(?i:(?:^|[_.-]|(?<=[a-z0-9]))(?:(?:account|auth|client|service|master)[_-]?key|connection[_-]?string)$)"
)
_NAMES_A_SECRET = re.compile(r"(?<![a-z])[sS]ecrets?$|Secrets?$")
"""Keys whose value is, in charts, the name of a Secret: existingSecret, tlsSecret, imagePullSecrets."""
_NAMES_CREDENTIALS = re.compile(r"(?i)credentials?$")
_IS_A_HEADER = re.compile(r"(?i)(authorization|cookies?)$")
_SETTING = re.compile(r"[A-Za-z_-]{1,15}")
"""What a switch is set to, in `authorization: rbac` or `cookie: session`; a header's value is longer."""
_HOLDS_A_SECRET = re.compile(
    r"(?i)(client|app|application|webhook|signing|shared|consumer|session|cookie|jwt|api|auth|user|master|root)[_-]?secret$"
)
_ONLY_WORDS = {"secret", "secrets", "credential", "credentials"}
_NAME_OF_SECRET = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_KEY_IN_SECRET = re.compile(r"(?i)(secret[_-]?key|.*key)$")
_PLACEHOLDER = re.compile(
    r"""(?x) \s*(?:
        \$[({] | \$\w+$ | \{\{ | \{[\w.]+\}$ | <[^<>]*>$ | %[\w.-]+%$ | \*+$ | x{3,}$ | \.{3}$ | …$
        | (?:ENC\[|vault:|ref\+|op://|secretref:|awssm://|gcpsm://|azkv://)
        | alias/[\w/-]+$ | arn:aws[\w-]*:(?:secretsmanager|ssm|kms|iam): | file:/
    )"""
)
_TEMPLATE = re.compile(r"\{\{.*\}\}|\$\(\w+\)|\$\{[\w.:?-]+\}")
_PATH = re.compile(r"\.{0,2}/[\w.@%+-]+(?:/[\w.@%+-]+)+/?")
_FILE_NAME = re.compile(r"[\w.-]+\.(?:json|ya?ml|pem|key|crt|p12|pfx|jks|txt|conf|env|toml|ini)")
_KEY_TEXT = re.compile(r"[A-Za-z0-9+/=]{32,}")
_SEALED = re.compile(r"A[gQ][A-D][A-Za-z0-9+/]+={0,2}")
_NOTHING = {"", "~", "null", "Null", "NULL", "true", "false", "True", "False", "yes", "no", "on", "off", "none", "None"}
_LEAST_SEALED, _SURELY_SEALED = 24, 300


def holds_secret(name: str) -> bool:
    """Tell whether a key's name, or its singular, says that its value is a secret."""
    return any(is_secret_name(one) or _MORE_NAMES.search(one) is not None for one in (name, name.removesuffix("s")))


def is_no_secret(name: str, value: str, *, variable: bool = False) -> bool:
    """Tell whether the value under such a name is not a secret itself: empty, a reference, a Secret's name.

    `variable`: it is an environment variable, and those get no names of Secrets.
    """
    text = value.strip()
    if text in _NOTHING or is_placeholder(text) or _PATH.fullmatch(text) or is_surely_sealed(text):
        return True
    if name.endswith("s") and text.isdecimal():  # maxTokens
        return True
    if "-----BEGIN" in text and not has_key_text(text):
        return True
    if _IS_A_HEADER.search(name):
        return _SETTING.fullmatch(text) is not None
    if variable or (name.isupper() and len(name) > 1):
        return False
    if (_NAMES_A_SECRET.search(name) and not _HOLDS_A_SECRET.search(name)) or _NAMES_CREDENTIALS.search(name):
        named = _NAME_OF_SECRET.fullmatch(text) is not None and not _is_shuffled(text)
        return named and ("-" in text or text.isalpha() or name.casefold() not in _ONLY_WORDS)
    # `secretKey: password` names a key of a Secret, or a file in it.
    names_a_key = holds_secret(text) and not any(map(str.isdigit, text))
    return _KEY_IN_SECRET.fullmatch(name) is not None and (names_a_key or _FILE_NAME.fullmatch(text) is not None)


def has_key_text(text: str) -> bool:
    """Tell whether a private key has its letters, and is not only told of."""
    return _KEY_TEXT.search(text) is not None


def is_placeholder(text: str) -> bool:
    """Tell whether something else is put in its place before it is used."""
    return _PLACEHOLDER.match(text) is not None or _TEMPLATE.search(text) is not None


def is_sealed(text: str) -> bool:
    """Tell whether a text is what `kubeseal` prints: base64 that begins with the length of an RSA key's ciphertext.

    https://github.com/bitnami-labs/sealed-secrets/blob/main/pkg/crypto/crypto.go (HybridEncrypt): two bytes, 0x0200 for
    the usual 4096 bits, 0x0100 for 2048.
    """
    return len(text) >= _LEAST_SEALED and _SEALED.fullmatch("".join(text.split())) is not None


def is_surely_sealed(text: str) -> bool:
    """Tell the same of a text that may be anything: only the length of a real one convinces."""
    return len(text) >= _SURELY_SEALED and is_sealed(text)


def _is_shuffled(text: str) -> bool:
    """Tell whether letters and digits alternate as they do in no name."""
    turns = sum(a.isdigit() != b.isdigit() for a, b in pairwise(text))
    return len(text) >= 16 and turns >= len(text) / 5  # noqa: PLR2004 - what names were seen to stay below
