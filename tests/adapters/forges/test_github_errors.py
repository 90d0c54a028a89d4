"""What GitHub's refusals, limits and failures become; each answered by `responses`."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses

from service.adapters.forges.github import GitHub, TokenLogin
from service.core.order import Relation
from service.core.words import Repository, Sha
from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from service.ports import CommitState, CommitStatus, PullRequestDraft

API = "https://api.github.com:443"  # PyGithub writes the port
REPO = Repository("acme/checkout")
A, B = Sha("a" * 40), Sha("b" * 40)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RESET = str(int(NOW.timestamp()) + 600)
DRAFT = PullRequestDraft(head="mergeport/promotion/prod/checkout", base="main", title="t", body="b")
STATUS = CommitStatus("mergeport/dev", CommitState.PENDING, "waiting", "https://mergeport.example.com/runs/1")

CALLS: dict[str, tuple[str, str, Callable[[GitHub], object]]] = {
    "default_branch": ("GET", "", lambda forge: forge.default_branch(REPO)),
    "head": ("GET", "/git/ref/heads/main", lambda forge: forge.head(REPO, "main")),
    "file_at": ("GET", "/contents/a.yaml", lambda forge: forge.file_at(REPO, "a.yaml", A)),
    "changed_paths": ("GET", f"/compare/{A}...{B}", lambda forge: forge.changed_paths(REPO, A, B)),
    "relation": ("GET", f"/compare/{A}...{B}", lambda forge: forge.relation(REPO, A, B)),
    "between": ("GET", f"/compare/{A}...{B}", lambda forge: forge.between(REPO, A, B)),
    "closed_pull_requests": ("GET", "/pulls", lambda forge: forge.closed_pull_requests(REPO, page=1)),
    "commits_of_pull_request": ("GET", "/pulls/7/commits", lambda forge: forge.commits_of_pull_request(REPO, 7)),
    "paths_of_pull_request": ("GET", "/pulls/7/files", lambda forge: forge.paths_of_pull_request(REPO, 7)),
    "commit_time": ("GET", f"/git/commits/{A}", lambda forge: forge.commit_time(REPO, A)),
    "pull_requests_of": ("GET", f"/commits/{A}/pulls", lambda forge: forge.pull_requests_of(REPO, A)),
    "set_commit_status": ("POST", f"/statuses/{A}", lambda forge: forge.set_commit_status(REPO, A, STATUS)),
    "find_pull_request": ("GET", "/pulls", lambda forge: forge.find_pull_request(REPO, head="x", base="main")),
    "open_pull_request": ("POST", "/pulls", lambda forge: forge.open_pull_request(REPO, DRAFT)),
    "update_pull_request": ("GET", "/pulls/7", lambda forge: forge.update_pull_request(REPO, 7, DRAFT)),
    "pull_request": ("GET", "/pulls/7", lambda forge: forge.pull_request(REPO, 7)),
    "recent_pull_requests": ("GET", "/pulls", lambda forge: forge.recent_pull_requests(REPO, base="main")),
    "comment": ("GET", "/issues/7/comments", lambda forge: forge.tell(REPO, 7, "hello", mark="hello")),
}
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
ERRORS: dict[str, tuple[dict[str, Any], type[MergeportError], str]] = {
    "401": ({"status": 401, "json": {"message": "Bad credentials"}}, DoubtfulError, "github-token-refused"),
    "403-primary": (
        {
            "status": 403,
            "json": {"message": "API rate limit exceeded"},
            "headers": {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": RESET},
        },
        RetryableError,
        "github-rate-limited",
    ),
    "403-secondary": (
        {"status": 403, "json": {"message": SECONDARY}, "headers": {"Retry-After": "30"}},
        RetryableError,
        "github-rate-limited",
    ),
    "403-secondary-bare": ({"status": 403, "json": {"message": SECONDARY}}, RetryableError, "github-rate-limited"),
    "429": ({"status": 429, "json": {"message": "Too many"}}, RetryableError, "github-rate-limited"),
    "403-refused": (
        {
            "status": 403,
            "json": {"message": "Resource not accessible by integration"},
            "headers": {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": RESET},
        },
        PermanentError,
        "github-permission-missing",
    ),
    "403-address": (
        {
            "status": 403,
            "json": {
                "message": "Although you appear to have the correct authorization credentials, the "
                "`acme` organization has an IP allow list enabled, and your IP address is not permitted."
            },
        },
        DoubtfulError,
        "github-address-refused",
    ),
    "403-sign-on": (
        {
            "status": 403,
            "json": {
                "message": "Resource protected by organization SAML enforcement. You must grant your "
                "personal token access to this organization."
            },
        },
        DoubtfulError,
        "github-sign-on-missing",
    ),
    "403-archived": (
        {"status": 403, "json": {"message": "Repository was archived so is read-only."}},
        DoubtfulError,
        "github-repository-archived",
    ),
    "403-suspended": (
        {"status": 403, "json": {"message": "This installation has been suspended"}},
        DoubtfulError,
        "github-app-suspended",
    ),
    "500": ({"status": 500}, RetryableError, "github-unavailable"),
    "502": ({"status": 502, "body": "<html>"}, RetryableError, "github-unavailable"),
    "503": ({"status": 503, "headers": {"Retry-After": "9"}}, RetryableError, "github-unavailable"),
    "408": ({"status": 408, "body": "<html>"}, RetryableError, "github-unavailable"),
    "423": ({"status": 423, "json": {"message": "Locked"}}, DoubtfulError, "github-refused"),
    "see-other": ({"status": 303}, RetryableError, "github-unexpected-answer"),
    "not-modified": ({"status": 304}, RetryableError, "github-unexpected-answer"),
    "timeout": ({"body": requests.ReadTimeout()}, RetryableError, "github-timeout"),
    "connect-timeout": ({"body": requests.ConnectTimeout()}, RetryableError, "github-timeout"),
    "refused": ({"body": requests.ConnectionError()}, RetryableError, "github-unreachable"),
    "cut": ({"body": requests.exceptions.ChunkedEncodingError()}, RetryableError, "github-unreachable"),
    "certificate": (
        {"body": requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED]")},
        PermanentError,
        "github-certificate-refused",
    ),
    "html": ({"status": 200, "body": "<html>sign in</html>"}, RetryableError, "github-unexpected-answer"),
    "cut-json": ({"status": 200, "body": '{"number": '}, RetryableError, "github-answer-cut"),
    "number": ({"status": 200, "json": 7}, RetryableError, "github-unexpected-answer"),
    "moved-elsewhere": (
        {"status": 301, "headers": {"Location": "https://elsewhere.example.com/x"}},
        RetryableError,
        "github-redirected",
    ),
    "moved-nowhere": (
        {"status": 301, "headers": {"Location": "https://[x"}},
        RetryableError,
        "github-unexpected-answer",
    ),
}


@pytest.fixture
def forge() -> GitHub:
    return GitHub(TokenLogin("ghp_secret"), now=lambda: NOW)


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def answer(http: responses.RequestsMock, method: str, path: str, **given: Any) -> None:
    http.add(method, f"{API}/repos/{REPO}{path}", **given)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", ERRORS)
def test_every_call_turns_every_failure_into_ours(
    forge: GitHub, http: responses.RequestsMock, call: str, error: str
) -> None:
    method, path, ask = CALLS[call]
    given, kind, code = ERRORS[error]
    answer(http, method, path, **given)
    with pytest.raises(kind) as caught:
        ask(forge)
    assert caught.value.code == code
    assert caught.value.fields["repository"] == REPO
    assert "ghp_secret" not in f"{caught.value} {caught.value.fields}"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("403-primary", 601), ("403-secondary", 30), ("403-secondary-bare", 60), ("429", 60), ("503", 9)],
)
def test_limit_says_when_to_come_back(forge: GitHub, http: responses.RequestsMock, given: str, seconds: float) -> None:
    answer(http, "POST", f"/statuses/{A}", **ERRORS[given][0])
    with pytest.raises(RetryableError) as caught:
        forge.set_commit_status(REPO, A, STATUS)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize("given", ["403-primary", "403-secondary", "429", "500"])
def test_limit_is_not_asked_again_at_once(forge: GitHub, http: responses.RequestsMock, given: str) -> None:
    answer(http, "GET", "", **ERRORS[given][0])
    with pytest.raises(RetryableError):
        forge.default_branch(REPO)
    assert len(http.calls) == 1


def test_read_is_asked_once_more_after_a_bad_gateway(forge: GitHub, http: responses.RequestsMock) -> None:
    answer(http, "GET", "", status=502)
    answer(http, "GET", "", json={"full_name": REPO, "default_branch": "trunk"})
    assert forge.default_branch(REPO) == "trunk"


def test_write_is_never_repeated_by_itself(forge: GitHub, http: responses.RequestsMock) -> None:
    answer(http, "GET", "/issues/7/comments", json=[])
    answer(http, "POST", "/issues/7/comments", status=502)
    with pytest.raises(RetryableError):
        forge.tell(REPO, 7, "hello", mark="hello")
    assert [call.request.method for call in http.calls] == ["GET", "POST"]


def test_missing_permission_is_named_by_githubs_header(forge: GitHub, http: responses.RequestsMock) -> None:
    answer(
        http,
        "POST",
        f"/statuses/{A}",
        status=403,
        json={"message": "Resource not accessible by integration"},
        headers={"X-Accepted-GitHub-Permissions": "statuses=write"},
    )
    with pytest.raises(PermanentError) as caught:
        forge.set_commit_status(REPO, A, STATUS)
    assert caught.value.hint == "give the App or token `statuses: write`"


def test_missing_permission_is_named_without_the_header(forge: GitHub, http: responses.RequestsMock) -> None:
    answer(http, "POST", f"/statuses/{A}", **ERRORS["403-refused"][0])
    with pytest.raises(PermanentError) as caught:
        forge.set_commit_status(REPO, A, STATUS)
    assert caught.value.hint == "give the App or token `commit statuses: write`"


@pytest.mark.parametrize(
    "call", ["set_commit_status", "open_pull_request", "pull_request", "comment", "head", "file_at"]
)
def test_repository_out_of_sight_is_doubtful(forge: GitHub, http: responses.RequestsMock, call: str) -> None:
    method, path, ask = CALLS[call]
    answer(http, method, path, status=404, json={"message": "Not Found"})
    answer(http, "GET", "", status=404, json={"message": "Not Found"})
    with pytest.raises(DoubtfulError) as caught:
        ask(forge)
    assert caught.value.code == "github-not-found"


def test_empty_repository_has_no_head(forge: GitHub, http: responses.RequestsMock) -> None:
    answer(http, "GET", "/git/ref/heads/main", status=409, json={"message": "Git Repository is empty."})
    assert forge.head(REPO, "main") is None


@pytest.mark.parametrize("name", ["../../../user", "..", "a/../b", ".", ""])
def test_path_that_would_reach_another_address_is_not_asked_for(
    forge: GitHub, http: responses.RequestsMock, name: str
) -> None:
    assert forge.head(REPO, name) is None
    assert forge.file_at(REPO, name, A) is None
    assert len(http.calls) == 0


def comparison(status: str, *names: str) -> dict[str, Any]:
    return {"status": status, "files": [{"filename": name} for name in names]}


def test_comparison_at_githubs_limit_is_unknown(forge: GitHub, http: responses.RequestsMock) -> None:
    names = [f"f{number}" for number in range(300)]
    answer(http, "GET", f"/compare/{A}...{B}", json=comparison("ahead", *names))
    assert forge.changed_paths(REPO, A, B) is None


def test_comparison_below_githubs_limit_is_known(forge: GitHub, http: responses.RequestsMock) -> None:
    names = [f"f{number}" for number in range(299)]
    answer(http, "GET", f"/compare/{A}...{B}", json=comparison("ahead", *names))
    assert forge.changed_paths(REPO, A, B) == frozenset(names)


@pytest.mark.parametrize(
    "given",
    [
        {"status": 404, "json": {"message": "Not Found"}},
        {"status": 404, "json": {"message": "No common ancestor between a and b."}},
        {"status": 422, "json": {"message": "Server Error: Sorry, this diff is taking too long to generate."}},
    ],
)
def test_comparison_that_github_cannot_make_is_unknown(
    forge: GitHub, http: responses.RequestsMock, given: dict[str, Any]
) -> None:
    answer(http, "GET", f"/compare/{A}...{B}", **given)
    answer(http, "GET", "", json={"full_name": REPO})
    assert forge.changed_paths(REPO, A, B) is None


@pytest.mark.parametrize("status", ["diverged", "behind"])
def test_force_push_has_what_came_and_what_went(forge: GitHub, http: responses.RequestsMock, status: str) -> None:
    answer(http, "GET", f"/compare/{A}...{B}", json=comparison(status, "came"))
    answer(http, "GET", f"/compare/{B}...{A}", json=comparison("diverged", "went"))
    assert forge.changed_paths(REPO, A, B) == frozenset({"came", "went"})


def test_force_push_that_is_half_known_is_unknown(forge: GitHub, http: responses.RequestsMock) -> None:
    answer(http, "GET", f"/compare/{A}...{B}", json=comparison("diverged", "came"))
    answer(http, "GET", f"/compare/{B}...{A}", status=404, json={"message": "Not Found"})
    answer(http, "GET", "", json={"full_name": REPO})
    assert forge.changed_paths(REPO, A, B) is None


@pytest.mark.parametrize("relation", ["identical", "ahead", "behind", "diverged"])
def test_githubs_comparison_is_the_relation(forge: GitHub, http: responses.RequestsMock, relation: str) -> None:
    answer(http, "GET", f"/compare/{A}...{B}", json={"status": relation})
    assert forge.relation(REPO, A, B).value == relation


@pytest.mark.parametrize("status", [404, 422])
def test_commits_that_github_cannot_compare_are_gone(forge: GitHub, http: responses.RequestsMock, status: int) -> None:
    answer(http, "GET", f"/compare/{A}...{B}", status=status, json={"message": "No common ancestor between a and b."})
    answer(http, "GET", "", json={"full_name": REPO})
    assert forge.relation(REPO, A, B) is Relation.GONE


@pytest.mark.parametrize("call", ["relation", "commit_time"])
def test_repository_that_is_not_there_is_never_a_rewritten_history(
    forge: GitHub, http: responses.RequestsMock, call: str
) -> None:
    method, path, ask = CALLS[call]
    answer(http, method, path, status=404, json={"message": "Not Found"})
    answer(http, "GET", "", status=404, json={"message": "Not Found"})
    with pytest.raises(DoubtfulError) as caught:
        ask(forge)
    assert caught.value.code == "github-not-found"


def test_of_very_many_commits_between_the_first_page_and_the_last_ones_are_read(
    forge: GitHub, http: responses.RequestsMock
) -> None:
    for _ in range(5):
        answer(http, "GET", f"/compare/{A}...{B}", json={"total_commits": 620, "commits": []})
    told = forge.between(REPO, A, B)
    assert told is not None
    assert told.total == 620
    asked = [call.request.url or "" for call in http.calls]
    assert [re.findall(r"[?&]page=(\d+)", url) for url in asked] == [["1"], ["4"], ["5"], ["6"], ["7"]]


def test_unknown_commit_came_with_no_pull_request(forge: GitHub, http: responses.RequestsMock) -> None:
    answer(http, "GET", f"/commits/{A}/pulls", status=422, json={"message": f"No commit found for SHA: {A}"})
    assert forge.pull_requests_of(REPO, A) == ()


def test_refused_pull_request_tells_githubs_reasons(forge: GitHub, http: responses.RequestsMock) -> None:
    errors = [{"resource": "PullRequest", "code": "custom", "message": "No commits between main and x"}]
    answer(http, "POST", "/pulls", status=422, json={"message": "Validation Failed", "errors": errors})
    answer(http, "GET", "", json={"full_name": REPO})
    answer(http, "GET", "/pulls", json=[])
    with pytest.raises(DoubtfulError) as caught:
        forge.open_pull_request(REPO, DRAFT)
    assert caught.value.code == "github-refused"
    assert "No commits between main and x" in caught.value.message


@pytest.mark.parametrize(
    ("api_url", "web", "clone"),
    [
        ("https://api.github.com", "https://github.com/acme/checkout", "https://github.com/acme/checkout.git"),
        (
            "https://ghe.acme.com/api/v3/",
            "https://ghe.acme.com/acme/checkout",
            "https://ghe.acme.com/acme/checkout.git",
        ),
        ("https://api.acme.ghe.com", "https://acme.ghe.com/acme/checkout", "https://acme.ghe.com/acme/checkout.git"),
    ],
)
def test_addresses_follow_from_the_apis(api_url: str, web: str, clone: str) -> None:
    forge = GitHub(TokenLogin("t"), api_url=api_url)
    assert (forge.web_url(REPO), forge.clone_url(REPO)) == (web, clone)


def test_git_address_may_be_elsewhere() -> None:
    forge = GitHub(TokenLogin("t"), git_url="http://127.0.0.1:8080/")
    assert forge.clone_url(REPO) == "http://127.0.0.1:8080/acme/checkout.git"


def test_server_that_hangs_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        forge = GitHub(TokenLogin("t"), api_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=1)
        with pytest.raises(RetryableError) as caught:
            forge.default_branch(REPO)
    assert caught.value.code == "github-timeout"


def test_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    forge = GitHub(TokenLogin("t"), api_url=f"http://127.0.0.1:{port}", timeout=1)
    with pytest.raises(RetryableError) as caught:
        forge.default_branch(REPO)
    assert caught.value.code == "github-unreachable"


def test_connection_that_is_cut_is_retryable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def cut() -> None:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            connection.close()

        thread = threading.Thread(target=cut)
        thread.start()
        forge = GitHub(TokenLogin("t"), api_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=5)
        with pytest.raises(RetryableError):
            forge.default_branch(REPO)
        thread.join()
