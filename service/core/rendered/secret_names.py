"""Finds what may be secret in texts: by the name that a value has, and by forms that only credentials have.

Called by what shows rendered manifests and errors of the tools that render. It guesses, and guesses on the safe side:
a value that is hidden without need costs a look at the file, a secret that is shown costs the secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASKED, CHANGED = "(hidden)", "(hidden, changed)"
_STRONG = r"pass(?:word|wd|phrase)|secret|credential|token|(?:api|access|private)[-_.]?key|connection[-_.]?string"
_WEAK = frozenset({"pwd", "pass", "dsn", "pat", "salt", "htpasswd", "jwt", "auth", "cookie"})
_KEYED = frozenset({"secret", "encryption", "signing", "master", "hmac", "session", "shared", "auth", "ssh", "tls"})
_HARMLESS = frozenset(
    {
        "name", "names", "ref", "refs", "path", "file", "dir", "mount", "ttl", "seconds", "expiration", "enabled",
        "issuer", "audience", "audiences", "url", "uri", "endpoint", "class", "store", "type", "version", "namespace",
        "policy", "mode", "length",
    }
)  # fmt: skip
"""Last words of names that tell where a secret is, or how it is, but not the secret."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VALUE = r"""("[^"\n]{1,4000}"|'[^'\n]{1,4000}'|[^\s"',;&|)\]}]{1,4000})"""
_NAMED = re.compile(
    rf"(?<![\w.\-])(-{{0,2}}[\w.\-]{{0,80}}?(?:{_STRONG}|pwd|passwd)[\w.\-]{{0,80}})[\"']?"
    rf"(\s{{0,3}}(?:=>|:=|[=:])\s{{0,3}}|\s{{1,3}}){_VALUE}",
    re.IGNORECASE,
)
_FORMS = (
    re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(.*?)(?=-----END |\Z)", re.DOTALL),
    re.compile(r"(?<=://)[^/\s:@]{0,200}:([^/\s@]{1,400})(?=@)"),
    re.compile(r"\b(?:Bearer|Basic)\s{1,3}([\w.~+/=\-]{8,4000})", re.IGNORECASE),
    re.compile(
        r"\b(gh[pousr]_\w{20,255}|github_pat_\w{20,255}|glpat-[\w\-]{15,255}|xox[abeprs]-[\w\-]{10,255}|AKIA[0-9A-Z]{16}"
        r"|sk_(?:live|test)_\w{10,255}|eyJ[\w\-]{10,4000}\.[\w\-]{10,4000}(?:\.[\w\-]{0,4000})?)"
    ),
)


def is_secret(name: str) -> bool:
    """Tell whether a value under this name may be a secret."""
    words = [word.lower() for word in _WORDS.findall(name[:400])]
    if not words or words[-1] in _HARMLESS:
        return False
    keyed = words[-1] == "key" and len(words) > 1 and words[-2] in _KEYED
    return bool(re.search(_STRONG, name, re.IGNORECASE)) or keyed or not _WEAK.isdisjoint(words)


def secret_spans(text: str) -> list[tuple[int, int]]:
    """Give where a text holds what may be secret, in order and apart from each other."""
    found = [match.span(1) for form in _FORMS for match in form.finditer(text)]
    found += list(_named(text))
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(found):
        if joined and begin < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        elif begin < end:
            joined.append((begin, end))
    return joined


def _named(text: str) -> Iterable[tuple[int, int]]:
    place = 0
    while (match := _NAMED.search(text, place)) is not None:
        flag = match[1].startswith("-")
        if is_secret(match[1]) and (flag or match[2].strip()):
            yield match.span(3)
            place = match.end()
        else:
            place = match.end(1)


def concealed(text: str) -> str:
    """Give a text with what may be secret hidden."""
    shown, place = [], 0
    for begin, end in secret_spans(text):
        shown += [text[place:begin], MASKED]
        place = end
    return "".join([*shown, text[place:]])
