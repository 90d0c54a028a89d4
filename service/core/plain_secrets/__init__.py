"""Plain secrets in the files of a manifest repository: where they are, and what to do about each. Pure.

Used by the detector's process; the command line and intake read its findings.
"""

from __future__ import annotations

from service.core.plain_secrets.scope import MOST_BYTES, MOST_FILE_BYTES, MOST_FILES, Scope, chosen, in_scope
from service.core.plain_secrets.search import find_plain_secrets
from service.core.plain_secrets.suspicion import Finding, Forms
from service.core.plain_secrets.telling_secrets import allowed_words, faults_of, tell_in_short

__all__ = [
    "MOST_BYTES",
    "MOST_FILES",
    "MOST_FILE_BYTES",
    "Finding",
    "Forms",
    "Scope",
    "allowed_words",
    "chosen",
    "faults_of",
    "find_plain_secrets",
    "in_scope",
    "tell_in_short",
]
