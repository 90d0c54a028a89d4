"""GitHub's payloads become neutral events; nothing but DeliveryError comes out of bad ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.sources.github.payloads import parse_event
from service.adapters.sources.github.verifying import parse_body
from service.core.changes import BuildHint, Commented, GateHint, Hint, Ignored, Ping, PullRequestMerged, Push, needless
from service.core.words import Repository
from service.errors import DeliveryError

DATA = Path(__file__).parents[2] / "data" / "octokit"
A, B, C, ZERO = "a" * 40, "b" * 40, "c" * 40, "0" * 40


def push_payload(**changed: Any) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "ref": "refs/heads/develop",
        "before": A,
        "after": C,
        "created": False,
        "deleted": False,
        "forced": False,
        "commits": [{"id": B, "message": "one"}, {"id": C, "message": "two"}],
        "head_commit": {
            "id": C,
            "message": "Add tea (#7)\n\nIt is good.",
            "author": {"name": "Ada", "email": "ada@example.com", "username": "ada"},
        },
        "repository": {"full_name": "acme/checkout", "fork": False, "default_branch": "main"},
        "pusher": {"name": "ada", "email": "ada@example.com"},
        "sender": {"login": "ada"},
    }
    return payload | changed


def pull_payload(**changed: Any) -> dict[str, Any]:
    repository = {"full_name": "acme/checkout", "fork": False, "default_branch": "main"}
    pull = {
        "number": 7,
        "title": "Add tea",
        "html_url": "https://github.com/acme/checkout/pull/7",
        "merged": True,
        "merged_at": "2026-01-02T03:04:05Z",
        "merge_commit_sha": C,
        "user": {"login": "ada"},
        "merged_by": {"login": "grace"},
        "labels": [{"name": "tea"}],
        "base": {"ref": "develop", "sha": A, "repo": repository},
        "head": {"ref": "feature/tea", "sha": B, "repo": repository},
    }
    return {"action": "closed", "number": 7, "pull_request": pull | changed, "repository": repository}


def test_push_is_read() -> None:
    assert parse_event("push", push_payload()) == Push(
        repository="acme/checkout",  # type: ignore[arg-type] # a NewType; the literal is clearer here
        branch="develop",
        before=A,  # type: ignore[arg-type] # the same
        after=C,  # type: ignore[arg-type] # the same
        commits=(B, C),  # type: ignore[arg-type] # the same
        created=False,
        forced=False,
        pusher="ada",
        sender="ada",
        subject="Add tea (#7)",
        author="Ada",
        author_email="ada@example.com",
        default_branch="main",
    )


@pytest.mark.parametrize(
    "branch", ["develop", "feature/x", "release/2026/01", "-x", "日本語/ブランチ", "a'b\"c;d", "refs/heads/odd", "v1"]
)
def test_branch_keeps_its_name(branch: str) -> None:
    event = parse_event("push", push_payload(ref=f"refs/heads/{branch}"))
    assert isinstance(event, Push)
    assert event.branch == branch


def test_many_commits_are_covered_and_the_head_is_last() -> None:
    commits = [{"id": f"{number:040x}"} for number in range(1, 2000)]
    event = parse_event("push", push_payload(commits=[{"id": C}, *commits, *commits[:5]]))
    assert isinstance(event, Push)
    assert len(event.commits) == 2000
    assert event.commits[-1] == C


def test_new_branch_has_no_before() -> None:
    event = parse_event("push", push_payload(before=ZERO, created=True, commits=[]))
    assert isinstance(event, Push)
    assert (event.before, event.created, event.commits) == (None, True, (C,))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ref": "refs/tags/v1"}, "tag"),
        ({"ref": "refs/tags/v1", "deleted": True, "after": ZERO, "head_commit": None}, "tag"),
        ({"deleted": True, "after": ZERO, "head_commit": None}, "branch deleted"),
        ({"after": ZERO, "head_commit": None}, "branch deleted"),
        ({"ref": "refs/notes/commits"}, "not a branch"),
        ({"ref": "refs/heads/"}, "not a branch"),
        ({"repository": {"full_name": "mallory/checkout", "fork": True}}, "fork"),
    ],
)
def test_push_that_needs_nothing_says_why(changed: dict[str, Any], reason: str) -> None:
    assert needless(parse_event("push", push_payload(**changed))) == reason


def test_merged_pull_request_is_read() -> None:
    event = parse_event("pull_request", pull_payload())
    assert isinstance(event, PullRequestMerged)
    assert (event.repository, event.branch, event.base_sha, event.merge_commit) == ("acme/checkout", "develop", A, C)
    assert (event.number, event.title, event.author, event.labels) == (7, "Add tea", "ada", ("tea",))
    assert (event.url, event.merged_by) == ("https://github.com/acme/checkout/pull/7", "grace")
    assert needless(event) is None


@pytest.mark.parametrize("repo", [None, {"full_name": "mallory/checkout", "fork": True}])
def test_pull_request_merged_from_a_fork_is_a_merge(repo: object) -> None:
    event = parse_event("pull_request", pull_payload(head={"ref": "tea", "sha": B, "repo": repo}))
    assert isinstance(event, PullRequestMerged)
    assert event.head_repository != event.repository


def test_pull_request_of_a_deleted_account_is_read() -> None:
    event = parse_event("pull_request", pull_payload(user=None, merged_by=None))
    assert isinstance(event, PullRequestMerged)
    assert (event.author, event.merged_by) == ("", "")


def promotion(**changed: Any) -> dict[str, Any]:
    repo = {"full_name": "acme/checkout", "fork": False}
    return pull_payload(head={"ref": "mergeport/promotion/prod/checkout", "sha": B, "repo": repo}, **changed)


@pytest.mark.parametrize("merged", [True, False])
def test_closed_promotion_is_a_hint(merged: bool) -> None:
    event = parse_event("pull_request", promotion(merged=merged, merged_at=None))
    assert isinstance(event, Hint)
    assert (event.merge is not None) is merged
    assert replace(event, merge=None) == Hint(
        "acme/checkout",  # type: ignore[arg-type] # a NewType
        7,
        head_branch="mergeport/promotion/prod/checkout",
        base_branch="develop",
        merged=merged,
    )


def test_promotion_branch_of_a_fork_is_no_hint() -> None:
    head = {"ref": "mergeport/promotion/prod/checkout", "sha": B, "repo": {"full_name": "mallory/x", "fork": True}}
    event = parse_event("pull_request", pull_payload(head=head, merged=False, merged_at=None))
    assert needless(event) == "pull request closed without a merge"


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened"])
def test_pull_request_that_is_not_closed_is_ignored(action: str) -> None:
    assert needless(parse_event("pull_request", pull_payload() | {"action": action})) == "pull request not closed"


@pytest.mark.parametrize("action", ["labeled", "unlabeled"])
def test_label_of_a_merged_pull_request_is_a_hint_for_gates(action: str) -> None:
    told = parse_event("pull_request", pull_payload() | {"action": action})
    assert told == GateHint(Repository("acme/checkout"), number=7)


def test_label_of_an_open_pull_request_is_ignored() -> None:
    told = parse_event("pull_request", pull_payload(merged=False, merged_at=None) | {"action": "labeled"})
    assert needless(told) == "pull request not closed"


@pytest.mark.parametrize(
    ("event", "payload", "hint"),
    [
        ("status", {"sha": A, "context": "ci", "state": "success"}, {"commit": A}),
        ("check_run", {"action": "completed", "check_run": {"head_sha": A}}, {"commit": A}),
        ("pull_request_review", {"action": "submitted", "pull_request": {"number": 7}}, {"number": 7}),
        (
            "merge_group",
            {
                "action": "checks_requested",
                "merge_group": {"head_sha": A, "head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{B}"},
            },
            {"number": 7, "queued": A},
        ),
    ],
)
def test_what_gates_read_is_hinted_at(event: str, payload: dict[str, Any], hint: dict[str, Any]) -> None:
    told = parse_event(event, {"repository": {"full_name": "acme/checkout", "id": 3}, **payload})
    assert told == GateHint(Repository("acme/checkout"), **hint, repository_id="3")


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("status", {"sha": A, "context": "mergeport/gate/soak", "state": "success"}),
        ("merge_group", {"action": "destroyed", "merge_group": {"head_sha": A, "head_ref": f"x/pr-7-{B}"}}),
        ("merge_group", {"action": "checks_requested", "merge_group": {"head_sha": A, "head_ref": "refs/heads/main"}}),
    ],
)
def test_what_changes_no_gate_is_ignored(event: str, payload: dict[str, Any]) -> None:
    assert isinstance(parse_event(event, {"repository": {"full_name": "acme/checkout"}, **payload}), Ignored)


def test_closed_without_a_merge_is_ignored() -> None:
    event = parse_event("pull_request", pull_payload(merged=False, merged_at=None))
    assert needless(event) == "pull request closed without a merge"


def test_ping_is_read_with_and_without_a_repository() -> None:
    assert parse_event("ping", {"zen": "Keep it simple", "hook_id": 1}) == Ping("", words="Keep it simple")
    assert parse_event("ping", {"repository": {"full_name": "acme/checkout"}}) == Ping("acme/checkout")


def test_other_events_are_ignored_whatever_they_hold() -> None:
    assert parse_event("issues", {"repository": 5}) == Ignored("event `issues` is not read")


def without(payload: dict[str, Any], path: str) -> dict[str, Any]:
    changed = copy.deepcopy(payload)
    *way, last = path.split(".")
    place = changed
    for part in way:
        place = place[part]
    del place[last]
    return changed


def with_value(payload: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(payload)
    *way, last = path.split(".")
    place: Any = changed
    for part in way:
        place = place[int(part)] if part.isdigit() else place[part]
    place[int(last) if last.isdigit() else last] = value
    return changed


@pytest.mark.parametrize("path", ["ref", "before", "after", "repository", "repository.full_name"])
def test_push_without_a_needed_field_names_it(path: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        parse_event("push", without(push_payload(), path))
    assert (caught.value.status, caught.value.code) == (400, "payload-invalid")
    assert f"`{path}`" in caught.value.message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("ref", 5),
        ("ref", ""),
        ("ref", "refs/heads/a\nb"),
        ("ref", "refs/heads/a\x00"),
        ("before", "abc"),
        ("after", A.upper()),
        ("after", "-" + A[1:]),
        ("after", A + "\n"),
        ("deleted", "false"),
        ("commits", {}),
        ("commits.1.id", 7),
        ("repository", []),
        ("repository.full_name", "checkout"),
        ("repository.full_name", "../.."),
        ("repository.full_name", "acme/.."),
        ("repository.full_name", "a/b/c"),
        ("repository.fork", "yes"),
        ("head_commit.message", "\x00"),
        ("head_commit.message", "\ud800"),
        ("sender", "ada"),
    ],
)
def test_push_field_of_another_shape_is_named(path: str, value: object) -> None:
    with pytest.raises(DeliveryError) as caught:
        parse_event("push", with_value(push_payload(), path, value))
    assert caught.value.status == 400
    assert f"`{path}`" in caught.value.message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("action", None),
        ("pull_request", None),
        ("pull_request.number", 2**80),
        ("pull_request.number", True),
        ("pull_request.number", -1),
        ("pull_request.base", None),
        ("pull_request.base.ref", None),
        ("pull_request.merge_commit_sha", None),
        ("pull_request.merge_commit_sha", "0" * 40),
        ("pull_request.labels", "x"),
        ("pull_request.labels.0.name", 5),
    ],
)
def test_pull_request_field_of_another_shape_is_named(path: str, value: object) -> None:
    with pytest.raises(DeliveryError) as caught:
        parse_event("pull_request", with_value(pull_payload(), path, value))
    assert f"`{path}`" in caught.value.message


@pytest.mark.parametrize(
    ("event", "action", "hints"),
    [
        ("workflow_run", "requested", True),
        ("workflow_run", "in_progress", True),
        ("workflow_run", "completed", True),
        ("workflow_job", "in_progress", True),
        ("workflow_job", "completed", True),
        ("workflow_job", "queued", False),
        ("workflow_job", "waiting", False),
        ("check_suite", "completed", True),
        ("check_suite", "requested", False),
    ],
)
def test_workflow_that_moved_is_a_hint_at_its_builder(event: str, action: str, *, hints: bool) -> None:
    told = parse_event(event, {"action": action, "repository": {"full_name": "acme/checkout", "id": 7}})
    builder = "" if event == "check_suite" else "github-actions"
    assert (told == BuildHint(Repository("acme/checkout"), builder, action == "completed", "7")) is hints
    assert (needless(told) is None) is hints


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PATHS = ["ref", "commits", "commits.0", "head_commit", "head_commit.author", "repository", "pusher", "sender", "forced"]


@given(path=st.sampled_from(PATHS), value=JSON_VALUES)
def test_whatever_stands_in_a_push_is_read_or_refused_as_ours(path: str, value: object) -> None:
    status = 400
    try:
        parse_event("push", with_value(push_payload(), path, value))
    except DeliveryError as error:
        status = error.status
    assert status == 400


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(DATA.rglob("*.json")):
        content = json.loads(file.read_text())
        if isinstance(content, list):
            for kind in content:
                yield from ((kind["name"], example) for example in kind["examples"])


def test_every_published_example_is_read() -> None:
    seen = 0
    kinds: set[type] = set()
    for name, example in examples():
        kinds.add(type(parse_event(name, parse_body(json.dumps(example).encode()))))
        seen += 1
    assert seen > 300
    assert kinds >= {Push, Ping, Ignored, BuildHint}


def comment_payload(action: str = "created", **changed: Any) -> dict[str, Any]:
    comment = {"id": 5_000_000_001, "user": {"login": "grace", "type": "User"}, "created_at": "2026-01-02T03:04:05Z"}
    return {
        "action": action,
        "issue": {"number": 7, "pull_request": {"url": "https://api.github.com/repos/acme/checkout/pulls/7"}},
        "comment": {**comment, "body": "Please\r\n/mergeport status", "author_association": "OWNER", **changed},
        "repository": {"full_name": "acme/checkout", "id": 12, "fork": False},
        "sender": {"login": "mallory", "type": "User"},
    }


def test_new_comment_of_a_person_with_a_command_is_told_by_who_wrote_it() -> None:
    event = parse_event("issue_comment", comment_payload())
    assert isinstance(event, Commented)
    assert (event.repository, event.number, event.comment, event.author) == ("acme/checkout", 7, "5000000001", "grace")
    assert f"{event.at:%Y-%m-%dT%H:%M:%S%z}" == "2026-01-02T03:04:05+0000"
    assert needless(event) is None


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (comment_payload("edited"), "comment edited"),
        (comment_payload("deleted"), "comment deleted"),
        (comment_payload(user={"login": "renovate[bot]", "type": "Bot"}), "a comment of a program"),
        (comment_payload(user={"login": "gone", "type": "Mannequin"}), "a comment of a program"),
        (comment_payload(user=None), "a comment of a program"),
        (comment_payload(body="looks good"), "a comment without a command"),
        (comment_payload(body="> /mergeport status"), "a comment without a command"),
        (comment_payload(body=None), "a comment without a command"),
        (comment_payload() | {"issue": {"number": 7}}, "a comment on an issue"),
    ],
)
def test_other_comments_are_needless(payload: dict[str, Any], reason: str) -> None:
    assert parse_event("issue_comment", payload) == Ignored(reason)


@pytest.mark.parametrize(
    "body", ["/mergeport status\x00", "\ud800\n/mergeport status", "x" * 60_000 + "\n/mergeport status"]
)
def test_text_of_a_comment_is_read_whatever_it_has(body: str) -> None:
    event = parse_event("issue_comment", comment_payload(body=body))
    assert isinstance(event, Commented)
    assert event.body.encode()
