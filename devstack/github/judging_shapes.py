"""How GitHub writes check runs and reviews in JSON. Pure functions, as `shapes`."""

from __future__ import annotations

from devstack.github import shapes
from devstack.github.judging_records import CheckRun, Review
from devstack.github.state import Pull, Repository, State


def check_run(state: State, repo: Repository, one: CheckRun) -> shapes.Json:
    """Write a check run."""
    url = shapes.repository_api(state, repo, f"check-runs/{one.id}")
    page = shapes.html(state, repo, f"runs/{one.id}")
    return {
        "id": one.id,
        "node_id": shapes.node_id("CheckRun", one.id),
        "head_sha": one.sha,
        "external_id": "",
        "url": url,
        "html_url": page,
        "details_url": page,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": one.started_at,
        "completed_at": one.completed_at,
        "output": {
            "title": None,
            "summary": None,
            "text": None,
            "annotations_count": 0,
            "annotations_url": f"{url}/annotations",
        },
        "name": one.name,
        "check_suite": {"id": one.suite},
        "app": _app(state, one.app),
        "pull_requests": [],
    }


def _app(state: State, slug: str) -> shapes.Json:
    number = sum(slug.encode())
    return {
        "id": number,
        "slug": slug,
        "node_id": shapes.node_id("Integration", number),
        "owner": shapes.user(state, state.user("github")),
        "name": slug,
        "description": "",
        "external_url": f"{state.base_url}/apps/{slug}",
        "html_url": f"{state.base_url}/apps/{slug}",
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "permissions": {"checks": "write", "metadata": "read"},
        "events": [],
    }


def review(state: State, repo: Repository, pull: Pull, one: Review) -> shapes.Json:
    """Write a review of a pull request."""
    page = shapes.html(state, repo, f"pull/{pull.number}#pullrequestreview-{one.id}")
    url = shapes.repository_api(state, repo, f"pulls/{pull.number}")
    return {
        "id": one.id,
        "node_id": shapes.node_id("PullRequestReview", one.id),
        "user": shapes.user(state, state.user(one.login)),
        "body": "",
        "state": one.state,
        "html_url": page,
        "pull_request_url": url,
        "author_association": "MEMBER",
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "submitted_at": one.submitted_at,
        "commit_id": one.head_sha,
    }
