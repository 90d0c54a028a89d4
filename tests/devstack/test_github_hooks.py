"""Web hooks of the GitHub double: signed, in GitHub's published shape, kept, and sent again only when asked."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import requests

from devstack.bare import ZERO, git_environment
from devstack.serving import LoopbackServer
from devstack.stack import GITHUB_TOKEN, WEBHOOK_SECRET, Devstack

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

REPOSITORY = "acme/checkout"
SCHEMA = json.loads((Path(__file__).parents[1] / "data" / "octokit" / "webhooks-schema.json").read_text())


@dataclass
class Receiver:
    """A service that takes deliveries and answers as it is told."""

    status: str = "202 Accepted"
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        headers = {key[5:].replace("_", "-").lower(): text for key, text in environ.items() if key.startswith("HTTP_")}
        self.got.append((headers, environ["wsgi.input"].read()))
        self.arrived.set()
        start_response(self.status, [])
        return [b"seen"]

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        return [(headers["x-github-event"], json.loads(body)) for headers, body in self.got]


@pytest.fixture
def receiver(stack: Devstack) -> Iterator[Receiver]:
    made = Receiver()
    with LoopbackServer(made) as server:
        made.url = server.url
        stack.create_repository(REPOSITORY, {"app.py": "one\n", "old.py": "x\n"}, branches=["develop"])
        stack.github.add_hook(REPOSITORY, made.url, WEBHOOK_SECRET)
        yield made


def _wrong(event: str, payload: dict[str, Any]) -> list[str]:
    name = {"push": "push$event", "ping": "ping$event"}.get(event, f"{event}${payload.get('action')}")
    assert name in SCHEMA["definitions"]
    schema = {**SCHEMA, "oneOf": [{"$ref": f"#/definitions/{name.replace('$', '%24')}"}]}
    found = jsonschema.Draft7Validator(schema).iter_errors(payload)
    return [f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in found]


def test_every_event_of_a_pull_requests_life_has_githubs_shape(stack: Devstack, receiver: Receiver) -> None:
    github = stack.github
    pull = github.merge(REPOSITORY, "develop", {"app.py": "two\n", "old.py": None}, labels=["tea"], commits=2)
    github.push(REPOSITORY, "feature/x", {"a": "1"})
    other = github.open_pull(REPOSITORY, "feature/x", "develop", body="Why", draft=True)
    repo = github.repository(REPOSITORY)
    github.actions.edit_pull(repo, other, {"title": "New"}, github.state.user("ada"))
    github.actions.request_review(repo, other, ["bob"], ["owners"], github.state.user("ada"))
    github.push(REPOSITORY, "feature/x", {"a": "2"})
    github.delete_branch(REPOSITORY, "feature/x")
    github.wait_delivered()
    seen = receiver.events()
    assert {(event, payload.get("action")) for event, payload in seen} == {
        ("ping", None),
        ("push", None),
        *(("pull_request", action) for action in ("opened", "edited", "review_requested", "synchronize", "closed")),
    }
    assert [(event, wrong) for event, payload in seen for wrong in _wrong(event, payload)] == []
    assert pull.merged


def test_comments_are_told_of_by_whomever_they_are_and_only_to_hooks_that_want_it(
    stack: Devstack, receiver: Receiver
) -> None:
    github = stack.github
    github.push(REPOSITORY, "feature/x", {"a": "1"})
    pull = github.open_pull(REPOSITORY, "feature/x", "develop")
    github.comment(REPOSITORY, pull.number, "not told")
    github.add_hook(REPOSITORY, receiver.url, WEBHOOK_SECRET, ["issue_comment"])
    said = github.comment(REPOSITORY, pull.number, "/mergeport status", by="grace")
    github.edit_comment(REPOSITORY, said, "/mergeport help")
    requests.post(
        f"{github.api_url}/repos/{REPOSITORY}/issues/{pull.number}/comments",
        json={"body": "by a program"}, headers={"Authorization": f"Bearer {GITHUB_TOKEN}"}, timeout=5,
    ).raise_for_status()  # fmt: skip
    github.wait_delivered()
    seen = [(event, payload) for event, payload in receiver.events() if event == "issue_comment"]
    assert [(one["action"], one["sender"]["type"], one["comment"]["body"]) for _, one in seen] == [
        ("created", "User", "/mergeport status"),
        ("edited", "User", "/mergeport help"),
        ("created", "User", "by a program"),
    ]
    assert [(event, wrong) for event, payload in seen for wrong in _wrong(event, payload)] == []


def test_merged_pull_request_says_so_with_its_commit(stack: Devstack, receiver: Receiver) -> None:
    pull = stack.github.merge(REPOSITORY, "develop", {"app.py": "two\n"}, by="grace")
    stack.github.wait_delivered()
    event, payload = receiver.events()[-1]
    written = payload["pull_request"]
    assert (event, payload["action"], written["merged"]) == ("pull_request", "closed", True)
    assert written["merge_commit_sha"] == pull.merge_commit_sha
    assert written["merged_by"]["login"] == "grace"


def test_signature_is_of_the_raw_body(stack: Devstack, receiver: Receiver) -> None:
    stack.github.push(REPOSITORY, "develop", {"app.py": "naïve ☕\n"}, "naïve ☕")
    stack.github.wait_delivered()
    headers, body = receiver.got[-1]
    expected = hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={expected}"
    assert headers["x-hub-signature"].startswith("sha1=")
    assert headers["user-agent"].startswith("GitHub-Hookshot/")


def test_push_over_git_sends_a_push_event(stack: Devstack, receiver: Receiver, tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.invalid")
        command = ["git", *identity, "-C", str(tmp_path / "clone"), *arguments]
        done = subprocess.run(command, env=git_environment(), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    remote = stack.git.remote(REPOSITORY, GITHUB_TOKEN)
    (tmp_path / "clone").mkdir()
    git("clone", "-q", "--branch", "develop", remote, ".")
    before = git("rev-parse", "HEAD")
    (tmp_path / "clone" / "new.py").write_text("new\n")
    git("rm", "-q", "old.py")
    git("add", "-A")
    git("commit", "-qm", "One")
    git("commit", "-qm", "Two", "--allow-empty")
    git("push", "-q")
    stack.github.wait_delivered()
    event, payload = receiver.events()[-1]
    assert (event, payload["ref"], payload["before"]) == ("push", "refs/heads/develop", before)
    assert payload["after"] == payload["head_commit"]["id"] == git("rev-parse", "HEAD")
    assert [one["message"] for one in payload["commits"]] == ["One", "Two"]
    assert (payload["commits"][0]["added"], payload["commits"][0]["removed"]) == (["new.py"], ["old.py"])
    assert payload["pusher"]["name"] == "mergeport-bot"


def test_force_push_and_deletion_are_told(stack: Devstack, receiver: Receiver) -> None:
    first = stack.github.repository(REPOSITORY).bare.tip("develop")
    stack.github.push(REPOSITORY, "develop", {"app.py": "two\n"})
    stack.github.force_push(REPOSITORY, "develop", first)
    stack.github.delete_branch(REPOSITORY, "develop")
    stack.github.wait_delivered()
    (_, plain), (_, forced), (_, deleted) = receiver.events()[-3:]
    assert [one["forced"] for one in (plain, forced, deleted)] == [False, True, False]
    assert (deleted["deleted"], deleted["after"], deleted["head_commit"]) == (True, ZERO, None)


def test_failed_delivery_is_kept_and_not_repeated(stack: Devstack, receiver: Receiver) -> None:
    receiver.status = "503 Service Unavailable"
    stack.github.push(REPOSITORY, "develop", {"app.py": "two\n"})
    stack.github.wait_delivered()
    delivery = stack.github.deliveries[-1]
    assert (delivery.status_code, delivery.status) == (503, "Invalid HTTP Response: 503")
    assert [event for event, _payload in receiver.events()].count("push") == 1


def test_lost_delivery_never_arrives_until_it_is_redelivered(stack: Devstack, receiver: Receiver) -> None:
    stack.github.wait_delivered()
    stack.github.courier.lost = True
    stack.github.push(REPOSITORY, "develop", {"app.py": "two\n"})
    stack.github.wait_delivered()
    assert [event for event, _payload in receiver.events()] == ["ping"]
    stack.github.courier.lost = False
    lost = stack.github.deliveries[-1]
    stack.github.redeliver(lost)
    stack.github.wait_delivered()
    headers, body = receiver.got[-1]
    assert (headers["x-github-delivery"], body) == (lost.guid, lost.body)


def test_receiver_that_is_away_costs_nothing_but_the_delivery(stack: Devstack, receiver: Receiver) -> None:
    hook = stack.github.add_hook(REPOSITORY, "http://127.0.0.1:9", None, ["push"])
    stack.github.push(REPOSITORY, "develop", {"app.py": "two\n"})
    stack.github.wait_delivered()
    assert [one.status for one in stack.github.deliveries if one.hook is hook][-1] == "failed to connect to host"
    assert receiver.events()[-1][0] == "push"


def test_deliveries_are_listed_and_repeated_by_api(stack: Devstack, receiver: Receiver) -> None:
    stack.github.push(REPOSITORY, "develop", {"app.py": "two\n"})
    stack.github.wait_delivered()
    (hook,) = stack.github.repository(REPOSITORY).hooks.values()
    base = f"{stack.github.api_url}/repos/{REPOSITORY}/hooks/{hook.id}/deliveries"
    headers = {"Authorization": f"Bearer {GITHUB_TOKEN}"}
    newest = requests.get(base, headers=headers, timeout=10).json()[0]
    assert (newest["event"], newest["status"], newest["redelivery"]) == ("push", "OK", False)
    assert requests.post(f"{base}/{newest['id']}/attempts", headers=headers, timeout=10).status_code == 202
    stack.github.wait_delivered()
    assert [event for event, _payload in receiver.events()] == ["ping", "push", "push"]
