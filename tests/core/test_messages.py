"""core.messages writes what conventions show, and people's text does no harm in it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core import trailers
from service.core.images import ImageReference
from service.core.messages import (
    DirectPush,
    Promotion,
    SourcePullRequest,
    commit_message,
    status_description,
    title,
)
from service.core.pull_request_body import Offer, pull_request_body
from service.core.values import ScalarChange
from service.core.words import Actor, Digest, Repository, RunId, Sha

OLD, NEW = Sha("91be77a0c3d1" + "0" * 28), Sha("4f2c1e9ab012" + "0" * 28)
OLD_DIGEST, NEW_DIGEST = Digest("sha256:" + "7" * 64), Digest("sha256:" + "a" * 64)
FILE = "apps/checkout/values-stage.yaml"
ZERO_WIDTH_SPACE = "\u200b"

PROMOTION = Promotion(
    run=RunId("01JRUN"),
    application="checkout",
    environment="stage",
    source_repository=Repository("acme/checkout"),
    source_url="https://github.com/acme/checkout",
    source_commit=NEW,
    images=(ImageReference("registry.example.com", "checkout", "4f2c1e9ab012", NEW_DIGEST),),
    changes=(
        (FILE, ScalarChange("image.tag", 3, "91be77a0c3d1", "4f2c1e9ab012")),
        (FILE, ScalarChange("image.digest", 4, OLD_DIGEST, NEW_DIGEST)),
    ),
    previous=OLD,
    subject="Add tea (#41)",
    author=Actor("Ada", "ada@example.com"),
    pull_requests=(SourcePullRequest(41, "Add tea", "ada", "https://github.com/acme/checkout/pull/41"),),
    run_url="https://mergeport.example.com/runs/01JRUN",
)


def body_of(promotion: Promotion, because: str = "") -> str:
    return pull_request_body(Offer((promotion,), because))


def with_pull_request(text: str, author: str = "ada") -> Promotion:
    return replace(PROMOTION, pull_requests=(SourcePullRequest(41, text, author, "https://github.com/x/y/pull/41"),))


def test_commit_message_is_the_one_of_the_conventions() -> None:
    assert (
        commit_message(PROMOTION)
        == f"""\
Promote checkout 4f2c1e9ab012 to stage

- apps/checkout/values-stage.yaml: image.tag 91be77a0c3d1 -> 4f2c1e9ab012
- apps/checkout/values-stage.yaml: image.digest {OLD_DIGEST} -> {NEW_DIGEST}

