"""A promotion of checkout to prod, and times to speak of: what the tests of gates share."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from service.core.gates import Facts
from service.core.gates.image_facts import ImageFacts
from service.core.gates.restrictions import ClosedByPeople
from service.core.gates.stays import ReleaseIdentity
from service.core.images import ImageReference
from service.core.words import Digest, Repository, Sha

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
"""A Monday."""
COMMIT = Sha("4f" * 20)
DIGEST = Digest("sha256:" + "0a" * 32)
TREE = "7e" * 20
REFERENCE = ImageReference("ghcr.io", "acme/checkout", "4f4f4f4f4f4f", DIGEST)
RELEASE = ReleaseIdentity(frozenset({DIGEST}), TREE, COMMIT)
OPEN = ClosedByPeople()


def facts(**known: Any) -> Facts:
    """Give facts of which nothing but the release is known, and what the test says."""
    bare = Facts(NOW, "checkout", "prod", Repository("acme/checkout"), COMMIT, (ImageFacts(REFERENCE),), TREE)
    return replace(bare, **known)


def ago(**lengths: float) -> datetime:
    return NOW - timedelta(**lengths)


def ahead(**lengths: float) -> datetime:
    return NOW + timedelta(**lengths)
