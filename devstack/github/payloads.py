"""The bodies of web hooks, in GitHub's shape: push, pull_request, ping.

Pure but for reading commits. `actions` says when one is sent, `hooks` sends it.
"""

from __future__ import annotations

from datetime import datetime

from devstack.bare import ZERO, Commit, Person
from devstack.git_backend import RefUpdate
from devstack.github import commit_shapes, comparing, pull_shapes, shapes
from devstack.github.pull_shapes import full_pull
from devstack.github.state import Comment, Hook, Pull, Repository, State, User

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
PUSH_COMMITS_LIMIT = 2048
"""A push event lists no more commits than this."""


def push(state: State, repo: Repository, update: RefUpdate, sender: User) -> shapes.Json:
    """Write a push event for a branch or tag that moved, appeared or went."""
    ref, before, after = update.ref, update.old, update.new
    created, deleted = before == ZERO, after == ZERO
    commits = [] if deleted else _new_commits(repo, ref, before, after)
    written = [_commit(state, repo, one) for one in commits[-PUSH_COMMITS_LIMIT:]]
    forced = not created and not deleted and not repo.bare.is_ancestor(before, after)
    return {
        "ref": ref,
        "before": before,
        "after": after,
        **common(state, repo, sender, push_shape=True),
        "pusher": {"name": sender.login, "email": sender.person.email},
        "created": created,
        "deleted": deleted,
        "forced": forced,
        "base_ref": _base_ref(repo, ref, after) if created else None,
        "compare": shapes.html(state, repo, f"compare/{before[:12]}...{after[:12]}"),
        "commits": written,
        "head_commit": None if deleted else _commit(state, repo, repo.bare.commit(after)),
    }


def pull_request(state: State, repo: Repository, one: Pull, action: str, sender: User, **more: object) -> shapes.Json:
    """Write a pull_request event. Teams have no type in events, unlike in the REST API."""
    written: shapes.Json = {"pull_request": full_pull(state, repo, one), **more}
    for team in (*written["pull_request"]["requested_teams"], written.get("requested_team")):
        if isinstance(team, dict):
            team.pop("type")
    return {"action": action, "number": one.number, **written, **common(state, repo, sender)}


def issue_comment(
    state: State, repo: Repository, one: Pull, said: Comment, action: str, *, sender: User | None = None, **more: object
) -> shapes.Json:
    """Write an event of a comment on a pull request, which is an issue here; its head is not in it."""
    written = {"issue": pull_shapes.issue(state, repo, one), "comment": pull_shapes.comment(state, repo, said)}
    for part in written.values():
        part["reactions"] = {"url": f"{part['url']}/reactions", "total_count": 0, **dict.fromkeys(REACTIONS, 0)}
    return {"action": action, **written, **more, **common(state, repo, sender or said.user)}


def ping(state: State, repo: Repository, hook: Hook, sender: User) -> shapes.Json:
    """Write the event that a new hook gets first."""
    ends = common(state, repo, sender)
    ends.pop("installation", None)
    return {
        "zen": "Keep it logically awesome.",
        "hook_id": hook.id,
        "hook": shapes.hook(state, repo, hook),
        **ends,
    }


def _new_commits(repo: Repository, ref: str, before: str, after: str) -> list[Commit]:
    """List what the push brought, oldest first; for a new branch, what no other branch has."""
    if before != ZERO:
        return repo.bare.log(after, without=[before])[::-1]
    others = [sha for name, sha in repo.bare.branches().items() if f"refs/heads/{name}" != ref]
    return repo.bare.log(after, without=others)[::-1]


def _base_ref(repo: Repository, ref: str, after: str) -> str | None:
    for name, sha in repo.bare.branches().items():
        if sha == after and f"refs/heads/{name}" != ref:
            return f"refs/heads/{name}"
    return None


def _commit(state: State, repo: Repository, one: Commit) -> shapes.Json:
    names: dict[str, list[str]] = {"added": [], "removed": [], "modified": []}
    parent = one.parents[0] if one.parents else comparing.EMPTY_TREE
    for path, status in comparing.changed_paths(repo.bare, parent, one.sha):
        names[{"A": "added", "D": "removed"}.get(status, "modified")].append(path)
    return {
        "id": one.sha,
        "tree_id": one.tree,
        "distinct": True,
        "message": one.message,
        "timestamp": one.committer_date,
        "url": shapes.html(state, repo, f"commit/{one.sha}"),
        "author": _person(state, one.author),
        "committer": _person(state, one.committer),
        **names,
    }


def _person(state: State, person: Person) -> shapes.Json:
    account = commit_shapes.account_of(state, person)
    written = {"name": person.name, "email": person.email}
    return {**written, "username": account.login} if account else written


def common(state: State, repo: Repository, sender: User, *, push_shape: bool = False) -> shapes.Json:
    """Write what every event ends with; a push has the repository in an older shape, with times as numbers."""
    written = shapes.repository(state, repo)
    if push_shape:
        owner = state.user(repo.owner)
        written["created_at"], written["pushed_at"] = _seconds(repo.created_at), _seconds(repo.pushed_at)
        written["owner"] = {"name": owner.login, "email": owner.person.email, **written["owner"]}
        written.update(stargazers=0, master_branch=repo.default_branch)
        written["url"] = shapes.html(state, repo)
    ends: shapes.Json = {"repository": written}
    if repo.owner in state.organisations:
        ends["organization"] = shapes.organisation(state, repo.owner)
        if push_shape:
            written["organization"] = repo.owner
    ends["sender"] = shapes.user(state, sender)
    installation = state.installation_of(repo)
    if installation:
        node = shapes.node_id("Integration", installation.id)
        ends["installation"] = {"id": installation.id, "node_id": node}
    return ends


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
