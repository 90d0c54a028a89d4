"""A single wrong answer of the git server is repeated; a lasting one is reported in the server's own words."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.git_http import GitAccess
from service.adapters.checkout import GitCheckout
from service.adapters.manifests.git import GitManifestRepositories, GitManifests
from service.core.words import Repository, Sha
from service.errors import DoubtfulError, RetryableError
from tests.adapters.git.served import NAME, READER, TOKEN, Served

NEW = "token-renewed"
STATUSES = ("401 Unauthorized", "403 Forbidden", "404 Not Found")
PARTS = ("info/refs", "git-upload-pack")


def forget(served: Served) -> Callable[[Repository], None]:
    """Do what a forge does with refused tokens: give other ones from then on."""

    def forget(_: Repository) -> None:
        served.token = served.read_token = NEW

    return forget


def revoke(served: Served) -> None:
    """Revoke the tokens in use, and make another one valid."""
    for old in (READER, TOKEN):
        del served.server.tokens[old]
    served.server.tokens[NEW] = GitAccess("writer")


def opened(served: Served) -> GitManifests:
    place = served.directory / "mirrors"
    return GitManifestRepositories(place, served.url, served.credentials, forget=forget(served), timeout=20).open(NAME)


def prepared(served: Served) -> tuple[GitManifests, Sha, Sha]:
    manifests = opened(served)
    tip = manifests.fetch("main")
    assert tip is not None
    return manifests, tip, served.write(manifests, tip, "apps/a/values.yaml", b"tag: new\n")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("status", STATUSES)
def test_a_fetch_that_is_refused_once_may_be_repeated_at_once(served: Served, status: str, part: str) -> None:
    served.server.faults.answer(status, path=part)
    manifests = served.manifests()
    with pytest.raises(RetryableError):
        manifests.fetch("main")
    assert manifests.fetch("main") == served.repository.tip("main")


@pytest.mark.parametrize("part", ["info/refs", "git-receive-pack"])
@pytest.mark.parametrize("status", STATUSES)
def test_a_push_that_is_refused_once_may_be_repeated_at_once(served: Served, status: str, part: str) -> None:
    manifests, tip, commit = prepared(served)
    served.server.faults.answer(status, path=part)
    with pytest.raises(RetryableError):
        manifests.push("main", commit, expected=tip)
    assert manifests.push("main", commit, expected=tip)
    assert served.repository.tip("main") == commit


@pytest.mark.parametrize("path", ["info/refs", "git-upload-pack"])
def test_a_page_in_place_of_an_answer_may_be_repeated(served: Served, path: str) -> None:
    served.server.faults.page(path=path)
    manifests = served.manifests()
    with pytest.raises(RetryableError):
        manifests.fetch("main")
    assert manifests.fetch("main") == served.repository.tip("main")


def test_a_wobble_costs_no_new_mirror(served: Served) -> None:
    manifests, tip, commit = prepared(served)
    served.repository.commit_files("main", {"n": "1\n"}, "More")
    served.server.faults.lag(path="git-upload-pack")
    with pytest.raises(RetryableError):
        manifests.fetch("main")
    assert manifests.describe(commit).parents == (tip,)


# credentials that run out


def test_a_fetch_makes_a_new_token_when_its_own_is_refused(served: Served) -> None:
    revoke(served)
    assert opened(served).fetch("main") == served.repository.tip("main")


def test_a_push_makes_a_new_token_when_its_own_is_refused(served: Served) -> None:
    manifests, tip, commit = prepared(served)
    revoke(served)
    assert manifests.push("main", commit, expected=tip)
    assert served.repository.tip("main") == commit


def test_a_lazy_fetch_makes_a_new_token_when_its_own_is_refused(served: Served) -> None:
    served.repository.commit_files("main", {"large.yaml": b"a: b\n" * 300_000}, "Large")
    manifests = opened(served)
    tip = manifests.fetch("main")
    assert tip is not None
    revoke(served)
    assert len(manifests.read(tip, "large.yaml")) == 1_500_000


def test_a_deepening_fetch_makes_a_new_token_when_its_own_is_refused(served: Served) -> None:
    commits = served.history(80)
    manifests = opened(served)
    tip = manifests.fetch("main")
    assert tip is not None
    revoke(served)
    assert manifests.ancestors(tip, [commits[0]]) == {commits[0]}


def test_a_checkout_makes_a_new_token_when_its_own_is_refused(served: Served) -> None:
    revoke(served)
    place = served.directory / "source"
    place.mkdir()
    GitCheckout(served.url, served.credentials, forget=forget(served))(NAME, Sha(served.repository.tip("main")), place)
    assert (place / "apps" / "a" / "values.yaml").is_file()


def test_credentials_that_are_refused_again_are_told(served: Served) -> None:
    revoke(served)
    del served.server.tokens[NEW]
    with pytest.raises(DoubtfulError) as caught:
        opened(served).fetch("main")
    assert caught.value.code == "git-unauthorized"


def test_a_refused_push_asks_for_no_new_token(served: Served) -> None:
    manifests, tip, commit = prepared(served)
    served.repository.commit_files("main", {"n": "1\n"}, "Faster")
    assert manifests.push("main", commit, expected=tip) is False
    assert served.token == TOKEN


# the server's sentence


def test_a_closed_door_is_told_in_the_servers_words(served: Served) -> None:
    manifests, tip, commit = prepared(served)
    sentence = "The 'acme' organization has an IP allow list enabled, and your IP address is not permitted."
    served.server.closed[NAME] = sentence
    with pytest.raises(DoubtfulError) as caught:
        manifests.push("main", commit, expected=tip)
    assert caught.value.code == "git-forbidden"
    assert sentence in caught.value.message


def test_a_sentence_with_our_token_in_it_is_told_without(served: Served) -> None:
    served.server.closed[NAME] = f"no {READER} here"
    with pytest.raises(DoubtfulError) as caught:
        served.manifests().fetch("main")
    assert READER not in str(caught.value)
