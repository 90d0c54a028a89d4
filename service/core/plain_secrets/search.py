"""Searches one file of a manifest repository for plain secrets. Called in the detector's own process.

Three things make a text suspicious: a known form of a secret, anywhere, also in a comment; a name that says so; and
letters drawn by lot. What is known to be harmless passes: digests, tags, addresses, certificates, sealed ciphertext,
references and names of Secrets.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import replace

from service.core.plain_secrets.scalar_walk import Value, values_of
from service.core.plain_secrets.suspicion import Finding, Forms
from service.core.plain_secrets.suspicious_names import (
    has_key_text,
    holds_secret,
    is_no_secret,
    is_placeholder,
    is_sealed,
    is_surely_sealed,
)
from service.errors import ValuesEditError

YAML_NAMES = (".yaml", ".yml", ".json")
_PROSE = (".md", ".txt", ".rst", ".adoc")
_ALLOWS = re.compile(r"#[ \t]*pragma: ?allowlist[ -]secret\b[ \t:,;-]*(.*?)[ \t]*$")
_ALLOWS_NEXT = re.compile(r"^[ \t]*#[ \t]*pragma: ?allowlist[ -]nextline[ -]secret\b[ \t:,;-]*(.*?)[ \t]*$")
_REASON = re.compile(r"\w{2}")
_ASSIGNED = re.compile(
    r"""(?x) (?:^|[\s{,;&?'"]) -{0,2} ['"]?(?P<name>[A-Za-z_][\w.-]{1,80})['"]? [ \t]*[:=]{1,2}[ \t]*
    (?:(?i:bearer|basic|token)[ \t]+)? (?P<value>[^\s,;'"&]+|'[^']*'|"[^"]*")"""
)
_GIVEN = re.compile(r"(?:^|\s)--(?P<name>[A-Za-z][\w.-]{1,80})[ \t]+(?P<value>[^\s,;'\"&-][^\s,;'\"&]*)")
_BREAKS = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_OPTION = re.compile(r"--?(?P<name>[A-Za-z][\w.-]{1,80})")
_CODE = re.compile(r"[\w.]+[(\[]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
_HARMLESS_NAME = re.compile(
    r"(?i)(checksum|digest|sha\d*|integrity|fingerprint|public_?key|ca_?bundle|ca|cert|certs|certificate|hash|commit|revision|version|tag|uri|url|path|etag)$"
)
_PIECE, _OVERLAP = 4_000, 400
"""Characters that are looked at together, because expressions are slow on very long lines."""
_WORDS = re.compile(
    r"(?i)pass|pwd|secret|token|key|credential|cookie|authorization|connection.?string|sealed|encrypteddata|value"
)
_LONG_WORD = re.compile(r"[A-Za-z0-9+/_-]{24,}")


def find_plain_secrets(file: str, text: str, forms: Forms) -> list[Finding]:
    """Give what looks like a secret, one finding a line, in the order of the file."""
    if not _worth_reading(text, forms):
        return []
    lines = _BREAKS.split(text)
    try:
        values = list(values_of(text, file)) if file.endswith(YAML_NAMES) else []
    except ValuesEditError:
        values = []  # not YAML, or not yet: a template, for one
    found: dict[int, Finding] = {}
    for finding in (*_by_value(file, values, forms), *_by_line(file, lines, values, forms)):
        found.setdefault(finding.line, finding)
    starts = {value.key: value.line for value in values}
    return [_judged(found[line], lines, starts) for line in sorted(found)]


def _worth_reading(text: str, forms: Forms) -> bool:
    """Tell whether anything in a file could be a secret. Most values files have only images, numbers and names."""
    return (
        _WORDS.search(text) is not None
        or any(not (word := found[0]).islower() and not word.isupper() for found in _LONG_WORD.finditer(text))
        or forms.known(text) is not None
    )


def _by_value(file: str, values: list[Value], forms: Forms) -> Iterator[Finding]:
    option = ""
    for value in values:
        what = _what(value, option, forms)
        if what:
            yield Finding(file, value.line, value.key, what)
        elif not value.refers and any(sign in value.text for sign in ("\n", "=", ": ", '":', "--")):
            yield from (
                Finding(file, min(value.line + offset, value.end), value.key, told)
                for offset, told in _assigned_in(value)
            )
        found = _OPTION.fullmatch(value.text)
        option = found["name"] if found else ""


def _what(value: Value, option: str, forms: Forms) -> str:
    """Say what a value is, if it is suspicious."""
    text, names = value.text, value.names
    if names[-2:-1] == ("encryptedData",) or names[-3:-1] == ("secrets", "sealed"):
        return "" if is_sealed(text) or is_placeholder(text) else "not what `kubeseal` prints, but plain text"
    if value.kind == "Secret" and len(names) > 1 and names[-2] in {"data", "stringData"} and text.strip():
        return "" if is_no_secret("", text) else "a value of a Secret"
    if value.refers or is_placeholder(text):
        return ""
    name = value.name
    if option and holds_secret(option) and not is_no_secret(option, text):
        return f"a secret, by the option --{option} before it"
    if holds_secret(name) and not is_no_secret(name, text, variable=value.variable):
        return "a secret, by its name"
    return _by_letters(value, forms)


def _by_letters(value: Value, forms: Forms) -> str:
    """Judge a value whose name says nothing."""
    text = value.text.strip()
    if is_surely_sealed(text) or "image" in value.names[-2:]:
        return ""
    compact = "".join(text.split())
    if _BASE64.fullmatch(compact) is None:
        return ""
    if inner := _decoded(compact):
        known = next(filter(None, map(forms.known, inner.splitlines()[:40])), None)
        if known is not None:
            return f"{known[0]}, in base64"
        if '"auths"' in inner:
            return "a registry's password, in base64"
    return "random letters, as secrets are" if not _HARMLESS_NAME.search(value.name) and forms.random(text) else ""


def _decoded(text: str) -> str:
    """Give the text that base64 hides; empty if it hides something else."""
    try:
        return base64.b64decode(text[: 4 * 2_000] + "=" * (-len(text[: 4 * 2_000]) % 4), altchars=None).decode("ascii")
    except (binascii.Error, ValueError):
        return ""


def _assigned_in(value: Value) -> Iterator[tuple[int, str]]:
    """Yield what a text assigns to names of secrets, as files and command lines do, with the line in it."""
    block = value.end > value.line
    for number, line in enumerate(value.text.split("\n")):
        if told := _assigned(line):
            yield (number + 1 if block else 0), told


def _assigned(line: str) -> str:
    for found in (one for piece in _pieces(line) for pattern in (_ASSIGNED, _GIVEN) for one in pattern.finditer(piece)):
        name, text = found["name"], found["value"].strip("\"'").rstrip("}")
        if holds_secret(name) and not is_no_secret(name, text) and not _CODE.match(text):
            return f"a secret, by the name {name}"
    return ""


def _pieces_of(lines: list[str]) -> Iterator[str]:
    """Put lines together, so that a file without any known form is looked at in a few steps."""
    for start in range(0, len(lines), 200):
        yield "\n".join(lines[start : start + 200])


def _pieces(line: str) -> Iterator[str]:
    """Cut a very long line into pieces that overlap."""
    for start in range(0, max(len(line) - _OVERLAP, 1), _PIECE - _OVERLAP):
        yield line[start : start + _PIECE]


def _by_line(file: str, lines: list[str], values: list[Value], forms: Forms) -> Iterator[Finding]:
    """Look at whole lines: comments, files that are not YAML, and forms that no name tells of."""
    keys = {line: value for value in values for line in range(value.line, value.end + 1)}
    assigns = not values and not file.endswith(_PROSE)
    if not assigns and not any(map(forms.known, _pieces_of(lines))):
        return
    for number, line in enumerate(lines, start=1):
        value = keys.get(number)
        if value is not None and is_surely_sealed(value.text):
            continue
        known = next(filter(None, map(forms.known, _pieces(line))), None)
        comment = line.lstrip().startswith(("#", "//"))
        if known is not None and not _only_told_of(known[1], lines[number - 1 : number + 2], comment=comment):
            yield Finding(file, number, "" if comment or value is None else value.key, known[0])
        elif assigns and not comment and (told := _assigned(line)):
            yield Finding(file, number, "", told)


def _only_told_of(shown: str, lines: list[str], *, comment: bool) -> bool:
    """Tell whether a form is only an example of itself: a key's first line alone, or PASSWORD in an address."""
    if "PRIVATE KEY" in shown:
        return not has_key_text(" ".join(lines).replace("\\n", " "))
    return (
        is_placeholder(shown) or shown == "PASSWORD" or (comment and shown.casefold() in {"password", "pass", "secret"})
    )


def _judged(finding: Finding, lines: list[str], starts: dict[str, int]) -> Finding:
    """Look whether a comment allows it: on its line, on its key's line, or on the line before."""
    for number in {finding.line: None, starts.get(finding.key, finding.line): None}:
        here = _ALLOWS.search(lines[number - 1]) if number <= len(lines) else None
        before = _ALLOWS_NEXT.search(lines[number - 2]) if number > 1 else None
        if allows := here or before:
            reason = allows[1]
            return replace(finding, allowed=True, reason=reason if _REASON.search(reason) else "")
    return finding