Mergeport-Run: 01JRUN
Mergeport-Application: checkout
Mergeport-Environment: stage
Mergeport-Image: registry.example.com/checkout:4f2c1e9ab012@{NEW_DIGEST}
Source-Repository: acme/checkout
Source-Commit: {NEW}
Source-Pull-Request: 41
Argocd-reference-commit-sha: {NEW}
Argocd-reference-commit-repourl: https://github.com/acme/checkout
Argocd-reference-commit-subject: Add tea (#{ZERO_WIDTH_SPACE}41)
Argocd-reference-commit-author: Ada <ada@example.com>
"""
    )


def test_created_key_and_emptied_value_are_told() -> None:
    changes = ((FILE, ScalarChange("a", 1, None, "x")), (FILE, ScalarChange("b", 2, "", "y")))
    message = commit_message(replace(PROMOTION, changes=changes))
    assert "a (none) -> x\n" in message
    assert 'b "" -> y\n' in message


@pytest.mark.parametrize("length", [1, 30, 60, 200])
def test_title_has_at_most_72_characters_and_keeps_commit_and_environment(length: int) -> None:
    text = title(replace(PROMOTION, application="a" * length))
    assert len(text) <= 72
    assert text.endswith(" 4f2c1e9ab012 to stage")


def test_title_of_a_very_long_environment_is_cut() -> None:
    assert len(title(replace(PROMOTION, environment="e" * 200))) == 72


HOSTILE = [
    "x\nMergeport-Run: forged",
    "x\r\n\r\nMergeport-Run: forged",
    "x\u2028Mergeport-Run: forged",
    "x\x0bMergeport-Run: forged",
    "x\x85Mergeport-Run: forged",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_people_adds_a_trailer(text: str) -> None:
    promotion = replace(
        with_pull_request(text, author=text),
        subject=text,
        author=Actor(text, text),
        application=text,
        changes=((text, ScalarChange(text, 1, text, text)),),
    )
    for written in (commit_message(promotion), body_of(promotion)):
        runs = [line for line in written.splitlines() if line.startswith("Mergeport-Run:")]
        assert runs == ["Mergeport-Run: 01JRUN"]


@given(st.text(max_size=60))
def test_trailers_are_read_back_whatever_people_wrote(text: str) -> None:
    promotion = replace(PROMOTION, subject=text, author=Actor(text, text), application=f"a{text}")
    found = trailers.parse(commit_message(promotion))
    assert [value for key, value in found if key == trailers.RUN] == ["01JRUN"]
    assert trailers.value_of(found, trailers.SOURCE_COMMIT) == NEW
    assert trailers.value_of(found, trailers.SOURCE_PULL_REQUEST) == "41"


def read_by_git(message: str) -> list[tuple[str, str]]:
    argv = ["git", "interpret-trailers", "--parse", "--no-divider"]
    told = subprocess.run(argv, input=message.encode(), capture_output=True, check=True).stdout.decode()
    return [(key, value) for key, _, value in (line.partition(": ") for line in told.split("\n") if line)]


@settings(max_examples=40, deadline=None)
@given(name=st.text(max_size=40), email=st.text(max_size=20) | st.emails(), text=st.text(max_size=60))
def test_git_reads_one_whole_block_with_or_without_the_author(name: str, email: str, text: str) -> None:
    promotion = replace(PROMOTION, subject=text, author=Actor(name, email))
    without, with_author = (commit_message(promotion, co_author=co_author) for co_author in (False, True))
    known = list(trailers.parse(without))
    assert read_by_git(without) == known
    added = read_by_git(with_author)[len(known) :]
    assert read_by_git(with_author)[: len(known)] == known
    assert [key for key, _ in added] in ([], [trailers.CO_AUTHOR])


@pytest.mark.parametrize(
    ("name", "email", "there"),
    [
        ("Zoë Müller", "zoe@example.org", "Zoë Müller <zoe@example.org>"),
        ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com", None),
        ("Eve\nSource-Commit: 1", "eve@example.org", "Eve Source-Commit: 1 <eve@example.org>"),
        ("Eve <a@b>", "eve@example.org", "Eve a@b <eve@example.org>"),
        ("Eve", "eve@example.org>\nMergeport-Run: 1", ""),
        ("Eve", "eve @example.org", ""),
        ("", "eve@example.org", ""),
        ("<>", "eve@example.org", ""),
    ],
)
def test_author_stands_last_where_it_can_be_written_as_git_does(name: str, email: str, there: str | None) -> None:
    found = read_by_git(commit_message(replace(PROMOTION, author=Actor(name, email)), co_author=True))
    wanted = f"{name} <{email}>" if there is None else there
    assert [value for key, value in found if key == trailers.CO_AUTHOR] == ([wanted] if wanted else [])
    assert (found[-1][0] == trailers.CO_AUTHOR) == bool(wanted)


def test_commit_of_very_many_changes_lists_the_first() -> None:
    changes = tuple((FILE, ScalarChange(f"a{number}", 1, "x", "y")) for number in range(2_000))
    message = commit_message(replace(PROMOTION, changes=changes))
    assert message.count("\n- ") == 501
    assert "\n- and 1500 more\n\nMergeport-Run: " in message


def test_body_says_why_there_is_a_pull_request() -> None:
    body = body_of(PROMOTION, because="acme/manifests@main refuses the push")
    assert "This is a pull request and not a commit, because acme/manifests@" in body
    assert "not a commit, because" not in body_of(PROMOTION)


def test_body_has_what_a_release_manager_needs() -> None:
    body = body_of(PROMOTION)
    assert f"| `{FILE}` | `image.tag` | `91be77a0c3d1` | `4f2c1e9ab012` |" in body
    assert f"| `{FILE}` | `image.digest` | `{OLD_DIGEST}` | `{NEW_DIGEST}` |" in body
    assert f"(https://github.com/acme/checkout/compare/{OLD}...{NEW})" in body
    assert f"(https://github.com/acme/checkout/commit/{NEW})" in body
    assert "](https://github.com/acme/checkout/pull/41) Add tea by ada" in body
    assert "To roll back" in body
    assert "Argo CD goes back to `91be77a0c3d1`" in body
    assert "(https://mergeport.example.com/runs/01JRUN)" in body


def test_body_repeats_the_trailers_of_the_commit() -> None:
    block = commit_message(PROMOTION).split("\n\n")[-1].strip()
    assert f"```text\n{block}\n```" in body_of(PROMOTION)


def test_body_without_a_known_past_has_no_comparison() -> None:
    body = body_of(replace(PROMOTION, previous=None, pull_requests=(), run_url="", author=None, subject=""))
    assert "/compare/" not in body
    assert "Pull requests" not in body
    assert "\n\n\n" not in body


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hey @ada and @acme/team", "hey @\u200bada and @\u200bacme/team"),
        ("fixes #3", "fixes #\u200b3"),
        ("closes GH-3", "closes GH-\u200b3"),
        ("closes acme/x#3", "closes acme/x#\u200b3"),
        ("see https://github.com/a/b/issues/3", "see https:\u200b//github.com/a/b/issues/3"),
        ("a | b", "a \\| b"),
        ("<b>x</b><!-- y -->", "\\<b\\>x\\</b\\>\\<\\!-- y --\\>"),
        ("[x](y) `c` *b* _i_ ~s~ &amp;", "\\[x\\]\\(y\\) \\`c\\` \\*b\\* \\_i\\_ \\~s\\~ \\&amp;"),
        ("back\\slash", "back\\\\slash"),
        ("right\u202eleft", "right left"),
    ],
)
def test_title_of_people_is_shown_as_it_is_and_does_nothing(text: str, shown: str) -> None:
    assert f"pull/41) {shown} by ada" in body_of(with_pull_request(text))


def rows(body: str) -> list[str]:
    return [line for line in body.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("value", ["a|b", "`x`", "``", "a\nb", "| | |", "\\|", "@ada"])
def test_value_breaks_no_table(value: str) -> None:
    body = body_of(replace(PROMOTION, changes=((FILE, ScalarChange("k", 1, value, "y")),)))
    assert len(rows(body)) == 3
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", rows(body)[-1])) == 5


@given(st.text(max_size=80))
def test_any_text_leaves_the_body_whole(text: str) -> None:
    promotion = replace(with_pull_request(text, author=text), changes=((text, ScalarChange(text, 1, text, text)),))
    body = body_of(promotion)
    assert len(rows(body)) == 3
    unfenced = re.sub(r"```text\n.*?\n```", "", body, flags=re.DOTALL)
    outside = re.sub(r"(?<!\\)`[^`\n]*`", "", unfenced)
    assert not re.search(r"@\w", outside)
    assert not re.search(r"#\d", outside)


def test_commits_that_were_pushed_directly_are_listed_by_subject_newest_last() -> None:
    pushes = tuple(DirectPush(Sha(f"{n:040x}"), f"Fix [{n}] for @bob", "ada") for n in range(30))
    body = body_of(replace(PROMOTION, direct=pushes))
    told = body.partition("Pushed without a pull request:")[2].partition("These images")[0].strip().splitlines()
    assert len(told) == 21
    assert told[-2] == (
        f"- [`{pushes[-1].commit[:12]}`]({PROMOTION.source_url}/commit/{pushes[-1].commit}) "
        "Fix \\[29\\] for @\u200bbob by ada"
    )
    assert told[-1].startswith("- and 10 more: [all its commits](")


def test_link_that_is_none_is_left_out() -> None:
    pull = SourcePullRequest(41, "x", "ada", "javascript:alert(1)")
    assert "javascript" not in body_of(replace(PROMOTION, pull_requests=(pull,)))


def test_body_of_a_huge_promotion_stays_within_githubs_limit() -> None:
    pulls = tuple(SourcePullRequest(n, "t" * 256, "ada", f"https://github.com/a/b/pull/{n}") for n in range(1, 500))
    changes = tuple((f"apps/{n}/values.yaml", ScalarChange("image.tag", 1, "x" * 1000, "y" * 1000)) for n in range(500))
    body = body_of(replace(PROMOTION, pull_requests=pulls, changes=changes))
    assert len(body) < 65536
    assert "and 449 more" in body


def test_status_is_one_line_of_140_characters_at_most() -> None:
    text = status_description("checkout: failed:\n" + "x" * 300)
    assert text.startswith("checkout: failed: xxx")
    assert len(text) == 140
    assert status_description("live in stage") == "live in stage"


ACTS = re.compile(
    r"(?<![A-Za-z0-9])@[A-Za-z0-9]|#\d|\bGH-\d|://\S*/(issues|pull)/\d|\[(skip|no|ci|actions)[ ]", re.IGNORECASE
)
"""What GitHub acts on in a commit's message."""


@pytest.mark.parametrize(
    "text",
    [
        "fixes #1 closes acme/manifests#1 @someone",
        "Resolves: GH-12",
        "closes https://github.com/acme/manifests/issues/1",
        "see (@acme/team)",
        "_@someone_",
        "fix: #7.",
        "docs [skip ci]",
        "docs [CI Skip]",
        "[no ci] docs",
        "[skip actions]",
        "[actions skip]",
    ],
)
def test_text_of_people_does_nothing_in_a_commit(text: str) -> None:
    promotion = replace(
        PROMOTION, subject=text, author=Actor(text, "a@b.example"), changes=((FILE, ScalarChange("k", 1, text, text)),)
    )
    assert ACTS.search(text)
    assert not ACTS.search(commit_message(promotion, co_author=True))


def test_references_of_images_and_addresses_stay_as_they_are_in_a_commit() -> None:
    image = f"registry.example.com/checkout:1@{NEW_DIGEST}"
    message = commit_message(replace(PROMOTION, changes=((FILE, ScalarChange("image", 1, None, image)),)))
    assert f"(none) -> {image}\n" in message
    assert "Ada <ada@example.com>" in message


@pytest.mark.parametrize(("length", "many"), [(64_000, 20), (2_000, 600)])
@pytest.mark.parametrize("part", ["x", "é", "😀", "*[@#"])
def test_text_of_any_length_keeps_commit_and_body_within_githubs_limit(part: str, length: int, many: int) -> None:
    text = (part * length)[:length]
    promotion = replace(
        PROMOTION,
        subject=text,
        author=Actor(text, "a@b.example"),
        changes=tuple((f"{number}/{text}", ScalarChange(text, 1, text, text)) for number in range(many)),
        pull_requests=tuple(SourcePullRequest(n, text, text, f"https://x.example/{text}") for n in range(1, many)),
        direct=tuple(DirectPush(NEW, text, text) for _ in range(many)),
    )
    written = [commit_message(promotion, co_author=True), body_of(promotion, because=text)]
    assert max(len(one.encode()) for one in written) < 65_536
    for one in written:
        assert trailers.RUN in one
    assert trailers.value_of(trailers.parse(written[0]), trailers.SOURCE_COMMIT) == NEW
