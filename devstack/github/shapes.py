"""How GitHub writes things in JSON: the parts that the REST API and the web hooks have in common.

Pure functions of the state's records. Links point to the double itself.
"""

from __future__ import annotations

import base64
from typing import Any

from devstack.github.state import Delivery, Hook, Repository, State, User

Json = dict[str, Any]

USER_LINKS = {
    "followers_url": "followers",
    "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}",
    "subscriptions_url": "subscriptions",
    "organizations_url": "orgs",
    "repos_url": "repos",
    "events_url": "events{/privacy}",
    "received_events_url": "received_events",
}
REPOSITORY_LINKS = {
    "forks_url": "forks",
    "keys_url": "keys{/key_id}",
    "collaborators_url": "collaborators{/collaborator}",
    "teams_url": "teams",
    "hooks_url": "hooks",
    "issue_events_url": "issues/events{/number}",
    "events_url": "events",
    "assignees_url": "assignees{/user}",
    "branches_url": "branches{/branch}",
    "tags_url": "tags",
    "blobs_url": "git/blobs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "trees_url": "git/trees{/sha}",
    "statuses_url": "statuses/{sha}",
    "languages_url": "languages",
    "stargazers_url": "stargazers",
    "contributors_url": "contributors",
    "subscribers_url": "subscribers",
    "subscription_url": "subscription",
    "commits_url": "commits{/sha}",
    "git_commits_url": "git/commits{/sha}",
    "comments_url": "comments{/number}",
    "issue_comment_url": "issues/comments{/number}",
    "contents_url": "contents/{+path}",
    "compare_url": "compare/{base}...{head}",
    "merges_url": "merges",
    "archive_url": "{archive_format}{/ref}",
    "downloads_url": "downloads",
    "issues_url": "issues{/number}",
    "pulls_url": "pulls{/number}",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "labels_url": "labels{/name}",
    "releases_url": "releases{/id}",
    "deployments_url": "deployments",
}


def node_id(kind: str, number: int | str) -> str:
    """Return an opaque id like those of GitHub's GraphQL."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def api(state: State, path: str) -> str:
    """Return an address of the API."""
    return f"{state.base_url}/api/v3/{path}"


def repository_api(state: State, repository: Repository, path: str = "") -> str:
    """Return an address of the API below a repository."""
    return api(state, f"repos/{repository.full_name}{'/' if path else ''}{path}")


def html(state: State, repository: Repository, path: str = "") -> str:
    """Return the address of a page of the repository."""
    return f"{state.base_url}/{repository.full_name}{'/' if path else ''}{path}"


def user(state: State, who: User) -> Json:
    """Write a simple user."""
    url = api(state, f"users/{who.login}")
    return {
        "login": who.login,
        "id": who.id,
        "node_id": node_id("User", who.id),
        "avatar_url": f"{state.base_url}/avatars/u/{who.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{state.base_url}/{who.login}",
        **{name: f"{url}/{path}" for name, path in USER_LINKS.items()},
        "type": who.type,
        "site_admin": False,
    }


def repository(state: State, repo: Repository) -> Json:
    """Write a repository in the form of events and of a pull request's two ends."""
    url = repository_api(state, repo)
    open_pulls = sum(1 for one in repo.pulls.values() if one.state == "open")
    counts = {"stargazers_count": 0, "watchers_count": 0, "forks_count": 0, "forks": 0, "watchers": 0, "size": 1}
    return {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(state, state.user(repo.owner)),
        "html_url": html(state, repo),
        "description": None,
        "fork": repo.fork,
        "url": url,
        **{name: f"{url}/{path}" for name, path in REPOSITORY_LINKS.items()},
        "created_at": repo.created_at,
        "updated_at": repo.pushed_at,
        "pushed_at": repo.pushed_at,
        "git_url": f"git://{state.git_url.partition('://')[2]}/{repo.full_name}.git",
        "ssh_url": f"git@127.0.0.1:{repo.full_name}.git",
        "clone_url": f"{state.git_url}/{repo.full_name}.git",
        "svn_url": html(state, repo),
        "homepage": None,
        "language": None,
        "has_issues": True,
        "has_projects": True,
        "has_downloads": True,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        **counts,
        "mirror_url": None,
        "archived": False,
        "disabled": False,
        "open_issues_count": open_pulls,
        "open_issues": open_pulls,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if repo.private else "public",
        "default_branch": repo.default_branch,
        "custom_properties": {},
    }


def organisation(state: State, login: str) -> Json:
    """Write an organisation as events have it."""
    who = state.user(login)
    url = api(state, f"orgs/{login}")
    links = ("repos", "events", "hooks", "issues")
    return {
        "login": login,
        "id": who.id,
        "node_id": node_id("Organization", who.id),
        "url": url,
        **{f"{name}_url": f"{url}/{name}" for name in links},
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{state.base_url}/avatars/u/{who.id}",
        "description": "",
    }


def full_repository(state: State, repo: Repository) -> Json:
    """Write a repository in the form of its own address."""
    return {
        **repository(state, repo),
        "allow_squash_merge": True,
        "allow_merge_commit": True,
        "allow_rebase_merge": True,
        "delete_branch_on_merge": False,
        "network_count": 0,
        "subscribers_count": 0,
        "permissions": {"admin": False, "maintain": False, "push": True, "triage": True, "pull": True},
    }


def label(state: State, repo: Repository, name: str) -> Json:
    """Write a label of a repository."""
    number = sum(name.encode())
    return {
        "id": number,
        "node_id": node_id("Label", number),
        "url": repository_api(state, repo, f"labels/{name}"),
        "name": name,
        "color": repo.labels.get(name, "ededed"),
        "default": False,
        "description": "",
    }


def team(state: State, owner: str, slug: str) -> Json:
    """Write a team of an organisation."""
    number = state.user(f"team:{owner}/{slug}").id
    url = api(state, f"organizations/{state.user(owner).id}/team/{number}")
    return {
        "name": slug,
        "id": number,
        "node_id": node_id("Team", number),
        "slug": slug,
        "description": "",
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "url": url,
        "html_url": f"{state.base_url}/orgs/{owner}/teams/{slug}",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "permission": "pull",
        "type": "organization",
        "parent": None,
    }


def hook_config(one: Hook) -> Json:
    """Write where a web hook leads; its secret is starred, as GitHub does."""
    config = {"content_type": one.content_type, "insecure_ssl": "0", "url": one.url}
    return {**config, "secret": "********"} if one.secret else config


def delivery(repo: Repository | None, one: Delivery) -> Json:
    """Write a delivery as it is listed."""
    return {
        "id": one.id,
        "guid": one.guid,
        "delivered_at": one.delivered_at,
        "redelivery": one.redelivery,
        "duration": one.duration,
        "status": one.status,
        "status_code": one.status_code,
        "event": one.event,
        "action": one.action,
        "installation_id": None,
        "repository_id": repo.id if repo else None,
        "throttled_at": None,
    }


def hook(state: State, repo: Repository, one: Hook) -> Json:
    """Write a web hook's configuration; its secret is starred, as GitHub does."""
    url = repository_api(state, repo, f"hooks/{one.id}")
    return {
        "type": "Repository",
        "id": one.id,
        "name": "web",
        "active": one.active,
        "events": list(one.events),
        "config": hook_config(one),
        "updated_at": one.created_at,
        "created_at": one.created_at,
        "url": url,
        "test_url": f"{url}/test",
        "ping_url": f"{url}/pings",
        "deliveries_url": f"{url}/deliveries",
        "last_response": {"code": None, "status": "unused", "message": None},
    }
