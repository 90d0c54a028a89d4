"""Renders an application's sources at a revision to a fingerprint of what would be applied, and its images.

Instead of a Helm render, it merges the values files and searches them for images, in the ways that charts commonly
write them. That shows whether a commit changes an application, and what it would run.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from devstack.bare import BareRepository

Open = Callable[[str], BareRepository]
RENDER = (
    "Failed to load target state: failed to generate manifest for source {number} of {count}: rpc error: "
    "code = Unknown desc = failed to execute helm template command: failed running helm: `helm template . "
    "--name-template {name} --namespace {namespace} --kube-version 1.36.1 --values {file} <api versions removed> "
    "--include-crds` failed exit status 1: Error: {reason}\n\nUse --debug flag to render out invalid YAML"
)


class Lagging(BareRepository):
    """A repository whose branches are seen where they were at a certain time."""

    def __init__(self, path: Path, branches: dict[str, str]) -> None:
        """Take the repository, and the tips that are seen."""
        super().__init__(path)
        self._branches = branches

    def resolve(self, revision: str) -> str | None:
        """Return a branch's old commit, and anything else as it is now."""
        return self._branches.get(revision) or super().resolve(revision)


class RenderError(Exception):
    """The desired state cannot be computed; the text is Argo CD's own."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where desired state is: a path or chart with values files, or (`ref`) files for another source's values."""

    repository: str
    path: str = ""
    target_revision: str = "main"
    value_files: tuple[str, ...] = ()
    ref: str = ""
    chart: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    """`helm.parameters`, which override all values files."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The desired state; `key` differs if anything that would be applied differs."""

    key: str
    images: tuple[str, ...]


def resolve(open_repository: Open, source: Source) -> str:
    """Return the commit that a source's target revision names now, or the version of a chart."""
    if source.chart:
        return source.target_revision
    try:
        sha = open_repository(source.repository).resolve(source.target_revision)
    except KeyError:
        sha = None
    if sha is None:
        raise RenderError(
            "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown "
            f"desc = unable to resolve '{source.target_revision}' to a commit SHA"
        )
    return sha


def render(
    open_repository: Open, sources: Sequence[Source], revisions: Sequence[str], *, name: str, namespace: str
) -> Rendered:
    """Compute the desired state at one revision for each source; raise RenderError in Argo CD's words."""
    pairs = list(zip(sources, revisions, strict=True))
    fingerprint = hashlib.sha256()
    images: list[str] = []
    for number, (source, revision) in enumerate(pairs, 1):
        if source.ref and not source.path and not source.chart:
            continue
        values: dict[str, Any] = {}
        words = {"number": number, "count": len(pairs), "name": name, "namespace": namespace}
        if source.path:
            bare = open_repository(source.repository)
            tree = bare.at(revision, source.path)
            fingerprint.update(str(tree.id if tree else "").encode())
            defaults = bare.read(revision, f"{source.path}/values.yaml")
            values = _parse(defaults, f"{source.path}/values.yaml", words) if defaults is not None else {}
        for file in source.value_files:
            values = _merge(values, _values_file(open_repository, pairs, (source, revision), file, words))
        for parameter, value in source.parameters:
            values = _merge(values, _nested(parameter, value))
        fingerprint.update(json.dumps(values, sort_keys=True, default=str).encode())
        images += find_images(values)
    return Rendered(fingerprint.hexdigest(), tuple(dict.fromkeys(images)))


def _values_file(
    open_repository: Open,
    pairs: Sequence[tuple[Source, str]],
    own: tuple[Source, str],
    file: str,
    words: Mapping[str, Any],
) -> dict[str, Any]:
    source, revision = own
    path = posixpath.normpath(posixpath.join(source.path, file))
    if file.startswith("$"):
        name, _, path = file[1:].partition("/")
        source, revision = next(((one, at) for one, at in pairs if one.ref == name), own)
    data = open_repository(source.repository).read(revision, path)
    if data is None:
        reason = f"open <path to cached source>/{path}: no such file or directory"
        raise RenderError(RENDER.format(**words, file=f"<path to cached source>/{path}", reason=reason))
    return _parse(data, path, words)


def _parse(data: bytes, path: str, words: Mapping[str, Any]) -> dict[str, Any]:
    cached = f"<path to cached source>/{path}"
    try:
        parsed = YAML(typ="safe", pure=True).load(data.decode())
    except (YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0)
        what = getattr(error, "problem", None) or "invalid text"
        reason = f"failed to parse {cached}: error converting YAML to JSON: yaml: line {line + 1}: {what}"
        raise RenderError(RENDER.format(**words, file=cached, reason=reason)) from error
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        reason = f"failed to parse {cached}: json: cannot unmarshal into Go value of type map[string]interface {{}}"
        raise RenderError(RENDER.format(**words, file=cached, reason=reason))
    return parsed


def _nested(path: str, value: str) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: _nested(rest, value) if rest else value}


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def find_images(values: object, key: str = "") -> Iterator[str]:
    """Find image references: `{repository, tag, digest}` mappings, and texts under a key that ends in image.

    A digest wins over a tag, as in the chart `application`.
    """
    if isinstance(values, dict):
        repository = values.get("repository")
        if isinstance(repository, str) and repository and (values.get("tag") or values.get("digest")):
            digest = values.get("digest")
            yield f"{repository}@{digest}" if digest else f"{repository}:{values['tag']}"
            return
        for name, value in values.items():
            yield from find_images(value, str(name))
    elif isinstance(values, list):
        for value in values:
            yield from find_images(value, key)
    elif isinstance(values, str) and key.lower().endswith("image") and "/" in values:
        yield values
