"""Web hooks of a repository and their deliveries, which can be listed and sent again."""

from __future__ import annotations

import json

from flask import Blueprint, Response, jsonify, request

from devstack.github import access, shapes
from devstack.github.refusal import invalid, not_found
from devstack.github.routes.paging import paged
from devstack.github.state import Delivery, Hook, Repository

blueprint = Blueprint("hooks", __name__)


@blueprint.get("/repos/<owner>/<name>/hooks")
def list_hooks(owner: str, name: str) -> Response:
    """List web hooks."""
    repo = access.repository(owner, name, "repository_hooks")
    return paged([shapes.hook(access.state(), repo, hook) for hook in repo.hooks.values()])


@blueprint.post("/repos/<owner>/<name>/hooks")
def create_hook(owner: str, name: str) -> tuple[Response, int]:
    """Configure a web hook."""
    repo = access.repository(owner, name, "repository_hooks", "write")
    body = request.get_json()
    config = body.get("config") or {}
    if not config.get("url"):
        raise invalid("Hook", "url", "url can't be blank", code="missing_field")
    hook = access.actions().add_hook(
        repo,
        config["url"],
        config.get("secret"),
        body.get("events") or ["push"],
        sender=access.caller(),
        kind=config.get("content_type", "form"),
    )
    return jsonify(shapes.hook(access.state(), repo, hook)), 201


@blueprint.get("/repos/<owner>/<name>/hooks/<int:hook_id>/deliveries")
def list_deliveries(owner: str, name: str, hook_id: int) -> Response:
    """List a hook's deliveries, newest first."""
    repo = access.repository(owner, name, "repository_hooks")
    hook = _hook(repo, hook_id)
    found = [one for one in reversed(access.state().deliveries) if one.hook is hook]
    return paged([shapes.delivery(repo, one) for one in found])


@blueprint.get("/repos/<owner>/<name>/hooks/<int:hook_id>/deliveries/<int:delivery_id>")
def get_delivery(owner: str, name: str, hook_id: int, delivery_id: int) -> Response:
    """Get a delivery with its request and answer."""
    repo = access.repository(owner, name, "repository_hooks")
    one = _delivery(repo, hook_id, delivery_id)
    payload = json.loads(one.body) if one.hook.content_type == "json" else None
    return jsonify(
        {
            **shapes.delivery(repo, one),
            "url": one.hook.url,
            "request": {"headers": one.headers, "payload": payload},
            "response": {"headers": {}, "payload": one.response.decode("utf-8", "replace")},
        }
    )


@blueprint.post("/repos/<owner>/<name>/hooks/<int:hook_id>/deliveries/<int:delivery_id>/attempts")
def redeliver(owner: str, name: str, hook_id: int, delivery_id: int) -> tuple[Response, int]:
    """Send a delivery again."""
    repo = access.repository(owner, name, "repository_hooks", "write")
    access.actions().courier.redeliver(_delivery(repo, hook_id, delivery_id))
    return jsonify({}), 202


def _hook(repo: Repository, hook_id: int) -> Hook:
    if hook_id not in repo.hooks:
        raise not_found()
    return repo.hooks[hook_id]


def _delivery(repo: Repository, hook_id: int, delivery_id: int) -> Delivery:
    hook = _hook(repo, hook_id)
    for one in access.state().deliveries:
        if one.hook is hook and one.id == delivery_id:
            return one
    raise not_found()
