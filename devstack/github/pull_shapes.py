"""How GitHub writes pull requests and their comments in JSON. Pure functions, as `shapes`."""

from __future__ import annotations

from devstack.github import comparing, landing, shapes
from devstack.github.state import Comment, Pull, Repository, State


def comment(state: State, repo: Repository, one: Comment) -> shapes.Json:
    """Write a comment on an issue or pull request."""
    return {
        "id": one.id,
        "node_id": shapes.node_id("IssueComment", one.id),
        "url": shapes.repository_api(state, repo, f"issues/comments/{one.id}"),
        "html_url": shapes.html(state, repo, f"pull/{one.number}#issuecomment-{one.id}"),
        "issue_url": shapes.repository_api(state, repo, f"issues/{one.number}"),
        "user": shapes.user(state, one.user),
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "author_association": "CONTRIBUTOR",
        "body": one.body,
        "performed_via_github_app": None,
    }


def end(state: State, repo: Repository, ref: str, sha: str) -> shapes.Json:
    """Write one end of a pull request: its head or its base."""
    return {
        "label": f"{repo.owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": shapes.user(state, state.user(repo.owner)),
        "repo": shapes.repository(state, repo),
    }


def pull(state: State, repo: Repository, one: Pull) -> shapes.Json:
    """Write a pull request in the form of lists."""
    url = shapes.repository_api(state, repo, f"pulls/{one.number}")
    issue = shapes.repository_api(state, repo, f"issues/{one.number}")
    page = shapes.html(state, repo, f"pull/{one.number}")
    links = {
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": shapes.repository_api(state, repo, "pulls/comments{/number}"),
        "commits": f"{url}/commits",
        "statuses": shapes.repository_api(state, repo, f"statuses/{one.head_sha}"),
    }
    return {
        "url": url,
        "id": one.id,
        "node_id": shapes.node_id("PullRequest", one.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        **{f"{name}_url": address for name, address in links.items() if name not in {"html", "issue"}},
        "number": one.number,
        "state": one.state,
        "locked": False,
        "active_lock_reason": None,
        "title": one.title,
        "user": shapes.user(state, one.user),
        "body": one.body,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "closed_at": one.closed_at,
        "merged_at": one.merged_at,
        "merge_commit_sha": one.merge_commit_sha,
        "assignee": next((shapes.user(state, state.user(login)) for login in one.assignees), None),
        "assignees": [shapes.user(state, state.user(login)) for login in one.assignees],
        "requested_reviewers": [shapes.user(state, state.user(login)) for login in one.reviewers],
        "requested_teams": [shapes.team(state, repo.owner, slug) for slug in one.teams],
        "labels": [shapes.label(state, repo, name) for name in one.labels],
        "milestone": milestone(state, repo, one.milestone) if one.milestone else None,
        "draft": one.draft,
        "head": end(state, repo, one.head, one.head_sha),
        "base": end(state, repo, one.base, one.base_sha),
        "_links": {"self": {"href": url}, **{name: {"href": address} for name, address in links.items()}},
        "author_association": "CONTRIBUTOR",
        "auto_merge": one.auto_merge
        and {
            "enabled_by": shapes.user(state, one.auto_merge.by),
            "merge_method": one.auto_merge.method,
            "commit_title": one.title,
            "commit_message": one.body or "",
        },
    }


def milestone(state: State, repo: Repository, number: int) -> shapes.Json:
    """Write a milestone of a repository."""
    one = repo.milestones[number]
    url = shapes.repository_api(state, repo, f"milestones/{number}")
    return {
        "url": url,
        "html_url": shapes.html(state, repo, f"milestone/{number}"),
        "labels_url": f"{url}/labels",
        "id": number,
        "node_id": shapes.node_id("Milestone", number),
        "number": number,
        "title": one.title,
        "description": None,
        "creator": shapes.user(state, state.user(repo.owner)),
        "open_issues": 0,
        "closed_issues": 0,
        "state": one.state,
        "created_at": repo.created_at,
        "updated_at": repo.created_at,
        "closed_at": repo.created_at if one.state == "closed" else None,
        "due_on": None,
    }


def full_pull(state: State, repo: Repository, one: Pull) -> shapes.Json:
    """Write a pull request in the form of its own address and of events."""
    commits, _ = repo.bare.relate(one.base_sha, one.head_sha)
    merge_base = repo.bare.merge_base(one.base_sha, one.head_sha) or comparing.EMPTY_TREE
    files = comparing.count_lines(repo.bare, merge_base, one.head_sha)
    mergeable = one.mergeable
    return {
        **pull(state, repo, one),
        "merged": one.merged,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": landing.mergeable_state(repo, one),
        "merged_by": shapes.user(state, one.merged_by) if one.merged_by else None,
        "comments": sum(1 for comment in repo.comments if comment.number == one.number),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": int(commits),
        "additions": sum(added for added, _removed in files),
        "deletions": sum(removed for _added, removed in files),
        "changed_files": len(files),
    }


def issue(state: State, repo: Repository, one: Pull) -> shapes.Json:
    """Write a pull request as the issue that it also is."""
    written = pull(state, repo, one)
    url = shapes.repository_api(state, repo, f"issues/{one.number}")
    same = (
        "user",
        "labels",
        "state",
        "locked",
        "title",
        "body",
        "milestone",
        "assignee",
        "assignees",
        "number",
        "draft",
    )
    times = ("created_at", "updated_at", "closed_at")
    links = {f"{name}_url": f"{url}/{name}" for name in ("comments", "events", "timeline")}
    return {
        **{name: written[name] for name in (*same, *times, "active_lock_reason", "author_association", "html_url")},
        "id": one.id,
        "node_id": shapes.node_id("PullRequest", one.id),
        "url": url,
        "repository_url": shapes.repository_api(state, repo),
        "labels_url": f"{url}/labels{{/name}}",
        **links,
        "comments": sum(1 for comment in repo.comments if comment.number == one.number),
        "pull_request": {name: written[name] for name in ("url", "html_url", "diff_url", "patch_url", "merged_at")},
    }
