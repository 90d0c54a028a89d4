"""A repository is renamed on the double: its old name leads to it, for git and for both kinds of API requests."""

from __future__ import annotations

import requests

from devstack.stack import GITHUB_TOKEN, Devstack

BODY = {"title": "t", "head": "x", "base": "main"}
HEADERS = {"Authorization": f"Bearer {GITHUB_TOKEN}"}


def test_reads_are_sent_on_for_good_and_writes_as_they_are(stack: Devstack) -> None:
    stack.create_repository("acme/old", {"a": "b\n"})
    number = stack.github.repository("acme/old").id
    stack.github.rename("acme/old", "acme/new")
    address = f"{stack.github.api_url}/repos/acme/old"
    read = requests.get(f"{address}/pulls?state=all", headers=HEADERS, allow_redirects=False, timeout=5)
    write = requests.post(f"{address}/pulls", json=BODY, headers=HEADERS, allow_redirects=False, timeout=5)
    there = f"{stack.github.api_url}/repositories/{number}/pulls"
    assert (read.status_code, read.headers["Location"]) == (301, f"{there}?state=all")
    assert (write.status_code, write.headers["Location"]) == (307, there)
    assert requests.get(address, headers=HEADERS, timeout=5).json()["full_name"] == "acme/new"


def test_old_name_may_be_taken_by_another_repository(stack: Devstack) -> None:
    stack.create_repository("acme/old", {"a": "b\n"})
    stack.github.rename("acme/old", "acme/new")
    stack.create_repository("acme/old", {"a": "c\n"})
    told = requests.get(f"{stack.github.api_url}/repos/acme/old", headers=HEADERS, timeout=5).json()
    assert told["id"] == stack.github.repository("acme/old").id


def test_git_is_sent_to_the_new_name(stack: Devstack) -> None:
    stack.create_repository("acme/old", {"a": "b\n"})
    stack.github.rename("acme/old", "acme/new")
    address = f"{stack.git.url}/acme/old.git/info/refs?service=git-upload-pack"
    answer = requests.get(address, auth=("x", GITHUB_TOKEN), allow_redirects=False, timeout=5)
    assert (answer.status_code, "/acme/new.git/info/refs" in answer.headers["Location"]) == (301, True)
