"""yq in all its forms: `yq -i '.a = "b"'` (v4), `yq w -i FILE PATH VALUE` (v3), and Python's `yq -y -i`.

Called by `scripts`; one module a tool. https://mikefarah.gitbook.io/yq
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from service.core.importing.calls import Call
from service.core.importing.findings import Finding, Tool
from service.core.importing.pieces import Text, Unknown, literal
from service.core.importing.yq_paths import values_path

_SELECTS = re.compile(r"select\([^()]*\)")
_WITH_VALUE = frozenset(
    {"-o", "--output-format", "-p", "--input-format", "-I", "--indent", "-s", "--split-exp", "-d", "--doc"}
)
_ENVIRONMENT = re.compile(r"(?:str)?env\(\s*(\w+)\s*\)(?:\s*\|\s*tostring)?")


def read(call: Call) -> Iterator[Finding]:
    """Give what a call writes; nothing if it only prints."""
    words = list(call.words[1:])
    if words[:1] and words[0] in {"w", "write"}:
        yield from _third(call, words[1:])
        return
    in_place, rest = _split(words)
    if not (in_place or call.writes) or not rest:
        return
    expression, files = rest[0], rest[1:]
    for file in files:
        before = ""
        for one in _parts(expression):
            if _SELECTS.fullmatch(one):
                before = f"{before}{one} | "
            else:
                yield from _assignment(call, file, one, before)


def _split(words: list[str]) -> tuple[bool, list[str]]:
    """Take the options away from a call of version 4."""
    in_place, at = False, 0
    rest: list[str] = []
    while at < len(words):
        word = words[at]
        if word == "--inplace" or re.fullmatch(r"-[A-Za-z]*i[A-Za-z]*", word):
            in_place = True
        elif word in _WITH_VALUE:
            at += 1
        elif word in {"--arg", "--argjson"}:
            at += 2
        elif word == "--expression":
            pass
        elif not word.startswith("-") and not (word in {"e", "eval", "ea", "eval-all"} and not rest):
            rest.append(word)
        at += 1
    return in_place, rest


def _third(call: Call, words: list[str]) -> Iterator[Finding]:
    """Read `yq w -i FILE PATH VALUE`."""
    plain = [
        word for word in words if word not in {"-i", "--inplace"} and not re.fullmatch(r"-[dPC].*|--style|--tag", word)
    ]
    if len(plain) < 3:  # noqa: PLR2004 - file, path and value
        yield call.difference(
            Tool.YQ,
            "yq-not-understood",
            "writes what a script of yq says",
            "Mergeport sets values by their keys",
            "which key it sets",
        )
        return
    file, path, value = plain[:3]
    dotted = re.sub(r"\.?\(\s*([\w.]+)\s*==\s*([^)]+?)\s*\)", r"[\1=\2]", path)
    here = literal(call.scope.read(dotted.replace(".[", "[")))
    if here is None or "*" in here:
        yield _several(call, path)
        return
    yield call.update(Tool.YQ, file, here, call.scope.read(value))


def _at_the_top(expression: str) -> Iterator[int]:
    """Give the places of an expression that are in no quotes, parentheses or brackets."""
    depth, quote = 0, ""
    for number, character in enumerate(expression):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif not depth:
            yield number


def _parts(expression: str) -> Iterator[str]:
    """Split an expression at the pipes and commas between assignments."""
    start = 0
    for number in _at_the_top(expression):
        if expression[number] in "|," and expression[number + 1 : number + 2] != "=":
            yield expression[start:number].strip()
            start = number + 1
    yield expression[start:].strip()


def _divided(text: str) -> tuple[str, str, str] | None:
    """Give path, operator and value of an assignment; None if it is none."""
    for number in _at_the_top(text):
        before, after = text[number - 1 : number], text[number + 1 : number + 2]
        if text[number] == "=" and after != "=" and before not in {"=", "!", "<", ">"}:
            how = before if before in {"|", "+", "*", "-", "/"} else ""
            return text[: number - len(how)].strip(), f"{how}=", text[number + 1 :].strip()
    return None


def _assignment(call: Call, file: str, text: str, before: str) -> Iterator[Finding]:
    found = _divided(text)
    if found is None:
        if text.startswith(("del", "with", "..", "sort", "map", "explode")):
            yield call.difference(
                Tool.YQ,
                "yq-not-understood",
                f"changes {call.shown(file)} by `{call.shown(text)}`",
                "Mergeport sets single values",
                "whether this is still needed",
            )
        return
    path = values_path(before + found[0], lambda raw: _known(call, raw))
    if path is None:
        yield _several(call, found[0])
        return
    value = _value(call, found[2])
    if value is None or found[1] not in {"=", "|="}:
        yield call.difference(
            Tool.YQ,
            "yq-not-understood",
            f"computes {path} by `{call.shown(found[2])}`",
            "Mergeport writes the image, or a text",
            "whether this is still needed",
        )
        return
    yield call.update(Tool.YQ, file, path, value)


def _several(call: Call, path: str) -> Finding:
    return call.difference(
        Tool.YQ,
        "yq-path-unknown",
        f"writes to `{call.shown(path)}`, which is no single key",
        "Mergeport sets single values by their keys",
        "which keys these are",
    )


def _value(call: Call, raw: str) -> Text | None:
    """Read what is assigned: a text, a number, or an environment variable; None for anything that is computed."""
    if named := _ENVIRONMENT.fullmatch(raw):
        return call.scope.read(f"${{{named[1]}}}")
    quoted = re.fullmatch(r"\"(.*)\"|'(.*)'", raw, re.DOTALL)
    if quoted:
        return call.scope.read(quoted[1] if quoted[1] is not None else quoted[2])
    joined = re.split(r"\s*\+\s*", raw)
    if len(joined) > 1:
        parts = [_value(call, part) for part in joined]
        return None if None in parts else tuple(piece for part in parts for piece in part or ())
    if raw.startswith("$") or re.fullmatch(r"-?\d+(\.\d+)?|true|false|null", raw):
        return call.scope.read(raw)
    return None


def _known(call: Call, raw: str) -> str | None:
    value = _value(call, raw)
    return None if value is None or any(isinstance(piece, Unknown) for piece in value) else literal(value)
