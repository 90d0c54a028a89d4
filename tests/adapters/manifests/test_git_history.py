"""Manifest repositories over git: a commit says who, when and why, and what came before it is read off the mirror."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from devstack.bare import Person
from service.adapters.git.driver import Git
from service.core import trailers
from service.core.words import Actor, Sha
from service.errors import RetryableError
from tests.adapters.git.served import AT, WRITER, Served


def test_a_commit_tells_both_people_its_date_and_its_words(served: Served) -> None:
    before = served.repository.tip("main")
    message = "Ändere\n\nBody.\n\nMergeport-Run: 1\n"
    tip = served.repository.commit_files(
        "main",
        {"n": "1\n"},
        message,
        author=Person("Ada Löve", "ada@example.invalid"),
        committer=Person("Bob", "bob@example.invalid"),
        date=1_772_600_000,
    )
    manifests = served.manifests()
    manifests.fetch("main")
    told = manifests.describe(Sha(tip))
    assert (told.id, told.parents) == (tip, (before,))
    assert told.tree == served.repository.git("rev-parse", f"{tip}^{{tree}}")
    assert (told.author, told.committer) == (
        Actor("Ada Löve", "ada@example.invalid"),
        Actor("Bob", "bob@example.invalid"),
    )
    assert told.at == datetime.fromtimestamp(1_772_600_000, UTC)
    assert told.message == message
    assert trailers.parse(told.message) == (("Mergeport-Run", "1"),)


def test_a_commit_of_ours_comes_back_as_it_was_made(served: Served) -> None:
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip is not None
    made = served.write(manifests, tip, "apps/a/values.yaml", b"tag: three\n", "Promote\n\n- a: b -> c\n")
    told = manifests.describe(made)
    assert (told.author, told.committer, told.at, told.parents) == (WRITER, WRITER, AT, (tip,))
    assert told.message == "Promote\n\n- a: b -> c\n"
    again = manifests.commit(
        tip,
        {"apps/a/values.yaml": b"tag: three\n"},
        told.message,
        author=told.author,
        committer=told.committer,
        at=told.at,
    )
    assert again == made


def test_a_signed_commit_and_a_merge_are_read_as_well(served: Served) -> None:
    first = served.repository.tip("main")
    second = served.repository.commit_files("main", {"n": "1\n"})
    tree = served.repository.git("rev-parse", f"{second}^{{tree}}")
    raw = (
        f"tree {tree}\nparent {second}\nparent {first}\nauthor  <> 5 +0900\ncommitter C <c@d> 6 -0100\n"
        "gpgsig -----BEGIN SSH SIGNATURE-----\n parent of lies\n -----END SSH SIGNATURE-----\n\nMerge\n\nparent x\n"
    )
    tip = served.repository.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", data=raw.encode())
    served.repository.update_ref("refs/heads/main", tip)
    manifests = served.manifests()
    manifests.fetch("main")
    told = manifests.describe(Sha(tip))
    assert told.parents == (second, first)
    assert (told.author, told.committer) == (Actor("", ""), Actor("C", "c@d"))
    assert told.message == "Merge\n\nparent x\n"


def test_a_commit_that_is_not_in_the_mirror_is_brought(served: Served) -> None:
    commits = served.history(60)
    manifests = served.manifests()
    manifests.fetch("main")
    assert manifests.describe(commits[3]).id == commits[3]


def test_a_commit_that_nobody_has_is_said_so(served: Served) -> None:
    manifests = served.manifests()
    manifests.fetch("main")
    with pytest.raises(RetryableError) as caught:
        manifests.describe(Sha("1" * 40))
    assert caught.value.code == "manifest-commit-gone"


def test_history_is_newest_first_and_what_the_mirror_has(served: Served) -> None:
    commits = served.history(80)
    manifests = served.manifests()
    manifests.fetch("main")
    before = len(served.server.log)
    told = [one.id for one in manifests.history(commits[-1], most=500)]
    assert told == commits[-1 : -len(told) - 1 : -1]
    assert len(told) < 80
    assert len(served.server.log) == before


def test_history_is_deepened_by_commits_alone_where_that_is_asked(served: Served) -> None:
    commits = served.history(300)
    manifests = served.manifests()
    manifests.fetch("main")
    told = manifests.history(commits[-1], most=200, deepen=True)
    assert [one.id for one in told] == commits[: -200 - 1 : -1]
    before = len(served.server.log)
    assert manifests.history(commits[-1], most=200, deepen=True) == told
    assert len(served.server.log) == before
    tree = served.repository.git("rev-parse", f"{commits[150]}^{{tree}}")
    assert not Git(served.mirror()).run("cat-file", "-e", tree).ok


def test_the_last_tip_is_what_was_fetched_or_pushed_and_asks_nobody(served: Served) -> None:
    manifests = served.manifests()
    assert manifests.last_tip("main") is None
    tip = manifests.fetch("main")
    assert tip is not None
    pushed = served.write(manifests, tip, "apps/a/values.yaml", b"tag: three\n")
    assert manifests.push("main", pushed, expected=tip)
    served.repository.commit_files("main", {"n": "unheard of\n"})
    before = len(served.server.log)
    assert (manifests.last_tip("main"), len(served.server.log)) == (pushed, before)
