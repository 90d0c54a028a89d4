"""The git database: refs, commits, trees, blobs."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import pygit2
from flask import Blueprint, Response, jsonify, request

from devstack import objects
from devstack.bare import ZERO, GitError, Person
from devstack.git_backend import RefUpdate
from devstack.github import access, commit_shapes, shapes
from devstack.github.refusal import RefusalError, not_found
from devstack.github.routes.paging import paged
from devstack.github.state import Repository

blueprint = Blueprint("gitdata", __name__)


@blueprint.get("/repos/<owner>/<name>/git/ref/<path:ref>")
def get_ref(owner: str, name: str, ref: str) -> Response:
    """Get one ref by its name without `refs/`."""
    repo = access.repository(owner, name, "contents")
    sha = repo.bare.refs().get(f"refs/{ref}")
    if sha is None:
        raise not_found()
    return jsonify(_ref(repo, f"refs/{ref}", sha))


@blueprint.get("/repos/<owner>/<name>/git/matching-refs/<path:ref>")
def matching_refs(owner: str, name: str, ref: str) -> Response:
    """List the refs that begin so."""
    repo = access.repository(owner, name, "contents")
    found = [(full, sha) for full, sha in repo.bare.refs().items() if full.startswith(f"refs/{ref}")]
    return paged([_ref(repo, full, sha) for full, sha in found])


@blueprint.post("/repos/<owner>/<name>/git/refs")
def create_ref(owner: str, name: str) -> tuple[Response, int]:
    """Create a branch or tag."""
    repo = access.repository(owner, name, "contents", "write")
    body = request.get_json()
    ref, sha = str(body.get("ref")), str(body.get("sha"))
    if not ref.startswith("refs/") or ref.count("/") < 2:  # noqa: PLR2004 # refs/heads/name
        raise RefusalError(422, "Reference name must start with 'refs/' and contain at least two slashes")
    if not repo.bare.has(sha):
        raise RefusalError(422, "Object does not exist")
    try:
        repo.bare.update_ref(ref, sha, ZERO)
    except GitError as error:
        raise RefusalError(422, "Reference already exists") from error
    access.actions().moved(repo, [RefUpdate(ref, ZERO, sha)], access.caller())
    return jsonify(_ref(repo, ref, sha)), 201


@blueprint.patch("/repos/<owner>/<name>/git/refs/<path:ref>")
def update_ref(owner: str, name: str, ref: str) -> Response:
    """Move a branch; only forward unless forced."""
    repo = access.repository(owner, name, "contents", "write")
    body = request.get_json()
    full, sha = f"refs/{ref}", str(body.get("sha"))
    old = repo.bare.refs().get(full)
    if old is None:
        raise RefusalError(422, "Reference does not exist")
    if not repo.bare.has(sha):
        raise RefusalError(422, "Object does not exist")
    if not body.get("force") and not repo.bare.is_ancestor(old, sha):
        raise RefusalError(422, "Update is not a fast forward")
    try:
        repo.bare.update_ref(full, sha, old)
    except GitError as error:
        raise RefusalError(409, "Reference cannot be updated") from error
    if old != sha:
        access.actions().moved(repo, [RefUpdate(full, old, sha)], access.caller())
    return jsonify(_ref(repo, full, sha))


@blueprint.delete("/repos/<owner>/<name>/git/refs/<path:ref>")
def delete_ref(owner: str, name: str, ref: str) -> tuple[str, int]:
    """Delete a branch or tag."""
    repo = access.repository(owner, name, "contents", "write")
    full = f"refs/{ref}"
    old = repo.bare.refs().get(full)
    if old is None:
        raise RefusalError(422, "Reference does not exist")
    repo.bare.delete_ref(full)
    access.actions().moved(repo, [RefUpdate(full, old, ZERO)], access.caller())
    return "", 204


def _ref(repo: Repository, ref: str, sha: str) -> shapes.Json:
    state = access.state()
    kind = repo.bare.library()[sha].type_str
    area = {"commit": "commits", "tag": "tags"}.get(kind, "trees")
    return {
        "ref": ref,
        "node_id": shapes.node_id("Ref", f"{repo.id}:{ref}"),
        "url": shapes.repository_api(state, repo, f"git/{ref}"),
        "object": {"sha": sha, "type": kind, "url": shapes.repository_api(state, repo, f"git/{area}/{sha}")},
    }


@blueprint.get("/repos/<owner>/<name>/git/commits/<sha>")
def get_commit(owner: str, name: str, sha: str) -> Response:
    """Get a commit object."""
    repo = access.repository(owner, name, "contents")
    found = repo.bare.resolve(sha)
    if found is None:
        raise not_found()
    return jsonify(commit_shapes.git_commit(access.state(), repo, repo.bare.commit(found)))


@blueprint.post("/repos/<owner>/<name>/git/commits")
def create_commit(owner: str, name: str) -> tuple[Response, int]:
    """Write a commit object; no branch moves."""
    repo = access.repository(owner, name, "contents", "write")
    body = request.get_json()
    author = _person(body.get("author")) or access.caller().person
    try:
        sha = repo.bare.commit_tree(
            str(body["tree"]),
            [str(parent) for parent in body.get("parents") or []],
            str(body["message"]),
            author=author,
            committer=_person(body.get("committer")) or author,
            author_date=(body.get("author") or {}).get("date"),
        )
    except GitError as error:
        raise RefusalError(422, "Tree SHA does not exist") from error
    return jsonify(commit_shapes.git_commit(access.state(), repo, repo.bare.commit(sha))), 201


def _person(given: dict[str, Any] | None) -> Person | None:
    return Person(str(given["name"]), str(given["email"])) if given else None


@blueprint.get("/repos/<owner>/<name>/git/trees/<path:sha>")
def get_tree(owner: str, name: str, sha: str) -> Response:
    """List a tree, all of it when `recursive` is given at all."""
    repo = access.repository(owner, name, "contents")
    tree = repo.bare.tree_of(sha)
    if tree is None:
        raise not_found()
    return jsonify(_tree(repo, tree, recursive="recursive" in request.args))


@blueprint.post("/repos/<owner>/<name>/git/trees")
def create_tree(owner: str, name: str) -> tuple[Response, int]:
    """Write a tree from a base tree and entries; a null SHA removes a path."""
    repo = access.repository(owner, name, "contents", "write")
    body = request.get_json()
    index = repo.bare.path / f"index-{access.state().next_id()}"
    env = {"GIT_INDEX_FILE": str(index)}
    lines = []
    try:
        if body.get("base_tree"):
            repo.bare.git("read-tree", str(body["base_tree"]), env=env)
        for entry in body["tree"]:
            sha = entry.get("sha")
            if "content" in entry:
                sha = repo.bare.git("hash-object", "-w", "--stdin", data=str(entry["content"]).encode())
            mode = "0" if sha is None else entry.get("mode", "100644")
            lines.append(f"{mode} {sha or ZERO}\t{entry['path']}\0")
        repo.bare.git("update-index", "-z", "--index-info", data="".join(lines).encode(), env=env)
        tree = repo.bare.git("write-tree", env=env)
    except GitError as error:
        raise RefusalError(422, f"tree cannot be written: {error}") from error
    finally:
        index.unlink(missing_ok=True)
    return jsonify(_tree(repo, tree, recursive=False)), 201


def _tree(repo: Repository, sha: str, *, recursive: bool) -> shapes.Json:
    state = access.state()
    entries: list[shapes.Json] = []
    for one in objects.listed(repo.bare.library()[sha].peel(pygit2.Tree), recursive=recursive):
        entry = {"path": one.path, "mode": one.mode, "type": one.kind, "sha": one.sha}
        area = "trees" if one.kind == "tree" else "blobs"
        size = {} if one.size is None else {"size": one.size}
        entries.append({**entry, **size, "url": shapes.repository_api(state, repo, f"git/{area}/{one.sha}")})
    url = shapes.repository_api(state, repo, f"git/trees/{sha}")
    return {"sha": sha, "url": url, "tree": entries, "truncated": False}


@blueprint.get("/repos/<owner>/<name>/git/blobs/<sha>")
def get_blob(owner: str, name: str, sha: str) -> Response:
    """Get a blob."""
    repo = access.repository(owner, name, "contents")
    blob = repo.bare.library().get(sha)
    if not isinstance(blob, pygit2.Blob):
        raise not_found()
    return jsonify(
        {
            "sha": sha,
            "node_id": shapes.node_id("Blob", sha),
            "url": shapes.repository_api(access.state(), repo, f"git/blobs/{sha}"),
            "size": blob.size,
            "content": base64.encodebytes(blob.data).decode(),
            "encoding": "base64",
        }
    )


@blueprint.post("/repos/<owner>/<name>/git/blobs")
def create_blob(owner: str, name: str) -> tuple[Response, int]:
    """Write a blob."""
    repo = access.repository(owner, name, "contents", "write")
    body = request.get_json()
    try:
        content = str(body["content"])
        data = base64.b64decode(content) if body.get("encoding") == "base64" else content.encode()
    except (KeyError, binascii.Error) as error:
        raise RefusalError(422, "content is missing or not in its encoding") from error
    sha = repo.bare.git("hash-object", "-w", "--stdin", data=data)
    url = shapes.repository_api(access.state(), repo, f"git/blobs/{sha}")
    return jsonify({"sha": sha, "url": url}), 201
