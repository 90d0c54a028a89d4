"""Commit statuses."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from devstack.github import access, commit_shapes, landing, shapes
from devstack.github.refusal import RefusalError, invalid, not_found
from devstack.github.routes.paging import link, numbers, paged
from devstack.github.state import Repository, Status, now

blueprint = Blueprint("statuses", __name__)
STATES = {"error", "failure", "pending", "success"}
DESCRIPTION_LIMIT = 140
PER_CONTEXT_LIMIT = 1000
"""The most statuses of one commit and context; more are refused."""


@blueprint.post("/repos/<owner>/<name>/statuses/<sha>")
def create_status(owner: str, name: str, sha: str) -> tuple[Response, int]:
    """Create a status of a commit."""
    repo = access.repository(owner, name, "statuses", "write")
    body = request.get_json()
    found = repo.bare.resolve(sha)
    if found is None or found != sha:
        raise RefusalError(422, f"No commit found for SHA: {sha}")
    if body.get("state") not in STATES:
        raise invalid("Status", "state", "state is not included in the list", code="invalid")
    if len(body.get("description") or "") > DESCRIPTION_LIMIT:
        raise invalid("Status", "description", "description is too long (maximum is 140 characters)")
    context = body.get("context") or "default"
    state = access.state()
    with state.lock:
        of_commit = repo.statuses.setdefault(sha, [])
        if sum(1 for one in of_commit if one.context == context) >= PER_CONTEXT_LIMIT:
            raise invalid("Status", "", "This SHA and context has reached the maximum number of statuses.")
        created = Status(
            id=state.next_id(),
            sha=sha,
            state=body["state"],
            context=context,
            description=body.get("description"),
            target_url=body.get("target_url"),
            creator=access.caller(),
            created_at=now(),
        )
        of_commit.append(created)
        landing.settle(access.actions(), repo)
    creator = shapes.user(state, created.creator)
    return jsonify({**commit_shapes.status(state, repo, created), "creator": creator}), 201


@blueprint.get("/repos/<owner>/<name>/statuses/<path:ref>")
@blueprint.get("/repos/<owner>/<name>/commits/<path:ref>/statuses")
def list_statuses(owner: str, name: str, ref: str) -> Response:
    """List a commit's statuses, newest first. The shorter address is GitHub's old one, which PyGithub still uses."""
    repo = access.repository(owner, name, "statuses")
    state = access.state()
    listed = reversed(repo.statuses.get(_resolve(repo, ref), []))
    return paged(
        [{**commit_shapes.status(state, repo, one), "creator": shapes.user(state, one.creator)} for one in listed]
    )


@blueprint.get("/repos/<owner>/<name>/commits/<path:ref>/status")
def combined_status(owner: str, name: str, ref: str) -> Response:
    """Get the newest status of each context, and the state that they give together."""
    repo = access.repository(owner, name, "statuses")
    sha, state = _resolve(repo, ref), access.state()
    newest = {one.context: one for one in repo.statuses.get(sha, [])}
    states = {one.state for one in newest.values()}
    together = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    page, size = numbers()
    listed = list(newest.values())[(page - 1) * size : page * size]
    response = jsonify(
        {
            "state": together,
            "statuses": [commit_shapes.status(state, repo, one) for one in listed],
            "sha": sha,
            "total_count": len(newest),
            "repository": shapes.repository(state, repo),
            "commit_url": shapes.repository_api(state, repo, f"commits/{sha}"),
            "url": shapes.repository_api(state, repo, f"commits/{sha}/status"),
        }
    )
    link(response, len(newest))
    return response


def _resolve(repo: Repository, ref: str) -> str:
    sha = repo.bare.resolve(ref)
    if sha is None:
        raise not_found()
    return sha
