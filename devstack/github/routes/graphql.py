"""What the product sends to GitHub's GraphQL: drafts, auto-merge and the merge queue.

It understands one mutation with one variable `input`, and two questions about a pull request; that these are valid is
judged by GitHub's published schema, in the tests. Errors come with status 200, as GitHub sends them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask import Blueprint, Response, jsonify, request

from devstack.github import access, landing, shapes
from devstack.github.refusal import RefusalError
from devstack.github.state import MergeMethod, Pull, Repository

blueprint = Blueprint("graphql", __name__)
_MUTATION = re.compile(r"\{\s*(\w+)\s*\(\s*input\s*:\s*\$input\s*\)")
_QUESTION = re.compile(r"^query\b.*\{ (isInMergeQueue|reviewDecision) \}")
_METHODS: Mapping[str, MergeMethod] = {"MERGE": "merge", "SQUASH": "squash", "REBASE": "rebase"}


@blueprint.post("/graphql")
def ask() -> Response:
    """Carry out one mutation."""
    access.caller()
    body = request.get_json()
    asked = _QUESTION.search(str(body.get("query")))
    if asked is not None:
        return _told(body.get("variables", {}), asked[1])
    found = _MUTATION.search(str(body.get("query")))
    if found is None:
        return _error("", "", "A query attribute must be specified and must be a string.")
    name, given = found[1], body.get("variables", {}).get("input", {})
    node = str(given.get("id") if name == "dequeuePullRequest" else given.get("pullRequestId"))
    repo, pull = _find(node)
    if repo is None or pull is None:
        words = f"Could not resolve to a node with the global id of '{node}'"
        return _error(name, "NOT_FOUND", words)
    if not access.token().may("pull_requests", "write"):
        return _error(name, "FORBIDDEN", "Resource not accessible by integration")
    try:
        with access.state().lock:
            done = _carried_out(name, given, repo, pull)
    except RefusalError as error:
        return _error(name, "UNPROCESSABLE", error.message)
    return jsonify({"data": {name: done}})


def _carried_out(name: str, given: Mapping[str, str], repo: Repository, pull: Pull) -> shapes.Json:
    actions, head = access.actions(), given.get("expectedHeadOid")
    match name:
        case "markPullRequestReadyForReview":
            actions.mark_ready(repo, pull, access.caller())
        case "enablePullRequestAutoMerge":
            method = _METHODS[given.get("mergeMethod", "MERGE")]
            landing.enable_auto_merge(repo, pull, method, access.caller(), head)
        case "disablePullRequestAutoMerge":
            if pull.auto_merge is None:
                raise RefusalError(422, "Can't disable auto-merge for this pull request: it is not enabled")
            pull.auto_merge = None
        case _:
            leaves = name == "dequeuePullRequest"
            place = landing.dequeue(repo, pull) if leaves else landing.enqueue(repo, pull, head)
            return {"mergeQueueEntry": {"id": shapes.node_id("MergeQueueEntry", pull.id), "position": place}}
    landing.settle(actions, repo)
    enabled = pull.auto_merge and {"enabledAt": pull.auto_merge.at}
    state = "MERGED" if pull.merged else pull.state.upper()
    node = shapes.node_id("PullRequest", pull.id)
    return {"pullRequest": {"id": node, "isDraft": pull.draft, "state": state, "autoMergeRequest": enabled}}


def _told(given: Mapping[str, object], asked: str) -> Response:
    """Answer the question whether a pull request is in a merge queue, or what its reviews decide."""
    repo = access.state().find(f"{given.get('owner')}/{given.get('name')}")
    if repo is None or not access.token().sees(repo.full_name):
        words = f"Could not resolve to a Repository with the name '{given.get('owner')}/{given.get('name')}'."
        return _error("repository", "NOT_FOUND", words)
    pull = repo.pulls.get(int(str(given.get("number"))))
    if pull is None:
        words = f"Could not resolve to a PullRequest with the number of {given.get('number')}."
        return _error("repository", "NOT_FOUND", words)
    queued = pull.number in repo.queues.get(pull.base, [])
    told = queued if asked == "isInMergeQueue" else landing.review_decision(repo, pull)
    return jsonify({"data": {"repository": {"pullRequest": {asked: told}}}})


def _find(node: str) -> tuple[Repository | None, Pull | None]:
    for repo in access.state().repositories.values():
        for pull in repo.pulls.values():
            if shapes.node_id("PullRequest", pull.id) == node and access.token().sees(repo.full_name):
                return repo, pull
    return None, None


def _error(name: str, kind: str, words: str) -> Response:
    error = {"message": words, "path": [name], "locations": [{"line": 1, "column": 1}]}
    return jsonify({"data": {name: None}, "errors": [{**error, "type": kind} if kind else error]})
