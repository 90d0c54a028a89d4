"""Platforms of images: one name for each, and which of those that are wanted an image lacks. Pure.

The configuration, the registries' client and the build stage call this. Names are normalised as containerd does:
https://github.com/containerd/platforms/blob/main/database.go
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9_-]+(?:/[a-z0-9.]+)?")
_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "armhf": "arm",
    "armel": "arm",
}
_VARIANTS = {("armel", ""): "v6"}
_PLAIN = {("amd64", "v1"), ("arm64", "v8"), ("arm64", "8"), ("arm", "v7"), ("arm", "7")}
"""Variants that say nothing: an architecture without a variant is this one."""


def normal(platform: str) -> str:
    """Give the one name of a platform: `linux/aarch64` and `linux/arm64/v8` are `linux/arm64`."""
    system, _, rest = platform.strip().lower().partition("/")
    told, _, variant = rest.partition("/")
    architecture, variant = _ARCHITECTURES.get(told, told), variant or _VARIANTS.get((told, ""), "")
    if (architecture, variant) in _PLAIN:
        variant = ""
    if architecture == "arm" and variant.isdecimal():
        variant = f"v{variant}"
    return "/".join(part for part in (system, architecture, variant) if part)


def is_platform(text: str) -> bool:
    """Tell whether a text is `os/architecture` or `os/architecture/variant`."""
    return _PLATFORM.fullmatch(text) is not None


def lacking(wanted: Iterable[str], there: Iterable[str]) -> tuple[str, ...]:
    """Give the wanted platforms that are not there, by their one name, in their order and each once."""
    has = {normal(one) for one in there}
    return tuple(dict.fromkeys(name for one in wanted if (name := normal(one)) not in has))
