"""Commits, comparisons, and the pull requests that brought a commit."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from devstack.github import access, commit_shapes, comparing, pull_shapes
from devstack.github.refusal import RefusalError, not_found
from devstack.github.routes.paging import link, numbers, paged
from devstack.github.state import Pull, Repository

blueprint = Blueprint("commits", __name__)
COMPARE_LIMIT = 250
"""The most commits in a comparison that is requested without pages."""


@blueprint.get("/repos/<owner>/<name>/commits")
def list_commits(owner: str, name: str) -> Response:
    """List commits from a branch or commit back, of one path when asked."""
    repo = access.repository(owner, name, "contents")
    sha = repo.bare.resolve(request.args.get("sha") or repo.default_branch)
    if sha is None:
        raise not_found()
    page, size = numbers()
    path = request.args.get("path")
    shas = repo.bare.git("rev-list", sha, "--", path).split() if path else repo.bare.shas(sha)
    found = [repo.bare.commit(one) for one in shas[(page - 1) * size : page * size]]
    response = jsonify([commit_shapes.commit(access.state(), repo, one) for one in found])
    link(response, len(shas))
    return response


@blueprint.get("/repos/<owner>/<name>/commits/<path:ref>")
def get_commit(owner: str, name: str, ref: str) -> Response:
    """Get a commit with its files."""
    repo = access.repository(owner, name, "contents")
    sha = repo.bare.resolve(ref)
    if sha is None:
        raise RefusalError(422, f"No commit found for SHA: {ref}")
    if request.headers.get("Accept", "").endswith(".sha"):
        return Response(sha, content_type="application/vnd.github.sha; charset=utf-8")
    one = repo.bare.commit(sha)
    files = comparing.changed_files(access.state(), repo, one.parents[0] if one.parents else comparing.EMPTY_TREE, sha)
    added, removed = (sum(file[side] for file in files) for side in ("additions", "deletions"))
    page, _size = numbers()
    start = (page - 1) * comparing.FILES_LIMIT
    response = jsonify(
        {
            **commit_shapes.commit(access.state(), repo, one),
            "stats": {"total": added + removed, "additions": added, "deletions": removed},
            "files": files[start : start + comparing.FILES_LIMIT],
        }
    )
    if len(files) > start + comparing.FILES_LIMIT:
        response.headers["Link"] = f'<{access.state().base_url}{request.path}?page={page + 1}>; rel="next"'
    return response


@blueprint.get("/repos/<owner>/<name>/commits/<sha>/pulls")
def list_pulls_of_commit(owner: str, name: str, sha: str) -> Response:
    """List the one merged pull request that first brought a commit; of one outside the default branch also the others.

    https://docs.github.com/en/rest/commits/commits#list-pull-requests-associated-with-a-commit
    """
    repo = access.repository(owner, name, "pull_requests")
    found = repo.bare.resolve(sha)
    if found is None:
        raise RefusalError(422, f"No commit found for SHA: {sha}")
    pulls = [pull for pull in repo.pulls.values() if _has(repo, pull, found)]
    if repo.bare.is_ancestor(found, repo.default_branch):
        merged = sorted((pull for pull in pulls if pull.merged), key=lambda pull: (pull.merged_at or "", pull.number))
        pulls = merged[:1]
    return paged([pull_shapes.pull(access.state(), repo, pull) for pull in pulls])


def _has(repo: Repository, pull: Pull, sha: str) -> bool:
    if pull.state == "closed" and not pull.merged:
        return False
    return sha in pull.merged_commits or sha in repo.bare.shas(pull.head_sha, without=[pull.base_sha])


@blueprint.get("/repos/<owner>/<name>/compare/<path:basehead>")
def compare(owner: str, name: str, basehead: str) -> Response:
    """Compare two commits or branches, three dots."""
    repo = access.repository(owner, name, "contents")
    left, dots, right = basehead.partition("...")
    base, head = (repo.bare.resolve(end.removeprefix(f"{repo.owner}:")) if end else None for end in (left, right))
    if not dots or base is None or head is None:
        raise not_found()
    page, size = numbers()
    per_page = size if "per_page" in request.args or "page" in request.args else COMPARE_LIMIT
    answer = comparing.comparison(access.state(), repo, base, head, name=basehead, page=page, per_page=per_page)
    if answer is None:
        raise RefusalError(404, "No common ancestor between them.")
    response = jsonify(answer)
    if "per_page" in request.args or "page" in request.args:
        link(response, answer["total_commits"])
    return response
