"""Lifecycle rules of Amazon ECR, and the tags that spare images in use from them. Pure; the `ecr` registry acts on it.

A rule cannot name a digest. So each image that an environment uses gets a tag of ours, `keep-ENVIRONMENT-DIGEST12`, and
the first rule selects these tags: an image that a rule selects by its tags is never expired by a rule after it.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from service.core.words import Digest

KEEP = "keep-"
OURS = "Mergeport: "
"""How the descriptions of our rules begin, so that a policy of ours is known from one of somebody else."""
MOST_KEPT = 9999
"""More images than are ever in use: the first rule expires nothing."""

_KEEP_TAG = re.compile(r"keep-(?P<environment>[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?)-(?P<digest>[0-9a-f]{12})")
_ALGORITHM = "sha256:"
_SHORT = 12


@dataclass(frozen=True, slots=True)
class TagChanges:
    """Which tags are to be added, each with its image, and which are to be removed."""

    add: tuple[tuple[str, Digest], ...]
    remove: tuple[str, ...]


def keep_tag(environment: str, digest: Digest) -> str:
    """Give the tag that spares an image which the environment uses."""
    return f"{KEEP}{environment}-{_short(digest)}"


def kept_for(tag: str, digest: Digest) -> str:
    """Give the environment for which we made a tag; empty for a tag that we did not make, whatever it looks like."""
    found = _KEEP_TAG.fullmatch(tag)
    return found["environment"] if found and found["digest"] == _short(digest) else ""


def tag_changes(
    wanted: Mapping[str, Digest], there: Mapping[Digest, Collection[str]], environments: Collection[str]
) -> TagChanges:
    """Compare the tags that images in use should have with those that are there, by digest.

    Only tags that we made are removed, and only of these environments: what others use is not known here. A tag that is
    an image's last one stays, because ECR deletes an image with its last tag.
    """
    add = tuple((tag, digest) for tag, digest in sorted(wanted.items()) if digest in there and tag not in there[digest])
    return TagChanges(add, tuple(sorted(_to_remove(wanted, there, environments))))


def _to_remove(
    wanted: Mapping[str, Digest], there: Mapping[Digest, Collection[str]], environments: Collection[str]
) -> Iterator[str]:
    for digest, tags in there.items():
        stale = [tag for tag in tags if tag not in wanted and kept_for(tag, digest) in {*environments} - {""}]
        if len(stale) < len(tags) or any(of == digest for of in wanted.values()):
            yield from stale


def policy(*, expire_untagged_days: int | None = None, keep_newest: int | None = None) -> dict[str, Any]:
    """Give the lifecycle policy: images in use are spared, untagged ones expire by age, other tagged ones by count."""
    selections: list[tuple[str, dict[str, Any]]] = [
        (
            "images in use are spared",
            {"tagStatus": "tagged", "tagPatternList": [f"{KEEP}*"], **_more_than(MOST_KEPT)},
        )
    ]
    if expire_untagged_days:
        age = {"countType": "sinceImagePushed", "countUnit": "days", "countNumber": expire_untagged_days}
        selections.append(("untagged images are not deployed", {"tagStatus": "untagged", **age}))
    if keep_newest:
        newest = {"tagStatus": "tagged", "tagPatternList": ["*"], **_more_than(keep_newest)}
        selections.append(("the newest images are kept", newest))
    return {
        "rules": [
            {
                "rulePriority": priority,
                "description": f"{OURS}{words}",
                "selection": selection,
                "action": {"type": "expire"},
            }
            for priority, (words, selection) in enumerate(selections, start=1)
        ]
    }


def is_ours(document: Mapping[str, Any]) -> bool:
    """Tell whether every rule of a policy is of ours, so that we may replace it."""
    rules = document.get("rules", [])
    return bool(rules) and all(str(rule.get("description", "")).startswith(OURS) for rule in rules)


def _more_than(count: int) -> dict[str, Any]:
    return {"countType": "imageCountMoreThan", "countNumber": count}


def _short(digest: Digest) -> str:
    return digest.removeprefix(_ALGORITHM)[:_SHORT]
