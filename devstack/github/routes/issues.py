"""Comments and labels of pull requests, which GitHub keeps under issues."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from devstack.github import access, pull_shapes, shapes
from devstack.github.refusal import invalid, not_found
from devstack.github.routes.paging import paged
from devstack.github.state import Comment, Level, Pull, Repository, Token

blueprint = Blueprint("issues", __name__)
LONGEST_BODY = 65_536


@blueprint.get("/repos/<owner>/<name>/issues/<int:number>")
def get_issue(owner: str, name: str, number: int) -> Response:
    """Get a pull request as an issue."""
    repo = _discussed(owner, name, "read")
    return jsonify(pull_shapes.issue(access.state(), repo, access.actions().find_pull(repo, number)))


@blueprint.patch("/repos/<owner>/<name>/issues/<int:number>")
def update_issue(owner: str, name: str, number: int) -> Response:
    """Change a pull request's milestone."""
    repo = access.repository(owner, name, "issues", "write")
    pull, body = access.actions().find_pull(repo, number), request.get_json() or {}
    wanted = body.get("milestone", pull.milestone)
    if wanted is not None and wanted not in repo.milestones:
        raise invalid("Issue", "milestone", "", code="invalid")
    pull.milestone = wanted
    return jsonify(pull_shapes.issue(access.state(), repo, pull))


@blueprint.post("/repos/<owner>/<name>/issues/<int:number>/assignees")
def add_assignees(owner: str, name: str, number: int) -> tuple[Response, int]:
    """Assign people; those without access are left out silently, as on GitHub."""
    repo, state = access.repository(owner, name, "issues", "write"), access.state()
    pull = access.actions().find_pull(repo, number)
    with state.lock:
        known = [one for one in (request.get_json() or {}).get("assignees", []) if one not in state.unknown_reviewers]
        pull.assignees += [login for login in known if login not in pull.assignees]
    return jsonify(pull_shapes.issue(state, repo, pull)), 201


@blueprint.delete("/repos/<owner>/<name>/issues/<int:number>/assignees")
def remove_assignees(owner: str, name: str, number: int) -> Response:
    """Take people's assignments away."""
    repo = access.repository(owner, name, "issues", "write")
    pull = access.actions().find_pull(repo, number)
    gone = (request.get_json() or {}).get("assignees", [])
    pull.assignees = [login for login in pull.assignees if login not in gone]
    return jsonify(pull_shapes.issue(access.state(), repo, pull))


@blueprint.get("/repos/<owner>/<name>/milestones")
def list_milestones(owner: str, name: str) -> Response:
    """List milestones, by state."""
    repo, wanted = access.repository(owner, name, "issues"), request.args.get("state", "open")
    found = [number for number, one in repo.milestones.items() if wanted in {"all", one.state}]
    return paged([pull_shapes.milestone(access.state(), repo, number) for number in found])


@blueprint.get("/repos/<owner>/<name>/issues/<int:number>/comments")
def list_comments(owner: str, name: str, number: int) -> Response:
    """List comments, oldest first."""
    repo = _discussed(owner, name, "read")
    access.actions().find_pull(repo, number)
    found = [comment for comment in repo.comments if comment.number == number]
    return paged([pull_shapes.comment(access.state(), repo, comment) for comment in found])


@blueprint.post("/repos/<owner>/<name>/issues/<int:number>/comments")
def create_comment(owner: str, name: str, number: int) -> tuple[Response, int]:
    """Write a comment."""
    repo, state = _discussed(owner, name, "write"), access.state()
    access.actions().find_pull(repo, number)
    text = (request.get_json() or {}).get("body")
    if not text:
        raise invalid("IssueComment", "body", "body cannot be blank", code="missing_field")
    if len(str(text)) > LONGEST_BODY:
        raise invalid("IssueComment", "body", f"body is too long (maximum is {LONGEST_BODY} characters)", code="custom")
    comment = access.actions().comment(repo, number, str(text), access.caller())
    return jsonify(pull_shapes.comment(state, repo, comment)), 201


@blueprint.get("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def get_comment(owner: str, name: str, comment_id: int) -> Response:
    """Get a comment."""
    repo = _discussed(owner, name, "read")
    return jsonify(pull_shapes.comment(access.state(), repo, _find(repo, comment_id)))


@blueprint.patch("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def update_comment(owner: str, name: str, comment_id: int) -> Response:
    """Rewrite a comment."""
    repo = _discussed(owner, name, "write")
    comment, text = _find(repo, comment_id), str(request.get_json()["body"])
    if len(text) > LONGEST_BODY:
        raise invalid("IssueComment", "body", f"body is too long (maximum is {LONGEST_BODY} characters)", code="custom")
    access.actions().edit_comment(repo, comment, text, access.caller())
    return jsonify(pull_shapes.comment(access.state(), repo, comment))


@blueprint.delete("/repos/<owner>/<name>/issues/comments/<int:comment_id>")
def delete_comment(owner: str, name: str, comment_id: int) -> tuple[str, int]:
    """Delete a comment."""
    repo = _discussed(owner, name, "write")
    repo.comments.remove(_find(repo, comment_id))
    return "", 204


def _discussed(owner: str, name: str, level: Level) -> Repository:
    """Return a repository for its pull requests' comments: the permission for issues or for pull requests will do."""
    token: Token | None = g.token
    permission = "pull_requests" if token is not None and token.may("pull_requests", level) else "issues"
    return access.repository(owner, name, permission, level)


def _find(repo: Repository, comment_id: int) -> Comment:
    for comment in repo.comments:
        if comment.id == comment_id:
            return comment
    raise not_found()


@blueprint.get("/repos/<owner>/<name>/issues/<int:number>/labels")
def list_labels(owner: str, name: str, number: int) -> Response:
    """List labels."""
    repo = access.repository(owner, name, "issues")
    return _labels(repo, access.actions().find_pull(repo, number))


@blueprint.post("/repos/<owner>/<name>/issues/<int:number>/labels")
def add_labels(owner: str, name: str, number: int) -> Response:
    """Add labels; unknown ones come into being, as on GitHub."""
    repo = access.repository(owner, name, "issues", "write")
    pull = access.actions().find_pull(repo, number)
    with access.state().lock:
        pull.labels += [label for label in _named(request.get_json()) if label not in pull.labels]
    return _labels(repo, pull)


@blueprint.put("/repos/<owner>/<name>/issues/<int:number>/labels")
def set_labels(owner: str, name: str, number: int) -> Response:
    """Replace labels."""
    repo = access.repository(owner, name, "issues", "write")
    pull = access.actions().find_pull(repo, number)
    pull.labels = _named(request.get_json())
    return _labels(repo, pull)


@blueprint.delete("/repos/<owner>/<name>/issues/<int:number>/labels/<path:label>")
def remove_label(owner: str, name: str, number: int, label: str) -> Response:
    """Remove one label."""
    repo = access.repository(owner, name, "issues", "write")
    pull = access.actions().find_pull(repo, number)
    if label not in pull.labels:
        raise not_found()
    pull.labels.remove(label)
    return _labels(repo, pull)


def _labels(repo: Repository, pull: Pull) -> Response:
    return jsonify([shapes.label(access.state(), repo, name) for name in pull.labels])


def _named(body: dict[str, list[Any]] | list[Any] | None) -> list[str]:
    """Read label names from any of the three forms that GitHub takes."""
    listed = body.get("labels", []) if isinstance(body, dict) else body
    return [item["name"] if isinstance(item, dict) else str(item) for item in listed or []]
