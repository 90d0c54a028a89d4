"""Guesses from names: which environment and which application a values file, a branch or an Application is of. Pure.

A guess is always told to people as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from service.core.config.texts import fit_name

_ENVIRONMENT = re.compile(
    r"dev|develop|development|int|integration|test|testing|qa|uat|sit|stage|staging|stg|pre|preprod|pre-prod|preview"
    r"|prod|production|prd|live|sandbox|demo|perf|canary"
)
_AREA = re.compile(r"(?:[a-z]{2,4}|[a-z]{2}-[a-z]+-\d|\d+)")
_GENERAL = frozenset(
    {
        "app",
        "applications",
        "apps",
        "argocd",
        "base",
        "bases",
        "chart",
        "charts",
        "cluster",
        "clusters",
        "components",
        "config",
        "configs",
        "deploy",
        "deployment",
        "deployments",
        "env",
        "environments",
        "envs",
        "flux",
        "gitops",
        "helm",
        "helmfile",
        "helmrelease",
        "image",
        "infra",
        "infrastructure",
        "k8s",
        "kubernetes",
        "kustomization",
        "kustomize",
        "main",
        "manifest",
        "manifests",
        "ops",
        "overlay",
        "overlays",
        "release",
        "releases",
        "service",
        "services",
        "src",
        "stages",
        "templates",
        "value",
        "values",
        "workloads",
    }
)
_NO_IMAGE = frozenset(
    {
        "image",
        "images",
        "spec",
        "values",
        "container",
        "containers",
        "template",
        "initcontainers",
        "jobtemplate",
        "helm",
        "parameters",
        "tag",
        "source",
        "sources",
        "valuesobject",
        "deployment",
        "chart",
    }
)
_BRANCHES = {
    "develop": "dev",
    "dev": "dev",
    "development": "dev",
    "staging": "stage",
    "stage": "stage",
    "main": "prod",
    "master": "prod",
    "trunk": "prod",
    "production": "prod",
    "prod": "prod",
}


def environment_in(path: str) -> str:
    """Give the environment that a path names, as `overlays/prod` or `values-dev.yaml` do; empty if none."""
    folders, _, file = path.rpartition("/")
    stem = re.sub(r"\.(ya?ml)$", "", file)
    return _in_name(stem) or next((found for part in reversed(folders.split("/")) if (found := _in_name(part))), "")


def _in_name(name: str) -> str:
    """Give the environment in one name, with a region behind it: `prod-eu` of `values-prod-eu`."""
    words = re.split(r"[-_.]", name.lower())
    for number, word in enumerate(words):
        if _ENVIRONMENT.fullmatch(word):
            following = words[number + 1 : number + 2]
            area = following if following and _AREA.fullmatch(following[0]) and len(words) == number + 2 else []
            return "-".join([word, *area])
    return ""


def environment_of_branch(branch: str) -> str:
    """Give the environment that a branch usually feeds; empty if it is no usual branch."""
    return "prod" if branch.startswith("release/") else _BRANCHES.get(branch.lower(), "")


def application_in(path: str, environment: str) -> str:
    """Give the application that a path names: the innermost folder or file name that is no general word."""
    folders, _, file = path.rpartition("/")
    stem = re.sub(r"\.(ya?ml)$", "", file)
    for name in (*reversed(folders.split("/")), stem):
        kept = without_environment(name, environment)
        words = [word for word in re.split(r"[-_.]", kept.lower()) if word]
        if words and not all(word in _GENERAL or _ENVIRONMENT.fullmatch(word) for word in words):
            return fit_name(kept)
    return ""


def without_environment(name: str, environment: str) -> str:
    """Take an environment away from the beginning or the end of a name: `checkout` of `checkout-dev`."""
    if not environment:
        return name
    kept = re.sub(rf"(?i)^{re.escape(environment)}[-_.]|[-_.]{re.escape(environment)}$", "", name)
    return "" if kept.lower() == environment.lower() else kept


def image_in(keys: Iterable[str]) -> str:
    """Give the image that a values path names: `web` of `web.image.tag` and of `webTag`; empty if it names none."""
    names = list(keys)
    for number, name in enumerate(reversed(names)):
        bare = name.rpartition("/")[2].partition(":")[0]
        if number == 0:
            bare = re.sub(
                r"(?i)[-_]?(?:image)?[-_]?(?:new)?(?:tag|repository|name|digest|version|image|repo|registry)$", "", bare
            )
        if bare and bare.lower() not in _NO_IMAGE:
            return fit_name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", bare))
    return ""
