"""What people may do in a repository, and what moved its branches."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from devstack.github import access, shapes
from devstack.github.refusal import RefusalError, not_found
from devstack.github.state import Activity

blueprint = Blueprint("belonging", __name__)
_ROLES = ("read", "triage", "write", "maintain", "admin")
_LEGACY = {"triage": "read", "maintain": "write"}
_NAMES = ("pull", "triage", "push", "maintain", "admin")


@blueprint.get("/repos/<owner>/<name>/collaborators/<username>/permission")
def get_permission(owner: str, name: str, username: str) -> Response:
    """Get what a person may do: 404 for a login that nobody has, `read` or `none` for one that was given nothing."""
    repo, state = access.repository(owner, name), access.state()
    token = access.token()
    if token.installation is None and not token.may("contents", "read"):
        raise RefusalError(403, "Must have push access to view collaborator permission.")
    who = state.known_user(username)
    if who is None:
        raise RefusalError(404, f"{username} is not a user")
    role = repo.roles.get(who.login.lower(), "none" if repo.private else "read")
    base = role if role in {*_ROLES, "none"} else "write"
    level = _ROLES.index(base) if base in _ROLES else -1
    granted = {word: level >= rank for rank, word in enumerate(_NAMES)}
    user = {**shapes.user(state, who), "permissions": granted, "role_name": role}
    return jsonify({"permission": _LEGACY.get(base, base), "role_name": role, "user": user})


@blueprint.get("/repos/<owner>/<name>/activity")
def list_activity(owner: str, name: str) -> Response:
    """List what moved branches, newest first; pages are by cursor, and one is enough here."""
    repo = access.repository(owner, name, "contents")
    ref = request.args.get("ref", "")
    full = ref if ref.startswith("refs/heads/") else f"refs/heads/{ref}"
    if ref and full.removeprefix("refs/heads/") not in repo.bare.branches():
        raise not_found()
    found = [one for one in reversed(repo.activity) if not ref or one.ref == full]
    if request.args.get("direction") == "asc":
        found.reverse()
    return jsonify([_activity(one) for one in found[: request.args.get("per_page", 30, int)]])


def _activity(one: Activity) -> shapes.Json:
    return {
        "id": one.id,
        "node_id": shapes.node_id("Push", one.id),
        "before": one.before,
        "after": one.after,
        "ref": one.ref,
        "timestamp": one.timestamp,
        "activity_type": one.kind,
        "actor": shapes.user(access.state(), one.actor),
    }
