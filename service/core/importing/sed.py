"""`sed -i`: finds the values that its patterns hit in the file at hand. Called by `scripts`; one module a tool.

sed knows lines and no keys. Where the file is at hand its lines say which values are meant; else nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from service.core.importing.calls import Call
from service.core.importing.findings import Finding, Part, Skipped, Tool
from service.core.importing.image_names import read_image
from service.core.importing.material import Material
from service.core.importing.pieces import Text, varies
from service.core.importing.sed_pattern import Substitution, compiled, substitutions
from service.core.values.listing import SettablePath

_LONGEST_LINE = 200
_KEY = re.compile(r"(?P<key>[\w.-]+)\"?\s*(?:\\s\*)?:\s*")
_NO_VALUES = (
    ".go",
    ".json",
    ".py",
    ".js",
    ".ts",
    ".md",
    ".toml",
    ".properties",
    ".xml",
    ".txt",
    "Dockerfile",
    "VERSION",
)


class _Wanted(NamedTuple):
    """The options of one call."""

    scripts: list[str]
    files: list[str]
    in_place: bool
    extended: bool


def read(call: Call) -> Iterator[Finding]:
    """Give what a call writes; nothing if it only prints."""
    wanted = _options(call.words[1:])
    if not (wanted.in_place or call.writes) or not wanted.scripts:
        return
    for file in wanted.files:
        if file.endswith(_NO_VALUES):
            continue
        for script in wanted.scripts:
            for one in substitutions(script):
                if one is None:
                    yield call.difference(
                        Tool.SED,
                        "sed-not-understood",
                        f"edits {call.shown(file)} with a script that was not understood",
                        "Mergeport sets values by their keys",
                        "which key it sets",
                    )
                    break
                if varies(call.scope.read(one.replacement)):
                    yield from _substituted(call, file, one, extended=wanted.extended)
    if not wanted.files:
        yield call.difference(
            Tool.SED,
            "file-unknown",
            "edits files that another command finds",
            "Mergeport writes to files that the configuration names",
            "which files these are",
        )


def _options(words: tuple[str, ...]) -> _Wanted:
    scripts: list[str] = []
    rest: list[str] = []
    in_place = extended = False
    at = 0
    while at < len(words):
        word = words[at]
        if word in {"-e", "--expression"}:
            scripts += words[at + 1 : at + 2]
            at += 1
        elif word.startswith("--expression="):
            scripts.append(word.partition("=")[2])
        elif re.fullmatch(r"-[nErsuz]*i.*|--in-place.*", word):
            in_place = True
            extended = extended or bool(re.match(r"-[n]*[Er]", word))
            at += words[at + 1 : at + 2] == ("",)  # BSD's sed has the suffix apart
        elif word in {"-E", "-r", "--regexp-extended"}:
            extended = True
        elif word.startswith("-") and word != "-":
            if word.endswith("e"):
                scripts += words[at + 1 : at + 2]
                at += 1
            extended = extended or "E" in word or "r" in word
        else:
            rest.append(word)
        at += 1
    if not scripts and rest:
        scripts, rest = rest[:1], rest[1:]
    return _Wanted(scripts, [word for word in rest if word not in {"{}", "+", ";"}], in_place, extended)


def _substituted(call: Call, file: str, one: Substitution, *, extended: bool) -> Iterator[Finding]:
    replacement = call.scope.read(one.replacement)
    value, part = _value(replacement)
    materials = call.materials(file)
    if not materials:
        yield call.update(Tool.SED, file, "", value, part=part, image=read_image(value) if part is Part.WHOLE else None)
        yield call.difference(
            Tool.SED,
            "sed-key-unknown",
            f"replaces what matches /{call.shown(one.pattern)}/ in {call.shown(file)}, which is not at hand",
            "Mergeport sets one value by its key",
            "which key it is, or run the import with that folder as well",
        )
        return
    for material in materials:
        yield from _in_file(call, material, one, value, extended=extended)


def _in_file(call: Call, material: Material, one: Substitution, value: Text, *, extended: bool) -> Iterator[Finding]:
    if not material.is_yaml:
        return
    hit = _hit(material, call, one, extended=extended)
    if hit is None:
        yield Skipped(call.at, f"the pattern {call.shown(one.pattern)} was not understood")
        return
    if not hit:
        yield call.difference(
            Tool.SED,
            "sed-hits-nothing",
            f"replaces nothing in {material.shown} as it is now",
            "Mergeport refuses a key that is not there",
            "which key it should set",
        )
        return
    for scalar in hit:
        yield call.update(Tool.SED, material.path, scalar.path, value)
    if len(hit) > 1:
        yield call.difference(
            Tool.SED,
            "sed-many",
            f"hits {len(hit)} values of {material.shown}: {', '.join(one.path for one in hit[:6])}",
            "Mergeport sets the keys that are listed, and no others",
            "which of them belong to this image; take out the rest",
        )


def _hit(material: Material, call: Call, one: Substitution, *, extended: bool) -> list[SettablePath] | None:
    """Give the values on the lines that a substitution changes; None if its pattern is not understood."""
    pattern = compiled(call.scope.read(one.pattern), extended=extended)
    lines = material.text.splitlines()
    within = _addressed(lines, one.address, call, extended=extended)
    if pattern is None or within is None:
        return None
    numbers = {
        number for number in within if len(lines[number - 1]) <= _LONGEST_LINE and pattern.search(lines[number - 1])
    }
    hit = [scalar for scalar in material.values if scalar.line in numbers]
    versions = {
        part.path for image in material.images for role, part in image.parts.items() if role in {"tag", "whole"}
    }
    of_images = [scalar for scalar in hit if scalar.path in versions]
    return of_images if len(hit) > 1 and of_images else hit


def _addressed(lines: list[str], address: str, call: Call, *, extended: bool) -> range | list[int] | None:
    """Give the lines that an address selects: all, a number, those that match, or the stretches between two."""
    every = range(1, len(lines) + 1)
    if not address:
        return every
    if re.fullmatch(r"\d+(,\d+)?", address):
        first, _, last = address.partition(",")
        return [number for number in every if int(first) <= number <= int(last or first)]
    ends = [compiled(call.scope.read(text), extended=extended) for text in re.findall(r"/((?:[^/\\]|\\.)*)/", address)]
    begin, *more = ends or [None]
    if begin is None or len(more) > 1 or not re.fullmatch(r"/.*/", address):
        return None
    if not more:
        return [number for number in every if begin.search(lines[number - 1][:_LONGEST_LINE])]
    end, inside, found = more[0], False, []
    for number in every:
        line = lines[number - 1][:_LONGEST_LINE]
        if inside or begin.search(line):
            found.append(number)
            inside = not (inside and end is not None and end.search(line))
    return found


def _value(replacement: Text) -> tuple[Text, Part | None]:
    """Take the key and back references away from a replacement; tell whether it is a whole image or a tag."""
    pieces = list(replacement)
    key = ""
    if pieces and isinstance(pieces[0], str):
        bare = re.sub(r"^(?:\\\d|&|\s|-)+", "", pieces[0])
        if found := _KEY.match(bare):
            key, bare = found["key"], bare[found.end() :]
        pieces[0] = re.sub(r"^(?:\\\d|&|[\"'\s])+", "", bare)
    if pieces and isinstance(pieces[-1], str):
        pieces[-1] = re.sub(r"(?:\\\d|&|[\"'\s])+$", "", pieces[-1])
    value = tuple(piece for piece in pieces if piece != "")
    said = "".join(piece if isinstance(piece, str) else "$" for piece in value)
    if "/" in said or ":" in said or key.lower() == "image":
        return value, Part.WHOLE
    return value, Part.TAG if key.lower().endswith("tag") else None
