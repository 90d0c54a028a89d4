"""Prune GitHub's OpenAPI description to the paths that the devstack's GitHub serves.

Run by hand when a path is added or a new version is vendored; README.md beside this says how. Reads the whole
description from a file and writes `api.github.com.json` here. It never touches the network.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

PATHS = {
    "/app": "get",
    "/app-manifests/{code}/conversions": "post",
    "/app/hook/config": "get",
    "/app/hook/deliveries": "get",
    "/app/installations/{installation_id}": "get",
    "/app/installations/{installation_id}/access_tokens": "post",
    "/orgs/{org}/teams/{team_slug}/members": "get",
    "/rate_limit": "get",
    "/repos/{owner}/{repo}": "get",
    "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs": "get",
    "/repos/{owner}/{repo}/actions/runs": "get",
    "/repos/{owner}/{repo}/actions/runs/{run_id}": "get",
    "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel": "post",
    "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs": "get",
    "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun": "post",
    "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs": "post",
    "/repos/{owner}/{repo}/actions/workflows": "get",
    "/repos/{owner}/{repo}/actions/workflows/{workflow_id}": "get",
    "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches": "post",
    "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs": "get",
    "/repos/{owner}/{repo}/activity": "get",
    "/repos/{owner}/{repo}/branches": "get",
    "/repos/{owner}/{repo}/branches/{branch}": "get",
    "/repos/{owner}/{repo}/collaborators/{username}/permission": "get",
    "/repos/{owner}/{repo}/commits": "get",
    "/repos/{owner}/{repo}/commits/{commit_sha}/pulls": "get",
    "/repos/{owner}/{repo}/commits/{ref}": "get",
    "/repos/{owner}/{repo}/commits/{ref}/check-runs": "get",
    "/repos/{owner}/{repo}/commits/{ref}/status": "get",
    "/repos/{owner}/{repo}/commits/{ref}/statuses": "get",
    "/repos/{owner}/{repo}/compare/{basehead}": "get",
    "/repos/{owner}/{repo}/contents/{path}": "get",
    "/repos/{owner}/{repo}/git/blobs": "post",
    "/repos/{owner}/{repo}/git/blobs/{file_sha}": "get",
    "/repos/{owner}/{repo}/git/commits": "post",
    "/repos/{owner}/{repo}/git/commits/{commit_sha}": "get",
    "/repos/{owner}/{repo}/git/matching-refs/{ref}": "get",
    "/repos/{owner}/{repo}/git/ref/{ref}": "get",
    "/repos/{owner}/{repo}/git/refs": "post",
    "/repos/{owner}/{repo}/git/refs/{ref}": "patch delete",
    "/repos/{owner}/{repo}/git/trees": "post",
    "/repos/{owner}/{repo}/git/trees/{tree_sha}": "get",
    "/repos/{owner}/{repo}/hooks": "get post",
    "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries": "get",
    "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}": "get",
    "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts": "post",
    "/repos/{owner}/{repo}/installation": "get",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": "get patch delete",
    "/repos/{owner}/{repo}/issues/{issue_number}": "get patch",
    "/repos/{owner}/{repo}/issues/{issue_number}/assignees": "post delete",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": "get post",
    "/repos/{owner}/{repo}/issues/{issue_number}/labels": "get post put",
    "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}": "delete",
    "/repos/{owner}/{repo}/milestones": "get",
    "/repos/{owner}/{repo}/pulls": "get post",
    "/repos/{owner}/{repo}/pulls/{pull_number}": "get patch",
    "/repos/{owner}/{repo}/pulls/{pull_number}/commits": "get",
    "/repos/{owner}/{repo}/pulls/{pull_number}/files": "get",
    "/repos/{owner}/{repo}/pulls/{pull_number}/merge": "get put",
    "/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers": "get post delete",
    "/repos/{owner}/{repo}/pulls/{pull_number}/reviews": "get",
    "/repos/{owner}/{repo}/rules/branches/{branch}": "get",
    "/repos/{owner}/{repo}/statuses/{sha}": "post",
    "/user": "get",
    "/users/{username}": "get",
}
DROPPED = {"examples", "example", "x-github", "externalDocs", "summary", "tags", "discriminator"}
"""Keys that no validation needs, and discriminators, which fail a list. Descriptions are emptied: answers must have one."""


def main(whole: Path) -> None:
    """Write the pruned description beside this script."""
    document = json.loads(whole.read_text(encoding="utf-8"))
    # It says that `created` is a time; GitHub takes a range of times too, as in a search:
    # https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
    document["components"]["parameters"]["created"]["schema"].pop("format")
    paths = {path: _operations(document["paths"][path], methods.split()) for path, methods in PATHS.items()}
    kept: dict[str, Any] = {
        "openapi": document["openapi"],
        "info": {key: document["info"][key] for key in ("title", "version", "license")},
        "servers": document["servers"],
        "paths": paths,
        "components": {},
    }
    _follow(kept["paths"], document, kept["components"], set())
    target = Path(__file__).with_name("api.github.com.json")
    target.write_text(json.dumps(_strip(kept), separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"{target}: {target.stat().st_size} bytes, {len(paths)} paths\n")


def _operations(item: dict[str, Any], methods: list[str]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key in methods or key == "parameters"}


def _follow(node: object, document: dict[str, Any], components: dict[str, Any], seen: set[str]) -> None:
    """Take over every component that is referred to, and what those refer to."""
    if isinstance(node, list):
        for item in node:
            _follow(item, document, components, seen)
    if not isinstance(node, dict):
        return
    reference = node.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        seen.add(reference)
        _, _, kind, name = reference.split("/")
        found = document["components"][kind][name]
        components.setdefault(kind, {})[name] = found
        _follow(found, document, components, seen)
    for key, value in node.items():
        if key not in {"examples", "example"}:
            _follow(value, document, components, seen)


def _strip(node: Any, *, names: bool = False) -> Any:  # noqa: ANN401 # JSON is anything
    """Leave out what no validation needs. Below `properties` and the like, keys are names and stay."""
    if isinstance(node, list):
        return [_strip(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, given in node.items():
        value = given
        if not names and key in DROPPED:
            continue
        if not names and key == "description" and isinstance(value, str):
            kept[key] = ""
            continue
        if key in {"anyOf", "oneOf"} and node.get("nullable"):
            # GitHub answers null here; OpenAPI 3.0 lets `nullable` count only beside a type.
            value = [*value, {"type": "object", "nullable": True, "enum": [None]}]
        if key == "enum" and node.get("nullable") and None not in value:
            value = [*value, None]  # the same: a list of words does not have it
        # GitHub's alternatives overlap (a list of files is also a list of anything), so one match must do.
        name = "anyOf" if key == "oneOf" and not names else key
        kept[name] = _strip(value, names=not names and key in {"properties", "paths", "schemas", "responses", "parameters"})
    return kept


if __name__ == "__main__":
    main(Path(sys.argv[1]))
