"""Manifest repositories over git: a push is compare-and-swap, and its outcome is what the branch says."""

from __future__ import annotations

import time

import pytest

from service.adapters.manifests.git import GitManifestRepositories, GitManifests
from service.core.words import Repository, Sha
from service.errors import DoubtfulError, RetryableError
from tests.adapters.git.served import NAME, READER, TOKEN, Served

REJECT = "#!/bin/sh\necho 'protected branch' >&2\nexit 1\n"
RECEIVE = "/git-receive-pack$"


def prepared(served: Served, manifests: GitManifests) -> tuple[Sha, Sha]:
    tip = manifests.fetch("main")
    assert tip is not None
    return tip, served.write(manifests, tip, "apps/a/values.yaml", b"tag: three\n")


def test_a_push_moves_the_branch(served: Served) -> None:
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    assert manifests.push("main", commit, expected=tip)
    assert served.repository.tip("main") == commit


def test_the_fetch_after_our_own_push_brings_nothing(served: Served) -> None:
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    manifests.push("main", commit, expected=tip)
    before = len(served.downloads())
    assert manifests.fetch("main") == commit
    assert served.downloads()[before:] == []


def test_a_push_onto_a_branch_that_moved_on_is_refused_and_moves_nothing(served: Served) -> None:
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    other = served.repository.commit_files("main", {"other": "1"})
    assert not manifests.push("main", commit, expected=tip)
    assert served.repository.tip("main") == other


def test_a_push_onto_a_branch_that_was_moved_back_is_refused(served: Served) -> None:
    first = served.repository.tip("main")
    served.repository.commit_files("main", {"removed": "1"})
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    served.repository.update_ref("refs/heads/main", first)
    assert not manifests.push("main", commit, expected=tip)
    assert served.repository.tip("main") == first


def test_a_push_that_is_not_forward_is_made_when_the_lease_holds(served: Served) -> None:
    manifests = served.manifests()
    first, ours = prepared(served, manifests)
    assert manifests.push("promotion", ours, expected=None)
    newer = served.write(manifests, first, "apps/a/values.yaml", b"tag: newer\n")
    assert manifests.push("promotion", newer, expected=ours)
    assert served.repository.tip("promotion") == newer


def test_a_push_of_a_new_branch_is_refused_where_it_exists(served: Served) -> None:
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    served.repository.update_ref("refs/heads/promotion", tip)
    assert not manifests.push("promotion", commit, expected=None)
    assert served.repository.tip("promotion") == tip


def test_a_push_to_a_branch_that_was_deleted_is_refused(served: Served) -> None:
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    served.repository.update_ref("refs/heads/keep", tip)
    served.repository.delete_ref("refs/heads/main")
    assert not manifests.push("main", commit, expected=tip)
    assert "main" not in served.repository.branches()


def test_repeating_a_push_that_is_done_says_so(served: Served) -> None:
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    manifests.push("main", commit, expected=tip)
    assert manifests.push("main", commit, expected=tip)
    assert served.repository.tip("main") == commit


@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_a_push_that_a_hook_rejects_is_refused(served: Served, hook: str) -> None:
    served.repository.install_hook(hook, REJECT)
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    assert not manifests.push("main", commit, expected=tip)
    assert served.repository.tip("main") == tip


def test_a_push_whose_answer_was_lost_is_done(served: Served) -> None:
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    served.server.faults.cut(method="POST", path=RECEIVE)
    assert manifests.push("main", commit, expected=tip)
    assert served.repository.tip("main") == commit


def test_a_push_that_happened_before_the_server_went_away_may_be_repeated(served: Served) -> None:
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    faults = served.server.faults
    faults.cut(method="POST", path=RECEIVE)

    def go_away(*_: object) -> None:
        faults.answer("503 Service Unavailable", times=100)

    served.server.listeners.append(go_away)
    with pytest.raises(RetryableError) as caught:
        manifests.push("main", commit, expected=tip)
    assert caught.value.code == "git-unavailable"
    assert served.repository.tip("main") == commit
    faults.clear()
    assert manifests.push("main", commit, expected=tip)


def test_a_push_that_the_server_never_took_may_be_repeated(served: Served) -> None:
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    served.server.faults.answer("500 Internal Server Error", method="POST", path=RECEIVE)
    with pytest.raises(RetryableError) as caught:
        manifests.push("main", commit, expected=tip)
    assert caught.value.code == "git-unavailable"
    assert manifests.push("main", commit, expected=tip)


def test_a_push_that_hangs_is_ended(served: Served) -> None:
    patient, manifests = served.manifests(), served.manifests(timeout=1)
    tip, commit = prepared(served, patient)
    served.server.faults.hang(method="POST", path=RECEIVE)
    began = time.monotonic()
    with pytest.raises(RetryableError) as caught:
        manifests.push("main", commit, expected=tip)
    assert caught.value.code == "git-timeout"
    assert time.monotonic() - began < 10


def test_a_push_with_a_token_that_only_reads_is_a_matter_for_a_person(served: Served) -> None:
    manifests = served.manifests()
    tip, commit = prepared(served, manifests)
    served.token = READER
    with pytest.raises(DoubtfulError) as caught:
        manifests.push("main", commit, expected=tip)
    assert caught.value.code == "git-forbidden"
    assert "write" in caught.value.hint


def test_only_a_push_uses_the_credentials_for_writing(served: Served) -> None:
    served.server.tokens[TOKEN] = served.server.tokens.pop(READER)
    with pytest.raises(DoubtfulError) as caught:
        served.manifests().fetch("main")
    assert caught.value.code == "git-unauthorized"


def test_revoked_token_is_forgotten_and_the_push_done_with_a_new_one(served: Served) -> None:
    forgotten: list[Repository] = []

    def forget(repository: Repository) -> None:
        forgotten.append(repository)
        served.token = served.read_token = TOKEN

    served.token = served.read_token = "token-revoked"
    manifests = GitManifestRepositories(served.directory / "m", served.url, served.credentials, forget=forget).open(
        NAME
    )
    tip = manifests.fetch("main")
    assert tip is not None
    commit = served.write(manifests, tip, "apps/a.yaml", b"tag: two\n")
    served.token = "token-revoked"
    assert manifests.push("main", commit, expected=tip)
    assert forgotten == [NAME, NAME]
    assert served.repository.tip("main") == commit


def test_pushing_a_commit_that_the_mirror_lost_starts_again(served: Served) -> None:
    manifests = served.manifests()
    tip, _ = prepared(served, manifests)
    with pytest.raises(RetryableError) as caught:
        manifests.push("main", Sha("1" * 40), expected=tip)
    assert caught.value.code == "mirror-renewed"
    assert manifests.fetch("main") == tip


def test_no_hook_of_the_mirror_is_run_and_sees_a_credential(served: Served) -> None:
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    seen = served.directory / "seen"
    hooks = served.mirror() / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "pre-push", "post-commit", "post-checkout", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\nenv >> {seen}\n")
        (hooks / name).chmod(0o755)
    served.repository.commit_files("main", {"n": "1"})
    tip = manifests.fetch("main")
    assert tip
    commit = served.write(manifests, tip, "apps/a/values.yaml", b"tag: two\n")
    assert manifests.push("main", commit, expected=tip)
    assert not seen.exists()
