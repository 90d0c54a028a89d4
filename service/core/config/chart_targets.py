"""Reads which Helm chart pull requests show: the key `chart` of one application in one environment.

Called with the other parts of a target. It reports faults and goes on.
"""

from __future__ import annotations

import re

from service.core.config.layers import Layers
from service.core.config.targets import ChartTarget
from service.core.config.texts import TextError, values_file

_RELEASE = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_LONGEST_RELEASE = 53
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def read_chart(layers: Layers, argocd: str) -> ChartTarget | None:
    """Give what is rendered; `argocd` is the Argo CD application, whose name Argo CD gives the release."""
    keys = layers.keys.chart
    path = layers.rendered(values_file, keys.path, "chart", "path") if keys.path else ""
    values = [layers.rendered(values_file, file, "chart", "values", index) for index, file in enumerate(keys.values)]
    release = layers.rendered(_release, keys.release, "chart", "release") if keys.release else ""
    namespace = layers.rendered(_namespace, keys.namespace, "chart", "namespace") if keys.namespace else ""
    sound = tuple(file for file in values if file is not None)
    if path is None or release is None or namespace is None or len(sound) != len(values):
        return None
    return ChartTarget(path, sound, release or _fitting(argocd.rpartition("/")[2] or layers.application), namespace)


def _release(text: str) -> str:
    if _RELEASE.fullmatch(text) and len(text) <= _LONGEST_RELEASE:
        return text
    raise TextError(f'"{text}" cannot name a Helm release', "lower-case letters, digits, - and ., at most 53 of them")


def _namespace(text: str) -> str:
    if _NAMESPACE.fullmatch(text):
        return text
    raise TextError(f'"{text}" cannot name a namespace', "lower-case letters, digits and -, at most 63 of them")


def _fitting(name: str) -> str:
    """Make a release's name of an application's, which may have `_` and be longer."""
    return re.sub(r"[^a-z0-9.-]", "-", name)[:_LONGEST_RELEASE].strip("-.") or "release"
