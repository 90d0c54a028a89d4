"""The settings of an application that override its values files, named by their values paths.

Called by `observation`. Precedence is Helm's and Argo CD's own: files, then these
(https://argo-cd.readthedocs.io/en/stable/user-guide/helm/).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from service.adapters.deployers.argocd.applications import Helm, Spec
from service.core.deployment import Override

_MOST = 200
_DEEPEST = 20
_KEPT = 1000


def overrides_of(spec: Spec) -> Iterator[Override]:
    """Name the settings of an application that override its values files."""
    for source in spec.all():
        yield from (Override("helm.parameters", one.name) for one in source.helm.parameters)
        yield from (Override("helm.fileParameters", one.name) for one in source.helm.fileParameters)
        yield from islice(_values(source.helm), _MOST)
        yield from (Override("kustomize.images", one) for one in source.kustomize.images)
        if source.kustomize.patches:
            yield Override("kustomize.patches")


def _values(helm: Helm) -> Iterator[Override]:
    """Name the values in the application; `values` is not read if there is a `valuesObject`."""
    if helm.valuesObject:
        yield from (Override("helm.valuesObject", path) for path in _paths(helm.valuesObject))
    elif helm.values:
        yield from (Override("helm.values", path) for path in _paths_in(helm.values))


@lru_cache(maxsize=_KEPT)
def _paths_in(text: str) -> tuple[str, ...]:
    """Read values that are written as text; the result is cached, because every look brings the same text again."""
    try:
        read = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, RecursionError, ValueError):
        return ()
    return tuple(islice(_paths(read), _MOST))


def _paths(value: object, above: str = "", depth: int = 0) -> Iterator[str]:
    """Give the path of each scalar, as in a values file: `a.b[0].c`."""
    if depth < _DEEPEST and isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _paths(inner, f"{above}.{key}" if above else str(key), depth + 1)
    elif depth < _DEEPEST and isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _paths(inner, f"{above}[{index}]", depth + 1)
    elif above:
        yield above
