"""Repositories, their branches and their files."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pygit2
from flask import Blueprint, Response, jsonify, request

from devstack import objects
from devstack.github import access, commit_shapes, shapes
from devstack.github.refusal import RefusalError, not_found
from devstack.github.routes.paging import paged
from devstack.github.state import Repository

blueprint = Blueprint("repositories", __name__)
INLINE_LIMIT = 1 << 20
"""Bytes: a bigger file has no content in JSON and must be requested raw."""


@blueprint.get("/repos/<owner>/<name>")
def get_repository(owner: str, name: str) -> Response:
    """Get a repository."""
    return jsonify(shapes.full_repository(access.state(), access.repository(owner, name)))


@blueprint.get("/repos/<owner>/<name>/branches")
def list_branches(owner: str, name: str) -> Response:
    """List branches."""
    repo = access.repository(owner, name, "contents")
    return paged([_short_branch(repo, branch, sha) for branch, sha in sorted(repo.bare.branches().items())])


@blueprint.get("/repos/<owner>/<name>/branches/<path:branch>")
def get_branch(owner: str, name: str, branch: str) -> Response:
    """Get a branch with its tip."""
    repo = access.repository(owner, name, "contents")
    sha = repo.bare.branches().get(branch)
    if sha is None:
        raise RefusalError(404, "Branch not found")
    state = access.state()
    url = shapes.repository_api(state, repo, f"branches/{quote(branch, safe='')}")
    return jsonify(
        {
            **_short_branch(repo, branch, sha),
            "commit": commit_shapes.commit(state, repo, repo.bare.commit(sha)),
            "_links": {"self": url, "html": shapes.html(state, repo, f"tree/{branch}")},
            "protected": branch in repo.classic,
            "protection": _protection(repo, branch),
            "protection_url": f"{url}/protection",
        }
    )


@blueprint.get("/repos/<owner>/<name>/rules/branches/<path:branch>")
def list_rules(owner: str, name: str, branch: str) -> Response:
    """List the rules of rulesets that apply to a branch, which need not be there."""
    repo = access.repository(owner, name)
    ruleset = {"ruleset_source_type": "Repository", "ruleset_source": repo.full_name, "ruleset_id": repo.id}
    kinds = [kind for kind in repo.rules.get(branch, ()) if kind not in {"required_status_checks", "merge_queue"}]
    rules: list[shapes.Json] = [{"type": kind, **ruleset} for kind in kinds]
    if branch in repo.queues:
        rules.append({"type": "merge_queue", **ruleset})
    if (contexts := repo.required.get(branch)) and branch not in repo.classic:
        checks = [{"context": context} for context in contexts]
        parameters = {"required_status_checks": checks, "strict_required_status_checks_policy": False}
        rules.append({"type": "required_status_checks", "parameters": parameters, **ruleset})
    return paged(rules)


def _protection(repo: Repository, branch: str) -> shapes.Json:
    """Tell of classic protection what everybody who can read is told."""
    on = branch in repo.classic
    contexts = list(repo.required.get(branch, ())) if on else []
    level = {"enforcement_level": "non_admins" if on and contexts else "off"}
    return {"enabled": on, "required_status_checks": {**level, "contexts": contexts, "checks": []}}


def _short_branch(repo: Repository, branch: str, sha: str) -> shapes.Json:
    url = shapes.repository_api(access.state(), repo, f"commits/{sha}")
    return {"name": branch, "commit": {"sha": sha, "url": url}, "protected": False}


@blueprint.get("/repos/<owner>/<name>/contents", defaults={"path": ""})
@blueprint.get("/repos/<owner>/<name>/contents/", defaults={"path": ""})
@blueprint.get("/repos/<owner>/<name>/contents/<path:path>")
def get_content(owner: str, name: str, path: str) -> Response:
    """Get a file or list a directory at a ref; a raw media type gives the bytes."""
    repo = access.repository(owner, name, "contents")
    ref = request.args.get("ref") or repo.default_branch
    sha = repo.bare.resolve(ref)
    if sha is None:
        raise RefusalError(404, f"No commit found for the ref {ref}")
    path = path.strip("/")
    entries = _tree(repo, sha, path)
    if entries is not None:
        return jsonify([_listed(repo, ref, entry) for entry in entries])
    entry = _entry(repo, sha, path)
    data = repo.bare.read(sha, path)
    if entry is None or data is None:
        raise not_found()
    if "raw" in request.headers.get("Accept", ""):
        return Response(data, content_type="application/vnd.github.raw+json; charset=utf-8")
    inline = len(data) <= INLINE_LIMIT
    answer = {
        **_listed(repo, ref, entry),
        "content": base64.encodebytes(data).decode() if inline else "",
        "encoding": "base64" if inline else "none",
    }
    if entry["mode"] == "120000":
        answer["target"] = data.decode()
    return jsonify(answer)


def _tree(repo: Repository, sha: str, path: str) -> list[shapes.Json] | None:
    """List a directory, or None if the path is none."""
    found = repo.bare.at(sha, path)
    if not isinstance(found, pygit2.Tree):
        return None
    return [_shape(one) for one in objects.listed(found, f"{path}/" if path else "")]


def _entry(repo: Repository, sha: str, path: str) -> shapes.Json | None:
    found = repo.bare.at(sha, path)
    return _shape(objects.entry(found, path)) if found else None


def _shape(one: objects.TreeEntry) -> shapes.Json:
    return {"path": one.path, "mode": one.mode, "kind": one.kind, "sha": one.sha, "size": one.size or 0}


def _listed(repo: Repository, ref: str, entry: shapes.Json) -> shapes.Json:
    state, path = access.state(), entry["path"]
    kind = "symlink" if entry["mode"] == "120000" else {"blob": "file", "tree": "dir"}.get(entry["kind"], "submodule")
    area = "trees" if kind == "dir" else "blobs"
    url = shapes.repository_api(state, repo, f"contents/{quote(path)}?ref={quote(ref)}")
    git = shapes.repository_api(state, repo, f"git/{area}/{entry['sha']}")
    page = shapes.html(state, repo, f"{'tree' if kind == 'dir' else 'blob'}/{ref}/{quote(path)}")
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": entry["sha"],
        "size": entry["size"],
        "url": url,
        "html_url": page,
        "git_url": git,
        "download_url": None if kind == "dir" else shapes.html(state, repo, f"raw/{ref}/{quote(path)}"),
        "type": kind,
        "_links": {"self": url, "git": git, "html": page},
    }
