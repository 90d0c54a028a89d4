"""Pull requests: open, read, change, merge, ask for reviews."""

from __future__ import annotations

from typing import Any, get_args

from flask import Blueprint, Response, jsonify, request

from devstack.github import access, commit_shapes, comparing, landing, pull_shapes, shapes
from devstack.github.refusal import RefusalError, invalid, not_found
from devstack.github.routes.paging import paged, paged_of
from devstack.github.state import MergeMethod, Pull

blueprint = Blueprint("pulls", __name__)


@blueprint.get("/repos/<owner>/<name>/pulls")
def list_pulls(owner: str, name: str) -> Response:
    """List pull requests by state, head (OWNER:BRANCH) and base, newest first unless asked otherwise."""
    repo = access.repository(owner, name, "pull_requests")
    wanted = request.args.get("state", "open")
    head, base = request.args.get("head"), request.args.get("base")
    found = [
        pull
        for pull in repo.pulls.values()
        if wanted in {"all", pull.state}
        and (not head or ":" not in head or head == f"{repo.owner}:{pull.head}")
        and (not base or base == pull.base)
    ]
    by = "updated_at" if request.args.get("sort") == "updated" else "number"
    ascending = request.args.get("direction") == "asc"
    found.sort(key=lambda pull: (getattr(pull, by), pull.number), reverse=not ascending)
    return paged_of(found, lambda pull: pull_shapes.pull(access.state(), repo, pull))


@blueprint.post("/repos/<owner>/<name>/pulls")
def create_pull(owner: str, name: str) -> tuple[Response, int]:
    """Open a pull request."""
    repo = access.repository(owner, name, "pull_requests", "write")
    body = _body()
    for field in ("head", "base", "title"):
        if not body.get(field):
            raise invalid("PullRequest", field, f"{field} can't be blank", code="missing_field")
    pull = access.actions().open_pull(
        repo,
        body["head"],
        body["base"],
        body["title"],
        body=body.get("body"),
        user=access.caller(),
        draft=bool(body.get("draft")),
    )
    return jsonify(pull_shapes.full_pull(access.state(), repo, pull)), 201


@blueprint.get("/repos/<owner>/<name>/pulls/<int:number>")
def get_pull(owner: str, name: str, number: int) -> Response:
    """Get a pull request."""
    repo = access.repository(owner, name, "pull_requests")
    return jsonify(pull_shapes.full_pull(access.state(), repo, access.actions().find_pull(repo, number)))


@blueprint.patch("/repos/<owner>/<name>/pulls/<int:number>")
def update_pull(owner: str, name: str, number: int) -> Response:
    """Change a pull request's title, body, base or state."""
    repo = access.repository(owner, name, "pull_requests", "write")
    pull = access.actions().find_pull(repo, number)
    access.actions().edit_pull(repo, pull, _body(), access.caller())
    return jsonify(pull_shapes.full_pull(access.state(), repo, pull))


@blueprint.put("/repos/<owner>/<name>/pulls/<int:number>/update-branch")
def update_branch(owner: str, name: str, number: int) -> tuple[Response, int]:
    """Merge the base into a pull request's branch."""
    repo = access.repository(owner, name, "pull_requests", "write")
    pull, expected = access.actions().find_pull(repo, number), _body().get("expected_head_sha")
    if expected not in {None, pull.head_sha}:
        raise RefusalError(422, "expected_head_sha does not match the head")
    access.actions().update_branch(repo, pull, access.caller())
    return jsonify(
        {"message": "Updating pull request branch.", "url": shapes.html(access.state(), repo, f"pull/{number}")}
    ), 202


@blueprint.get("/repos/<owner>/<name>/pulls/<int:number>/commits")
def list_commits(owner: str, name: str, number: int) -> Response:
    """List a pull request's commits, oldest first."""
    repo = access.repository(owner, name, "pull_requests")
    pull = access.actions().find_pull(repo, number)
    found = repo.bare.log(pull.head_sha, without=[pull.base_sha])[::-1]
    return paged([commit_shapes.commit(access.state(), repo, one) for one in found])


