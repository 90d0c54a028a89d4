"""Addresses of git repositories as owner/name. Pure."""

from __future__ import annotations

import re

_ADDRESS = re.compile(
    r"(?:https?://(?:[^@/]*@)?|ssh://(?:[^@/]*@)?|[\w-]+@)[^/:\s]+(?::\d+(?=/))?[/:](?P<name>\S+?)(?:\.git)?/?"
)


def repository_of(address: str) -> str:
    """Give owner/name of an address; empty if it has a variable in it, or is no such address."""
    found = _ADDRESS.fullmatch(address.strip())
    name = found["name"] if found else ""
    return name if re.fullmatch(r"[\w.-]+/[\w.-]+", name) else ""
