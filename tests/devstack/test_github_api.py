"""The REST API of the GitHub double, asked by PyGithub; each request and answer is judged by GitHub's description."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator

import github
import pytest
import requests
from github.Repository import Repository

from devstack.bare import Entry, Files
from devstack.stack import GITHUB_TOKEN, Devstack

REPOSITORY = "acme/checkout"
FILES: Files = {"app.py": "print(1)\n", "docs/readme.md": "hello\n", "link": Entry(b"app.py", "120000")}


@pytest.fixture
def client(stack: Devstack) -> Iterator[github.Github]:
    stack.create_repository(REPOSITORY, FILES, branches=["develop", "feature/tea"])
    made = _client(stack, GITHUB_TOKEN)
    yield made
    made.close()


def _client(stack: Devstack, token: str) -> github.Github:
    return github.Github(
        base_url=stack.github.api_url,
        auth=github.Auth.Token(token),
        seconds_between_requests=0,
        seconds_between_writes=0,
        retry=None,
    )


@pytest.fixture
def repository(client: github.Github) -> Repository:
    return client.get_repo(REPOSITORY)


def _call(stack: Devstack, method: str, path: str, token: str | None, body: object = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.request(method, f"{stack.github.api_url}{path}", headers=headers, json=body, timeout=10)


def test_files_directories_and_links_are_read_at_a_ref(stack: Devstack, repository: Repository) -> None:
    stack.github.push(REPOSITORY, "feature/tea", {"app.py": "print(2)\n"})
    content = repository.get_contents("app.py", ref="feature/tea")
    assert not isinstance(content, list)
    assert content.decoded_content == b"print(2)\n"
    listed = repository.get_contents("")
    assert isinstance(listed, list)
    assert [(one.path, one.type) for one in listed] == [("app.py", "file"), ("docs", "dir"), ("link", "symlink")]
    with pytest.raises(github.UnknownObjectException):
        repository.get_contents("nothing.txt")


def test_compare_tells_relation_commits_and_files(stack: Devstack, repository: Repository) -> None:
    first = stack.github.push(REPOSITORY, "develop", {"app.py": None, "main.py": "print(1)\n"}, "Rename")
    stack.github.push(REPOSITORY, "feature/tea", {"docs/readme.md": "bye\n"})
    ahead = repository.compare("main", "develop")
    assert (ahead.status, ahead.ahead_by, [one.sha for one in ahead.commits]) == ("ahead", 1, [first])
    assert [(one.filename, one.status, one.previous_filename) for one in ahead.files] == [
        ("main.py", "renamed", "app.py")
    ]
    diverged = repository.compare("develop", "feature/tea")
    assert (diverged.status, diverged.ahead_by, diverged.behind_by) == ("diverged", 1, 1)
    assert [(one.filename, one.changes) for one in diverged.files] == [("docs/readme.md", 2)]
    assert repository.compare("develop", "main").status == "behind"
    assert repository.compare("main", "main").status == "identical"


def test_compare_lists_no_more_than_300_files(stack: Devstack, repository: Repository) -> None:
    stack.github.push(REPOSITORY, "develop", {f"many/{number}.txt": "x\n" for number in range(310)})
    assert len(repository.compare("main", "develop").files) == 300


def test_newest_status_of_a_context_decides(stack: Devstack, repository: Repository) -> None:
    commit = repository.get_commit("develop")
    for state in ("pending", "success"):
        commit.create_status(state, "http://mergeport.test/runs/1", "Live in dev", "mergeport/dev")
    assert commit.get_combined_status().state == "success"
    assert [one.state for one in commit.get_statuses()] == ["success", "pending"]
    assert [one.state for one in stack.github.statuses(REPOSITORY, commit.sha, "mergeport/dev")] == [
        "pending",
        "success",
    ]


def test_pull_request_from_opening_to_merge(stack: Devstack, repository: Repository) -> None:
    stack.github.push(REPOSITORY, "feature/tea", {"app.py": "print(2)\n"})
    pull = repository.create_pull(base="develop", head="feature/tea", title="Tea", body="Why")
    pull.edit(title="More tea", body="Because")
    pull.create_review_request(reviewers=["bob"], team_reviewers=["release-managers"])
    pull.add_to_labels("release", "dev")
    (found,) = repository.get_pulls(state="open", head="acme:feature/tea", base="develop")
    assert (found.number, found.title, [one.name for one in found.labels]) == (
        pull.number,
        "More tea",
        ["release", "dev"],
    )
    assert (found.requested_reviewers[0].login, found.requested_teams[0].slug) == ("bob", "release-managers")
    result = pull.merge(merge_method="squash")
    merged = repository.get_pull(pull.number)
    assert (merged.merged, merged.merge_commit_sha) == (True, result.sha)
    assert [one.number for one in repository.get_commit(result.sha).get_pulls()] == [pull.number]


def test_merge_of_another_head_than_asked_is_refused(stack: Devstack, repository: Repository) -> None:
    stack.github.push(REPOSITORY, "feature/tea", {"app.py": "print(2)\n"})
    pull = repository.create_pull(base="develop", head="feature/tea", title="Tea", body="")
    with pytest.raises(github.GithubException) as caught:
        pull.merge(sha="0" * 40)
    assert caught.value.status == 409


def test_review_by_the_author_or_a_stranger_is_refused(stack: Devstack, repository: Repository) -> None:
    stack.github.push(REPOSITORY, "feature/tea", {"app.py": "print(2)\n"})
    pull = repository.create_pull(base="develop", head="feature/tea", title="Tea", body="")
    stack.github.state.unknown_reviewers.add("nobody")
    for reviewer in ("mergeport-bot", "nobody"):
        with pytest.raises(github.GithubException) as caught:
            pull.create_review_request(reviewers=[reviewer])
        assert caught.value.status == 422


def test_comment_is_written_and_rewritten(stack: Devstack, repository: Repository) -> None:
    stack.github.push(REPOSITORY, "feature/tea", {"app.py": "print(2)\n"})
    pull = repository.create_pull(base="develop", head="feature/tea", title="Tea", body="")
    comment = pull.create_issue_comment("building")
    comment.edit("live in dev")
    assert [one.body for one in pull.get_issue_comments()] == ["live in dev"]
    assert [one.body for one in stack.github.comments(REPOSITORY, pull.number)] == ["live in dev"]


def test_refs_are_created_moved_with_force_and_deleted(stack: Devstack, repository: Repository) -> None:
    old = repository.get_branch("develop").commit.sha
    new = stack.github.push(REPOSITORY, "develop", {"app.py": "print(2)\n"})
    ref = repository.create_git_ref("refs/heads/mergeport/promotion/prod/checkout", new)
    with pytest.raises(github.GithubException) as caught:
        ref.edit(old)
    assert caught.value.status == 422
    ref.edit(old, force=True)
    assert repository.get_git_ref("heads/mergeport/promotion/prod/checkout").object.sha == old
    ref.delete()
    assert "mergeport/promotion/prod/checkout" not in stack.github.repository(REPOSITORY).bare.branches()


def test_commit_is_made_by_the_git_database(stack: Devstack, repository: Repository) -> None:
    tip = repository.get_git_commit(repository.get_branch("main").commit.sha)
    blob = repository.create_git_blob(base64.b64encode(b"\x00\xff").decode(), "base64")
    elements = [
        github.InputGitTreeElement("new.txt", "100644", "blob", content="new"),
        github.InputGitTreeElement("bin", "100644", "blob", sha=blob.sha),
        github.InputGitTreeElement("docs/readme.md", "100644", "blob", sha=None),
    ]
    tree = repository.create_git_tree(elements, base_tree=tip.tree)
    commit = repository.create_git_commit("By hand", tree, [tip])
    bare = stack.github.repository(REPOSITORY).bare
    assert bare.files(commit.sha) == ["app.py", "bin", "link", "new.txt"]
    assert bare.read(commit.sha, "bin") == b"\x00\xff"


def test_lists_come_in_pages(stack: Devstack, repository: Repository) -> None:
    tip = repository.get_branch("main").commit.sha
    bare = stack.github.repository(REPOSITORY).bare
    bare.git("update-ref", "--stdin", data="".join(f"create refs/heads/b{n:02} {tip}\n" for n in range(35)).encode())
    assert repository.get_branches().totalCount == 38
    assert len(list(repository.get_branches())) == 38


@pytest.mark.parametrize(
    ("token", "method", "path", "status", "message"),
    [
        ("made-up", "GET", f"/repos/{REPOSITORY}", 401, "Bad credentials"),
        (None, "GET", f"/repos/{REPOSITORY}", 404, "Not Found"),
        ("elsewhere", "GET", f"/repos/{REPOSITORY}", 404, "Not Found"),
        ("reader", "POST", f"/repos/{REPOSITORY}/git/refs", 403, "Resource not accessible by personal access token"),
        ("reader", "GET", f"/repos/{REPOSITORY}/pulls", 403, "Resource not accessible by personal access token"),
        ("reader", "GET", f"/repos/{REPOSITORY}/branches/none", 404, "Branch not found"),
        (None, "GET", "/user", 401, "Requires authentication"),
    ],
)
def test_refusals_are_githubs(
    stack: Devstack, client: github.Github, token: str | None, method: str, path: str, status: int, message: str
) -> None:
    stack.github.add_token("reader", permissions={"contents": "read"})
    stack.github.add_token("elsewhere", repositories=["acme/other"])
    body = {"ref": "refs/heads/x", "sha": "0" * 40} if method == "POST" else None
    answer = _call(stack, method, path, token, body)
    assert (answer.status_code, answer.json()["message"]) == (status, message)


def test_body_that_is_no_json_is_400(stack: Devstack, client: github.Github) -> None:
    headers = {"Authorization": f"Bearer {GITHUB_TOKEN}", "Content-Type": "application/json"}
    address = f"{stack.github.api_url}/repos/{REPOSITORY}/git/refs"
    assert requests.post(address, headers=headers, data="{", timeout=10).status_code == 400
    assert stack.github.violations.pop().startswith(f"POST /api/v3/repos/{REPOSITORY}/git/refs")


def test_request_that_breaks_the_description_is_a_violation(stack: Devstack, client: github.Github) -> None:
    sha = stack.github.repository(REPOSITORY).bare.tip("main")
    _call(stack, "POST", f"/repos/{REPOSITORY}/statuses/{sha}", GITHUB_TOKEN, {"state": "great"})
    _call(stack, "GET", "/repositories", GITHUB_TOKEN)
    wrong, unknown = stack.github.violations
    stack.github.violations.clear()
    assert "'great' is not one of" in wrong
    assert "no such path" in unknown


def _app_token(app_id: int, life: int = 300) -> str:
    claims = {"iat": int(time.time()) - 10, "exp": int(time.time()) + life, "iss": str(app_id)}
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2ln"])


def test_installation_token_is_narrowed_to_its_repository(stack: Devstack, client: github.Github) -> None:
    stack.create_repository("acme/manifests", {"a": "1"})
    stack.github.install_app(7, "acme")
    jwt = _app_token(7)
    installation = _call(stack, "GET", f"/repos/{REPOSITORY}/installation", jwt).json()["id"]
    made = _call(
        stack,
        "POST",
        f"/app/installations/{installation}/access_tokens",
        jwt,
        {"repositories": ["manifests"], "permissions": {"contents": "write"}},
    ).json()
    token = made["token"]
    assert made["repository_selection"] == "selected"
    assert _call(stack, "GET", "/repos/acme/manifests/branches/main", token).status_code == 200
    assert _call(stack, "GET", f"/repos/{REPOSITORY}", token).status_code == 404
    refused = _call(stack, "GET", "/repos/acme/manifests/pulls", token)
    assert (refused.status_code, refused.json()["message"]) == (403, "Resource not accessible by integration")
    assert stack.git.tokens[token].repositories == frozenset({"acme/manifests"})


@pytest.mark.parametrize(("app", "life"), [(8, 300), (7, -60), (7, 3600)])
def test_app_token_of_another_app_or_time_is_refused(
    stack: Devstack, client: github.Github, app: int, life: int
) -> None:
    installation = stack.github.install_app(7, "acme")
    path = f"/app/installations/{installation.id}/access_tokens"
    assert _call(stack, "POST", path, _app_token(app, life)).status_code in {401, 404}


def test_rate_limit_headers_count_down(stack: Devstack, client: github.Github) -> None:
    first, second = (_call(stack, "GET", f"/repos/{REPOSITORY}", GITHUB_TOKEN).headers for _ in range(2))
    assert int(first["X-RateLimit-Remaining"]) - int(second["X-RateLimit-Remaining"]) == 1
    assert int(second["X-RateLimit-Reset"]) > time.time()


def test_limits_are_answered_once_with_githubs_headers(stack: Devstack, client: github.Github) -> None:
    stack.github.limit_primary(path="/pulls", reset_in=30)
    stack.github.limit_secondary(path="/pulls", retry_after=7)
    primary, secondary, free = (_call(stack, "GET", f"/repos/{REPOSITORY}/pulls", GITHUB_TOKEN) for _ in range(3))
    assert (primary.status_code, primary.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert (secondary.status_code, secondary.headers["Retry-After"]) == (403, "7")
    assert "secondary rate limit" in secondary.json()["message"]
    assert free.status_code == 200


def test_cut_connection_has_had_its_effect(stack: Devstack, repository: Repository) -> None:
    stack.github.push(REPOSITORY, "feature/tea", {"app.py": "print(2)\n"})
    stack.github.faults.cut(method="POST", path="/pulls$")
    with pytest.raises(requests.ConnectionError):
        repository.create_pull(base="develop", head="feature/tea", title="Tea", body="")
    assert [one.head for one in stack.github.pulls(REPOSITORY, "open")] == ["feature/tea"]


def test_git_is_served_by_the_same_host(stack: Devstack, client: github.Github) -> None:
    answer = requests.get(
        f"{stack.github.url}/{REPOSITORY}.git/info/refs?service=git-upload-pack",
        auth=("x-access-token", GITHUB_TOKEN),
        timeout=10,
    )
    assert b"# service=git-upload-pack" in answer.content


def test_requests_are_recorded_with_their_bodies(stack: Devstack, repository: Repository) -> None:
    repository.get_commit("develop").create_status("pending", context="mergeport/dev")
    (request,) = stack.github.faults.requests("POST", "/statuses/")
    assert json.loads(request.body) == {"state": "pending", "context": "mergeport/dev"}