@blueprint.get("/repos/<owner>/<name>/pulls/<int:number>/files")
def list_files(owner: str, name: str, number: int) -> Response:
    """List the files that a pull request changes."""
    repo = access.repository(owner, name, "pull_requests")
    pull = access.actions().find_pull(repo, number)
    base = repo.bare.merge_base(pull.base_sha, pull.head_sha) or comparing.EMPTY_TREE
    return paged(comparing.changed_files(access.state(), repo, base, pull.head_sha))


@blueprint.get("/repos/<owner>/<name>/pulls/<int:number>/merge")
def is_merged(owner: str, name: str, number: int) -> tuple[str, int]:
    """Tell by the status alone whether a pull request is merged."""
    repo = access.repository(owner, name, "pull_requests")
    if not access.actions().find_pull(repo, number).merged:
        raise not_found()
    return "", 204


@blueprint.put("/repos/<owner>/<name>/pulls/<int:number>/merge")
def merge(owner: str, name: str, number: int) -> Response:
    """Merge a pull request."""
    repo = access.repository(owner, name, "contents", "write")
    pull = access.actions().find_pull(repo, number)
    body = _body()
    method: MergeMethod = body.get("merge_method") or "merge"
    if method not in get_args(MergeMethod):
        raise invalid("PullRequest", "merge_method", f"{method} is not a merge method", code="invalid")
    landing.require_mergeable(repo, pull)
    sha = access.actions().merge_pull(
        repo,
        pull,
        method,
        access.caller(),
        title=body.get("commit_title"),
        message=body.get("commit_message"),
        sha=body.get("sha"),
    )
    return jsonify({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


@blueprint.get("/repos/<owner>/<name>/pulls/<int:number>/requested_reviewers")
def get_reviewers(owner: str, name: str, number: int) -> Response:
    """List who is asked to review."""
    repo = access.repository(owner, name, "pull_requests")
    state, pull = access.state(), access.actions().find_pull(repo, number)
    return jsonify(
        {
            "users": [shapes.user(state, state.user(login)) for login in pull.reviewers],
            "teams": [shapes.team(state, repo.owner, slug) for slug in pull.teams],
        }
    )


@blueprint.post("/repos/<owner>/<name>/pulls/<int:number>/requested_reviewers")
def request_reviewers(owner: str, name: str, number: int) -> tuple[Response, int]:
    """Ask people and teams to review."""
    repo = access.repository(owner, name, "pull_requests", "write")
    pull, body = access.actions().find_pull(repo, number), _body()
    access.actions().request_review(
        repo, pull, body.get("reviewers") or [], body.get("team_reviewers") or [], access.caller()
    )
    return jsonify(pull_shapes.pull(access.state(), repo, pull)), 201


@blueprint.delete("/repos/<owner>/<name>/pulls/<int:number>/requested_reviewers")
def remove_reviewers(owner: str, name: str, number: int) -> Response:
    """Ask people and teams no longer."""
    repo = access.repository(owner, name, "pull_requests", "write")
    pull, body = access.actions().find_pull(repo, number), _body()
    _remove(pull, body)
    return jsonify(pull_shapes.pull(access.state(), repo, pull))


def _remove(pull: Pull, body: dict[str, Any]) -> None:
    with access.state().lock:
        pull.reviewers = [login for login in pull.reviewers if login not in (body.get("reviewers") or [])]
        pull.teams = [slug for slug in pull.teams if slug not in (body.get("team_reviewers") or [])]


def _body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if body is None:
        if request.get_data():
            raise RefusalError(400, "Problems parsing JSON")
        return {}
    if not isinstance(body, dict):
        raise RefusalError(400, "Body should be a JSON object")
    return body
