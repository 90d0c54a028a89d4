"""How GitHub writes commits and commit statuses in JSON. Pure functions, as `shapes`."""

from __future__ import annotations

from devstack.bare import Commit, Person
from devstack.github import shapes
from devstack.github.state import Repository, State, Status, User


def git_person(person: Person, date: str) -> shapes.Json:
    """Write the author or committer of a commit."""
    return {"name": person.name, "email": person.email, "date": date}


def account_of(state: State, person: Person) -> User | None:
    """Return the account whose address a commit carries, if any."""
    local, _, domain = person.email.partition("@")
    login = local.partition("+")[2]
    return state.users.get(login) if domain == "users.noreply.github.com" and login else None


def commit(state: State, repo: Repository, one: Commit) -> shapes.Json:
    """Write a commit in the form of lists, comparisons and branches."""
    author, committer = account_of(state, one.author), account_of(state, one.committer)
    return {
        "sha": one.sha,
        "node_id": shapes.node_id("Commit", one.sha),
        "commit": {
            "author": git_person(one.author, one.author_date),
            "committer": git_person(one.committer, one.committer_date),
            "message": one.message,
            "tree": {"sha": one.tree, "url": shapes.repository_api(state, repo, f"git/trees/{one.tree}")},
            "url": shapes.repository_api(state, repo, f"git/commits/{one.sha}"),
            "comment_count": 0,
            "verification": _unsigned(),
        },
        "url": shapes.repository_api(state, repo, f"commits/{one.sha}"),
        "html_url": shapes.html(state, repo, f"commit/{one.sha}"),
        "comments_url": shapes.repository_api(state, repo, f"commits/{one.sha}/comments"),
        "author": shapes.user(state, author) if author else None,
        "committer": shapes.user(state, committer) if committer else None,
        "parents": [
            {
                "sha": parent,
                "url": shapes.repository_api(state, repo, f"commits/{parent}"),
                "html_url": shapes.html(state, repo, f"commit/{parent}"),
            }
            for parent in one.parents
        ],
    }


def git_commit(state: State, repo: Repository, one: Commit) -> shapes.Json:
    """Write a commit in the form of the API's git database."""
    return {
        "sha": one.sha,
        "node_id": shapes.node_id("Commit", one.sha),
        "url": shapes.repository_api(state, repo, f"git/commits/{one.sha}"),
        "html_url": shapes.html(state, repo, f"commit/{one.sha}"),
        "author": git_person(one.author, one.author_date),
        "committer": git_person(one.committer, one.committer_date),
        "tree": {"sha": one.tree, "url": shapes.repository_api(state, repo, f"git/trees/{one.tree}")},
        "message": one.message,
        "parents": [
            {
                "sha": parent,
                "url": shapes.repository_api(state, repo, f"git/commits/{parent}"),
                "html_url": shapes.html(state, repo, f"commit/{parent}"),
            }
            for parent in one.parents
        ],
        "verification": _unsigned(),
    }


def _unsigned() -> shapes.Json:
    return {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def status(state: State, repo: Repository, one: Status) -> shapes.Json:
    """Write a commit status."""
    return {
        "url": shapes.repository_api(state, repo, f"statuses/{one.sha}"),
        "avatar_url": f"{state.base_url}/avatars/u/{one.creator.id}",
        "id": one.id,
        "node_id": shapes.node_id("StatusContext", one.id),
        "state": one.state,
        "description": one.description,
        "target_url": one.target_url,
        "context": one.context,
        "created_at": one.created_at,
        "updated_at": one.created_at,
    }
