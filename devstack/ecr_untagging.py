"""Removes tags as AWS does: an image stays while it has another tag. `ministack` deletes it with any of its tags.

Used by the front of the ECR double. The tag is moved to an empty manifest, which is then deleted.
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

Ask = Callable[[str, dict[str, Any]], dict[str, Any]]
"""Calls one action of the API."""
Put = Callable[[str, bytes], None]
"""Puts a manifest at an address of `/v2`."""


def remove_tags(ask: Ask, put: Put, asked: dict[str, Any]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Remove the tags of images that have others; give what was removed, and what is left to be deleted."""
    name = asked.get("repositoryName", "")
    removed, left = [], []
    for one in asked.get("imageIds", []):
        tag = one.get("imageTag")
        image = {} if one.get("imageDigest") or not tag else _image(ask, name, one)
        if len(image.get("imageTags", [])) > 1:
            _remove(ask, put, name, tag)
            removed.append({"imageDigest": image["imageDigest"], "imageTag": tag})
        else:
            left.append(one)
    return removed, left


def _image(ask: Ask, name: str, one: dict[str, str]) -> dict[str, Any]:
    found = ask("DescribeImages", {"repositoryName": name, "imageIds": [one]}).get("imageDetails") or [{}]
    image: dict[str, Any] = found[0]
    return image


def _remove(ask: Ask, put: Put, name: str, tag: str) -> None:
    (repository,) = ask("DescribeRepositories", {"repositoryNames": [name]})["repositories"]
    nothing = json.dumps({"schemaVersion": 2, "was": tag}).encode()
    ask("PutImageTagMutability", {"repositoryName": name, "imageTagMutability": "MUTABLE"})
    put(f"/v2/{name}/manifests/{tag}", nothing)
    digest = f"sha256:{hashlib.sha256(nothing).hexdigest()}"
    ask("BatchDeleteImage", {"repositoryName": name, "imageIds": [{"imageDigest": digest}]})
    before = repository["imageTagMutability"]
    ask("PutImageTagMutability", {"repositoryName": name, "imageTagMutability": before})
