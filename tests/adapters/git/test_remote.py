"""What a remote may be, what it hides, and what its failures mean."""

from __future__ import annotations

import re
import time

import pytest

from devstack.faults import Answer, Fault
from devstack.git_http import GitAccess
from service.adapters.git.answers import UnauthorizedError
from service.adapters.git.driver import Git
from service.adapters.git.remote import Remote
from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from service.ports import Credentials
from tests.adapters.git.served import NAME, READER, Served

SECRET = "p@ss/w:rd s3cret"


def test_what_git_says_has_no_secret_in_any_form() -> None:
    remote = Remote("https://example.invalid/a/b.git", Credentials("x-access-token", SECRET))
    said = f"{SECRET} {remote._basic} p%40ss%2Fw%3Ard%20s3cret https://user:pw@example.invalid/a"
    assert remote.redact(said) == "*** *** *** https://example.invalid/a"


def test_secrets_are_in_no_repr() -> None:
    assert SECRET not in repr(Remote("https://example.invalid/a/b.git", Credentials("x", SECRET)))


@pytest.mark.parametrize(
    "url",
    [
        *("https://user:pw@example.invalid/a", "https://user@example.invalid/a", "http://example.invalid/a", "/a/b"),
        *("file:///a/b", "ext::sh", "git://example.invalid/a", "http://10.0.0.1/a", "https:///a", "", "ssh://u:p@h/a"),
    ],
)
def test_addresses_that_are_not_safe_are_refused(url: str) -> None:
    with pytest.raises(PermanentError) as caught:
        Remote(url)
    assert caught.value.code == "git-url-refused"
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "told", "hint"),
    [
        ("", 'The git address "" is refused: it is empty.', "use an https:// address"),
        ("https://x[", "The git address https://x[ is refused: its host is invalid.", "use an https:// address"),
        ("https:///a/b", "The git address https:///a/b is refused: it has no host.", "use an https:// address"),
        (
            "acme/manifests",
            "acme/manifests is refused: it is neither HTTPS nor SSH.",
            "https://github.com/acme/manifests.git",
        ),
        ("://acme/manifests", "address ://acme/manifests is refused: it is neither", "use an https:// address"),
    ],
)
def test_refused_address_is_told_as_it_was_written_and_why(url: str, told: str, hint: str) -> None:
    with pytest.raises(PermanentError) as caught:
        Remote(url)
    assert told in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "https://example.invalid/a.git",
        "http://127.0.0.1:1/a",
        "http://[::1]:1/a",
        "http://localhost/a",
        "ssh://git@h/a",
    ],
)
def test_safe_addresses_are_taken(url: str) -> None:
    assert Remote(url).url == url


# what failures mean


def failure(served: Served) -> MergeportError:
    with pytest.raises(MergeportError) as caught:
        served.manifests(timeout=5).fetch("main")
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("401 Unauthorized", UnauthorizedError, "git-unauthorized"),
        ("403 Forbidden", DoubtfulError, "git-forbidden"),
        ("404 Not Found", DoubtfulError, "git-repository-missing"),
        ("410 Gone", DoubtfulError, "git-refused"),
        ("429 Too Many Requests", RetryableError, "git-throttled"),
        ("500 Internal Server Error", RetryableError, "git-unavailable"),
        ("503 Service Unavailable", RetryableError, "git-unavailable"),
    ],
)
def test_a_status_of_the_server_is_told_by_kind(
    served: Served, status: str, kind: type[MergeportError], code: str
) -> None:
    served.server.faults.answer(status, times=100)
    error = failure(served)
    assert (type(error), error.code) == (kind, code)
    assert READER not in str(error)


def test_a_wrong_token_is_a_matter_for_a_person(served: Served) -> None:
    served.read_token = "wrong-t0ken"
    error = failure(served)
    assert (type(error), error.code) == (UnauthorizedError, "git-unauthorized")
    assert "wrong-t0ken" not in f"{error} {error.fields}"


def test_a_repository_that_the_token_does_not_see_is_a_matter_for_a_person(served: Served) -> None:
    served.server.tokens[READER] = GitAccess("reader", repositories=frozenset({"acme/other"}))
    assert failure(served).code == "git-repository-missing"


def test_a_server_that_is_away_is_tried_again(served: Served) -> None:
    served.server.stop()
    error = failure(served)
    assert (type(error), error.code) == (RetryableError, "git-unreachable")


def test_a_connection_that_breaks_is_tried_again(served: Served) -> None:
    served.server.faults.cut(method="POST", path="git-upload-pack")
    error = failure(served)
    assert (type(error), error.code) == (RetryableError, "git-unavailable")
    assert served.manifests().fetch("main")


def test_a_server_that_answers_wrongly_once_is_tried_again(served: Served) -> None:
    served.server.faults.answer("502 Bad Gateway")
    assert isinstance(failure(served), RetryableError)


def test_a_server_that_hangs_is_tried_again(served: Served) -> None:
    served.server.faults.hang()
    began = time.monotonic()
    with pytest.raises(RetryableError) as caught:
        served.manifests(timeout=1).fetch("main")
    assert caught.value.code == "git-timeout"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("body", [b"<html>a login page</html>", b"<html>\na login page</html>\n", b""])
def test_an_answer_that_is_not_gits_is_no_repository_without_branches(served: Served, body: bytes) -> None:
    served.server.faults.answer("200 OK", times=100, body=body)
    error = failure(served)
    assert (type(error), error.code) == (RetryableError, "git-not-a-repository")


def test_a_repository_that_was_renamed_is_followed(served: Served) -> None:
    target = served.url() + "/info/refs?service=git-upload-pack"
    moved = Answer("301 Moved Permanently", (("Location", target),))
    served.server.faults.plant(Fault("GET", re.compile("/acme/old"), 9, answer=moved))
    renamed = Remote(served.url("acme/old"), Credentials("x", READER))
    git = Git(served.directory)
    assert served.repository.tip("main") in git.run("ls-remote", renamed.url, remote=renamed).text
    assert NAME in {seen.repository for seen in served.server.log}
