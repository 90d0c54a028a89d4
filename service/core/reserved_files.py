"""Files in a manifest repository that configure something: Mergeport never writes values to them.

Called by everything that takes the path of a values file. Pure.
"""

from __future__ import annotations

TEMPLATE_FILE = ".mergeport/pull_request.md.j2"
"""The team's template of pull requests."""
_RESERVED = {
    "mergeport.yaml": "the configuration itself",
    "mergeport.d": "configuration",
    ".mergeport": "Mergeport's own",
    ".github": "the workflows' own",
}


def reserved_for(path: str) -> str:
    """Say what a path belongs to, by its first part in any case; nothing for a path that may be a values file."""
    return _RESERVED.get(path.partition("/")[0].casefold(), "")
