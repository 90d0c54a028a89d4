"""The App's installations and their tokens, the caller's own account, the rate limit."""

from __future__ import annotations

import secrets
import time

from flask import Blueprint, Response, g, jsonify, request

from devstack.github import access, shapes
from devstack.github.refusal import RefusalError, not_found
from devstack.github.routes.paging import paged
from devstack.github.state import Installation, Level, Token, now

blueprint = Blueprint("apps", __name__)
TOKEN_LIFE = 3600
PRIVATE_COUNTS = ("collaborators", "disk_usage", "owned_private_repos", "private_gists", "total_private_repos")


@blueprint.get("/user")
def get_user() -> Response:
    """Get the caller's account; an installation has none."""
    who = access.caller()
    if access.token().installation is not None:
        raise RefusalError(403, "Resource not accessible by integration")
    own = dict.fromkeys(PRIVATE_COUNTS, 0)
    return jsonify({**_account(who.login), **own, "two_factor_authentication": True})


@blueprint.get("/users/<login>")
def get_named_user(login: str) -> Response:
    """Get an account by its name."""
    if login not in access.state().users:
        raise not_found()
    return jsonify(_account(login))


def _account(login: str) -> shapes.Json:
    state = access.state()
    who = state.user(login)
    empty = dict.fromkeys(("company", "location", "email", "hireable", "bio"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z"}
    return {**shapes.user(state, who), "name": login, "blog": "", **empty, **counts, **times}


@blueprint.get("/rate_limit")
def rate_limit() -> Response:
    """Tell how much of the limit is left; asking costs nothing."""
    told = access.actions().limits.headers(g.token)
    if not told:
        raise RefusalError(404, "Rate limiting is not enabled.")
    core = {name: int(told[f"X-RateLimit-{name.title()}"]) for name in ("limit", "used", "remaining", "reset")}
    reset = core["reset"]
    search = {"limit": 30, "used": 0, "remaining": 30, "reset": reset}
    return jsonify({"resources": {"core": core, "search": search, "graphql": core}, "rate": core})


@blueprint.get("/app")
def get_app() -> Response:
    """Get the App that asks."""
    number, state = access.app_id(), access.state()
    permissions = next((dict(one.permissions) for one in state.installations.values() if one.app_id == number), {})
    return jsonify(_app(number, permissions, ["push", "pull_request"]))


def _app(number: int, permissions: dict[str, Level], events: list[str]) -> shapes.Json:
    state = access.state()
    return {
        "id": number,
        "slug": "mergeport",
        "node_id": shapes.node_id("App", number),
        "owner": shapes.user(state, state.user("mergeport-owner")),
        "name": "mergeport",
        "description": "",
        "external_url": state.base_url,
        "html_url": f"{state.base_url}/apps/mergeport",
        "created_at": now(),
        "updated_at": now(),
        "permissions": permissions,
        "events": events,
    }


@blueprint.post("/app-manifests/<code>/conversions")
def convert_manifest(code: str) -> tuple[Response, int]:
    """Exchange the code of a new App, once, for what only its owner is told."""
    state = access.state()
    told = state.new_apps.pop(code, None)
    if told is None:
        raise not_found()
    number = state.next_id()
    answer = {
        **_app(number, dict(told["default_permissions"]), list(told["default_events"])),
        "client_id": f"Iv1.{number}",
        "client_secret": secrets.token_hex(20),
        "webhook_secret": secrets.token_hex(20),
        "pem": "-----BEGIN RSA PRIVATE KEY-----\nmade-up\n-----END RSA PRIVATE KEY-----\n",
    }
    return jsonify(answer), 201


@blueprint.get("/app/hook/config")
def get_hook_config() -> Response:
    """Get the address of the App's web hook, as GitHub tells it of an App that has none: without one."""
    access.app_id()
    hook = access.state().app_hook
    return jsonify(shapes.hook_config(hook) if hook else {"content_type": "form", "insecure_ssl": "0"})


@blueprint.get("/app/hook/deliveries")
def list_hook_deliveries() -> Response:
    """List the deliveries of the App's web hook, newest first."""
    access.app_id()
    state = access.state()
    if state.app_hook is None:
        raise not_found()
    found = [one for one in reversed(state.deliveries) if one.hook is state.app_hook]
    return paged([shapes.delivery(state.find(one.repository), one) for one in found])


@blueprint.get("/repos/<owner>/<name>/installation")
def get_installation(owner: str, name: str) -> Response:
    """Get the App's installation on a repository."""
    number, state = access.app_id(), access.state()
    repo = state.find(f"{owner}/{name}")
    installation = state.installation_of(repo) if repo else None
    if installation is None or installation.app_id != number:
        raise not_found()
    return jsonify(_installation(installation))


@blueprint.get("/app/installations/<int:number>")
def get_installation_by_id(number: int) -> Response:
    """Get an installation of the App."""
    return jsonify(_installation(_mine(number)))


@blueprint.post("/app/installations/<int:number>/access_tokens")
def create_token(number: int) -> tuple[Response, int]:
    """Make a token for an hour, narrowed to the named repositories and permissions."""
    installation, state = _mine(number), access.state()
    body = request.get_json(silent=True) or {}
    named = body.get("repositories")
    repositories = installation.repositories
    if (numbers := body.get("repository_ids")) is not None:
        named = [
            one.name for one in state.repositories.values() if one.id in numbers and one.owner == installation.owner
        ]
        if len(named) != len(numbers):
            named = ["", *named]
    if named is not None:
        repositories = frozenset(f"{installation.owner}/{name}" for name in named)
        known = repositories <= set(state.repositories)
        if not known or (installation.repositories is not None and not repositories <= installation.repositories):
            raise RefusalError(
                422,
                "There is at least one repository that does not exist or is not accessible to the parent installation.",
            )
    permissions: dict[str, Level] = body.get("permissions") or dict(installation.permissions)
    held = Token("", state.user("mergeport[bot]"), installation.permissions)
    if not all(held.may(permission, level) for permission, level in permissions.items()):
        raise RefusalError(422, "The permissions requested are not granted to this installation.")
    token = Token(
        text=f"ghs_{secrets.token_urlsafe(27)}",
        user=held.user,
        permissions={"metadata": "read", **permissions},
        repositories=repositories,
        installation=installation.id,
        expires_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + TOKEN_LIFE)),
    )
    access.actions().add_token(token)
    answer: shapes.Json = {
        "token": token.text,
        "expires_at": token.expires_at,
        "permissions": dict(token.permissions),
        "repository_selection": "all" if repositories is None else "selected",
    }
    if named is not None and repositories is not None:
        answer["repositories"] = [shapes.repository(state, state.repositories[one]) for one in sorted(repositories)]
    return jsonify(answer), 201


def _mine(number: int) -> Installation:
    app, installation = access.app_id(), access.state().installations.get(number)
    if installation is None or installation.app_id != app:
        raise not_found()
    return installation


def _installation(one: Installation) -> shapes.Json:
    state = access.state()
    account = state.user(one.owner)
    return {
        "id": one.id,
        "account": shapes.user(state, account),
        "repository_selection": "all" if one.repositories is None else "selected",
        "access_tokens_url": shapes.api(state, f"app/installations/{one.id}/access_tokens"),
        "repositories_url": shapes.api(state, "installation/repositories"),
        "html_url": f"{state.base_url}/settings/installations/{one.id}",
        "app_id": one.app_id,
        "app_slug": "mergeport",
        "target_id": account.id,
        "target_type": account.type,
        "permissions": dict(one.permissions),
        "events": list(one.events),
        "created_at": "2020-01-01T00:00:00Z",
        "updated_at": "2020-01-01T00:00:00Z",
        "single_file_name": None,
        "suspended_by": shapes.user(state, account) if one.suspended else None,
        "suspended_at": "2020-02-02T00:00:00Z" if one.suspended else None,
    }
