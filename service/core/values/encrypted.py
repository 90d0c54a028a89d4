"""What SOPS allows in a file that it has encrypted. Called by the editor before each change, and by the listing.

SOPS keeps a MAC over every value of the file, the plain ones too, unless it was told `mac_only_encrypted: true`: after
any other edit the file cannot be decrypted. This module only reports it; it decrypts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from service.core.values.document import Document
from service.core.values.events import Kind
from service.core.values.helm import helm_plain
from service.core.values.lookup import behind, key_name
from service.core.values.refusals import SET_WITH_SOPS
from service.core.values_paths import Key, ValuesPath
from service.errors import ValuesEditError

# The rules and their order: https://github.com/getsops/sops/blob/v3.9.4/sops.go (shouldBeEncrypted)
_UNENCRYPTED_SUFFIX = "_unencrypted"
_RULES = ("unencrypted_suffix", "encrypted_suffix", "unencrypted_regex", "encrypted_regex")
_COMMENTS = ("unencrypted_comment_regex", "encrypted_comment_regex")
_PROOFS = {"mac", "lastmodified"}
"""Keys of which SOPS writes at least one; without them, `sops` are values of the chart itself."""


Seal = dict[str, str]
"""The scalars under `sops` of one document."""


def read_seals(documents: Iterable[Document]) -> tuple[Seal, ...]:
    """Give SOPS's own data in the documents of a file; empty if SOPS has not encrypted it."""
    return tuple(seal for doc in documents for seal in _seals(doc))


def seal_error(
    seals: Iterable[Seal], doc: Document, node: int | None, path: ValuesPath, *, filled: bool
) -> ValuesEditError | None:
    """Say why a value must not be changed or added; None if it may. `filled`: the node has plain text now."""
    for seal in seals:
        why, hint = _refusal(seal, path, filled=filled)
        if why:
            return doc.error(why, code="values-encrypted", node=node, hint=hint, path=path.text)
    return None


def refuse_sealed(seals: Iterable[Seal], file: str) -> None:
    """Raise ValuesEditError if nothing in the file can be changed."""
    if not all(_covers_encrypted_only(seal) for seal in seals):
        raise ValuesEditError(_SEALED[0], code="values-encrypted", hint=_SEALED[1], file=file)


def _seals(doc: Document) -> Iterator[Seal]:
    """Look under `sops` at the top of a document and, if the document is a list, at the top of its items."""
    if not doc.events:
        return
    roots = list(doc.items(0)) if doc.events[0].kind is Kind.SEQUENCE else [0]
    for root in roots:
        mapping = behind(doc, root)
        if mapping is None or doc.events[mapping].kind is not Kind.MAPPING:
            continue
        for key, value in doc.entries(mapping):
            below = behind(doc, value) if key_name(doc, key) == "sops" else None
            if below is None or doc.events[below].kind is not Kind.MAPPING:
                continue
            found = {key_name(doc, name) or "": key_name(doc, one) or "" for name, one in doc.entries(below)}
            if not _PROOFS.isdisjoint(found):
                yield found


_SEALED = (
    "SOPS encrypted this file, and its MAC covers plain values too: after an edit the file could not be decrypted",
    f"{SET_WITH_SOPS}, or encrypt the file anew with `mac_only_encrypted: true`",
)


def _refusal(seal: Seal, path: ValuesPath, *, filled: bool) -> tuple[str, str]:
    if not _covers_encrypted_only(seal):
        return _SEALED
    names = [step.name for step in path.steps if isinstance(step, Key)]
    if names[:1] == ["sops"]:
        return f"{path.text} belongs to SOPS itself", "change it with sops"
    encrypts = not filled if any(rule in seal for rule in _COMMENTS) else _is_encrypted(seal, names)
    if encrypts:
        return (
            f"{path.text} is encrypted by the rules of this SOPS file, and plain text would not decrypt",
            SET_WITH_SOPS,
        )
    return "", ""


def _covers_encrypted_only(seal: Seal) -> bool:
    return helm_plain(seal.get("mac_only_encrypted", "")) is True


def _is_encrypted(seal: Seal, names: list[str]) -> bool:
    """Apply the file's rules to the keys of a path, one after the other; without a decision it counts as encrypted."""
    rules = {rule: seal[rule] for rule in _RULES if seal.get(rule)}
    rules = rules or {"unencrypted_suffix": _UNENCRYPTED_SUFFIX}
    encrypted = True
    for rule, pattern in rules.items():
        hit = any(_matches(rule, pattern, name) for name in names)
        encrypted = hit if rule.startswith("encrypted") else encrypted and not hit
    return encrypted


def _matches(rule: str, pattern: str, name: str) -> bool:
    if rule.endswith("suffix"):
        return name.endswith(pattern)
    try:
        return re.search(pattern, name) is not None
    except re.error:  # Go's expressions know a little that Python's do not
        return rule == "encrypted_regex"
