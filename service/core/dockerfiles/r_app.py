"""Reads an API in R: `plumber.R`, and `renv.lock` where it is there.

Called by `describe`. The lock's format: https://rstudio.github.io/renv/reference/lockfiles.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from service.core.dockerfiles.project import ProjectFiles, RModel, missing, unreadable

FILE, LOCK = "plumber.R", "renv.lock"
_VERSION = re.compile(r"\d+\.\d+[\d.-]*")
_USED = re.compile(
    r"\b(?:library|require|requireNamespace|loadNamespace)\(\s*[\"']?([A-Za-z][A-Za-z0-9.]*[A-Za-z0-9])[\"']?\s*[,)]"
    r"|\b([A-Za-z][A-Za-z0-9.]*[A-Za-z0-9]):::?[A-Za-z.]"
)
_WITH_R = {
    *("base", "compiler", "datasets", "grDevices", "graphics", "grid", "methods", "parallel", "splines", "stats"),
    *("stats4", "tcltk", "tools", "utils"),
}
_HEALTH = re.compile(r"^\s*#\*\s*@get\s+(/healthz|/health|/livez|/ping)\s*$", re.MULTILINE)
_SNAPSHOT = 'lock again in R: `renv::install("plumber"); renv::snapshot()`'


def read_r_app(files: ProjectFiles) -> RModel:
    """Describe the API."""
    if FILE not in files:
        raise missing(f"There is no {FILE} in the build's context.", "add it, or name its folder: `build.context`")
    text = files[FILE]
    routes = _HEALTH.findall(text)
    health = min(routes, key=("/healthz", "/health", "/livez", "/ping").index) if routes else ""
    if LOCK in files:
        return RModel(_locked(files[LOCK]), (), health)
    return RModel("", _used(text), health)


def _locked(text: str) -> str:
    """Give the version of R; the lock must have plumber."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable(f"{LOCK} is not JSON: {error}.", _SNAPSHOT) from error
    r = document.get("R") if isinstance(document, Mapping) else None
    packages = document.get("Packages") if isinstance(document, Mapping) else None
    if not isinstance(r, Mapping) or not isinstance(packages, Mapping):
        raise unreadable(f"{LOCK} has no R or no Packages.", _SNAPSHOT)
    if "plumber" not in packages:
        raise missing(f"{LOCK} does not have plumber, which serves the API.", _SNAPSHOT)
    version = r.get("Version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise unreadable(f"{LOCK} does not say the version of R.", _SNAPSHOT)
    return version


def _used(text: str) -> tuple[str, ...]:
    """Name plumber and the packages that the code names; comments do not count."""
    code = re.sub(r"#.*", "", text)
    named = {one or other for one, other in _USED.findall(code)}
    return tuple(sorted({"plumber", *named} - _WITH_R))
