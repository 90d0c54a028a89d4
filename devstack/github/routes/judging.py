"""Check runs of a commit, reviews of a pull request, and the members of teams who may approve."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from devstack.github import access, judging_shapes, shapes
from devstack.github.judging_records import CheckRun
from devstack.github.refusal import not_found
from devstack.github.routes.paging import link, numbers, paged

blueprint = Blueprint("judging", __name__)


@blueprint.get("/repos/<owner>/<name>/commits/<path:ref>/check-runs")
def list_check_runs(owner: str, name: str, ref: str) -> Response:
    """List the check runs of a commit: the newest of each suite and name, unless `filter=all` asks for the others."""
    repo, state = access.repository(owner, name, "checks"), access.state()
    sha = repo.bare.resolve(ref)
    if sha is None:
        raise not_found()
    found = repo.check_runs.get(sha, [])
    if request.args.get("filter") != "all":
        found = list({(one.suite, one.name): one for one in found}.values())
    newest_first = found[::-1]
    page, size = numbers()
    listed: list[CheckRun] = newest_first[(page - 1) * size : page * size]
    response = jsonify(
        {"total_count": len(found), "check_runs": [judging_shapes.check_run(state, repo, one) for one in listed]}
    )
    link(response, len(found))
    return response


@blueprint.get("/repos/<owner>/<name>/pulls/<int:number>/reviews")
def list_reviews(owner: str, name: str, number: int) -> Response:
    """List the reviews of a pull request, oldest first."""
    repo, state = access.repository(owner, name, "pull_requests"), access.state()
    pull = access.actions().find_pull(repo, number)
    return paged([judging_shapes.review(state, repo, pull, one) for one in pull.reviews])


@blueprint.get("/orgs/<org>/teams/<slug>/members")
def list_members(org: str, slug: str) -> Response:
    """List the members of a team; who may not read members sees no team at all, as on GitHub."""
    state = access.state()
    members = state.teams.get((org.lower(), slug.lower()))
    if members is None or not access.token().may("members", "read"):
        raise not_found()
    return paged([shapes.user(state, state.user(login)) for login in sorted(members)])
