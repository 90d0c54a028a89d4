"""The port `Forge` on the stateful GitHub double: what it does there, and what GitHub then has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from devstack.faults import Answer, Fault
from devstack.git_http import GitServer
from devstack.github.server import GitHub as GitHubDouble
from service.adapters.forges.github import AppLogin, GitHub, TokenLogin
from service.adapters.github_api.unchanged import Unchanged, question
from service.core.order import Relation
from service.core.words import MergeMethod, Repository, Sha
from service.errors import DoubtfulError, LimitedError, PermanentError, RetryableError
from service.ports import CommitState, CommitStatus, MergeState, PullRequestDraft
from tests.fixtures.github_openapi import GitHubDescription

REPO = Repository("acme/manifests")
TOKEN = "ghp_devstack"
HEAD = "mergeport/promotion/prod/checkout"
DRAFT = PullRequestDraft(
    head=HEAD,
    base="main",
    title="Promote checkout to prod",
    body="| old | new |\n",
    reviewers=("grace", "team:release-managers"),
    labels=("release",),
)


@pytest.fixture
def github(tmp_path: Path, github_description: GitHubDescription) -> Iterator[GitHubDouble]:
    """Give a GitHub that checks every request against the published description of the API."""
    git = GitServer(tmp_path / "git")
    double = GitHubDouble(git, validator=github_description)
    double.add_token(TOKEN)
    double.create_repository(REPO, {"a.txt": "a\n", "dir/b c.txt": "b\n"})
    yield double
    double.stop()
    git.stop()
    assert double.violations == []


@pytest.fixture
def forge(github: GitHubDouble) -> GitHub:
    return GitHub(TokenLogin(TOKEN), api_url=github.api_url, git_url=github.git.url)


def tip(github: GitHubDouble, branch: str = "main") -> Sha:
    return Sha(github.repository(REPO).bare.tip(branch))


def promote(github: GitHubDouble) -> Sha:
    """Push a promotion branch, as the manifest writer does."""
    github.repository(REPO).bare.update_ref(f"refs/heads/{HEAD}", tip(github))
    return Sha(github.push(REPO, HEAD, {"a.txt": "promoted\n"}, author="mergeport-bot"))


def test_default_branch_and_head_are_read(github: GitHubDouble, forge: GitHub) -> None:
    assert forge.default_branch(REPO) == "main"
    assert forge.head(REPO, "main") == tip(github)
    assert forge.head(REPO, "mai") is None


@pytest.mark.parametrize("branch", ["feature/x", "-x", "日本語", "a#b;c&d", "100%25"])
def test_head_of_an_odd_branch_is_read(github: GitHubDouble, forge: GitHub, branch: str) -> None:
    github.repository(REPO).bare.update_ref(f"refs/heads/{branch}", tip(github))
    assert forge.head(REPO, branch) == tip(github)


def test_file_is_read_byte_for_byte(github: GitHubDouble, forge: GitHub) -> None:
    content = b"\xef\xbb\xbfname: caf\xc3\xa9\r\nbinary: \xff\x00\n"
    commit = github.push(REPO, "main", {"dir/näme #1.yaml": content})
    assert forge.file_at(REPO, "dir/näme #1.yaml", commit) == content
    assert forge.file_at(REPO, "dir/näme #1.yaml", "main") == content


def test_file_that_is_not_there_is_none(github: GitHubDouble, forge: GitHub) -> None:
    assert forge.file_at(REPO, "missing.yaml", tip(github)) is None
    assert forge.file_at(REPO, "dir", tip(github)) is None


def test_repository_that_is_not_there_is_an_error_and_not_a_missing_file(forge: GitHub) -> None:
    with pytest.raises(DoubtfulError) as caught:
        forge.file_at(Repository("acme/nowhere"), "mergeport.yaml", "main")
    assert caught.value.code == "github-not-found"


def test_ids_of_files_and_folders_are_those_of_git(github: GitHubDouble, forge: GitHub) -> None:
    commit = Sha(github.push(REPO, "main", {"a/b/c.txt": "c\n", "a/d.txt": "d\n"}))
    bare = github.repository(REPO).bare
    paths = ["a/b", "a/b/c.txt", "a", "a/d.txt"]
    wanted = {path: bare.git("rev-parse", f"{commit}:{path}") for path in paths}
    wanted["."] = bare.git("rev-parse", f"{commit}^{{tree}}")
    assert forge.object_ids(REPO, commit, [*paths, ".", "missing", "a/d.txt/deeper"]) == wanted


@pytest.mark.parametrize(
    "path", ["services/api", "services", "services/api/Dockerfile", "vendor/lib/src"], ids=lambda path: path
)
def test_ids_of_what_lies_elsewhere_are_unknown(github: GitHubDouble, forge: GitHub, path: str) -> None:
    """Git's id of a symbolic link stays the same while what it leads to changes."""
    bare = github.repository(REPO).bare
    commit = Sha(github.push(REPO, "main", {"real/api/Dockerfile": "FROM scratch\n"}))
    link = bare.git("hash-object", "-w", "--stdin", data=b"real").strip()
    api = bare.git("rev-parse", f"{commit}:real/api").strip()
    rows = f"120000 blob {link}\tservices\n040000 tree {api}\treal\n"
    lib = bare.git("mktree", "--missing", data=f"160000 commit {commit}\tlib\n".encode()).strip()
    tree = bare.git("mktree", "--missing", data=f"{rows}040000 tree {lib}\tvendor\n".encode()).strip()
    made = Sha(bare.git("-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", tree, "-m", "link").strip())
    bare.update_ref("refs/heads/links", made)
    assert forge.object_ids(REPO, made, [path]) is None


def test_ids_at_a_commit_that_is_not_there_are_unknown(forge: GitHub) -> None:
    assert forge.object_ids(REPO, Sha("0" * 40), ["."]) is None


def test_changed_paths_name_a_rename_by_both_names(github: GitHubDouble, forge: GitHub) -> None:
    text = "".join(f"line {number}\n" for number in range(50))
    before = Sha(github.push(REPO, "main", {"old.txt": text}))
    after = Sha(github.push(REPO, "main", {"old.txt": None, "new.txt": text, "dir/b c.txt": "changed\n"}))
    assert forge.changed_paths(REPO, before, after) == frozenset({"old.txt", "new.txt", "dir/b c.txt"})


def test_changed_paths_of_a_force_push_have_what_was_lost(github: GitHubDouble, forge: GitHub) -> None:
    base = tip(github)
    before = Sha(github.push(REPO, "main", {"lost.txt": "x\n"}))
    github.force_push(REPO, "main", base)
    after = Sha(github.push(REPO, "main", {"came.txt": "y\n"}))
    assert forge.changed_paths(REPO, before, after) == frozenset({"lost.txt", "came.txt"})
    assert forge.changed_paths(REPO, before, base) == frozenset({"lost.txt"})
    assert forge.changed_paths(REPO, base, base) == frozenset()


def test_changed_paths_past_githubs_limit_are_unknown(github: GitHubDouble, forge: GitHub) -> None:
    before = tip(github)
    after = Sha(github.push(REPO, "main", {f"many/{number}.txt": "x\n" for number in range(301)}))
    assert forge.changed_paths(REPO, before, after) is None


def test_changed_paths_of_an_unknown_commit_are_unknown(github: GitHubDouble, forge: GitHub) -> None:
    assert forge.changed_paths(REPO, Sha("1" * 40), tip(github)) is None


def test_relation_is_read_from_the_history(github: GitHubDouble, forge: GitHub) -> None:
    base = tip(github)
    one = Sha(github.push(REPO, "main", {"one.txt": "x\n"}))
    github.force_push(REPO, "main", base)
    other = Sha(github.push(REPO, "main", {"other.txt": "y\n"}))
    told = [forge.relation(REPO, *pair) for pair in ((base, one), (one, base), (one, other), (one, one))]
    assert told == [Relation.AHEAD, Relation.BEHIND, Relation.DIVERGED, Relation.IDENTICAL]


def test_relation_to_what_is_not_there_or_has_nothing_in_common_is_gone(github: GitHubDouble, forge: GitHub) -> None:
    bare = github.repository(REPO).bare
    alone = Sha(bare.commit_tree(bare.git("rev-parse", "main^{tree}"), [], "Begin anew"))
    assert forge.relation(REPO, Sha("1" * 40), tip(github)) is Relation.GONE
    assert forge.relation(REPO, tip(github), Sha("1" * 40)) is Relation.GONE
    assert forge.relation(REPO, tip(github), alone) is Relation.GONE


def test_relation_brings_no_files(github: GitHubDouble, forge: GitHub) -> None:
    """A comparison may have three hundred patches, and only its first page has them."""
    base = tip(github)
    one = Sha(github.push(REPO, "main", {"one.txt": "x\n"}))
    assert forge.relation(REPO, base, one) is Relation.AHEAD
    (asked,) = github.faults.requests("GET", "/compare/")
    assert "page=2" in asked.query


def test_commit_time_is_the_committers(github: GitHubDouble, forge: GitHub) -> None:
    commit = github.repository(REPO).bare.commit_files("main", {"a": "b\n"}, date=1_772_600_000)
    assert forge.commit_time(REPO, Sha(commit)) == datetime.fromtimestamp(1_772_600_000, UTC)
    assert forge.commit_time(REPO, Sha("1" * 40)) is None


def test_merged_commit_names_its_pull_request(github: GitHubDouble, forge: GitHub) -> None:
    pull = github.merge(REPO, "main", {"a.txt": "merged\n"}, title="Add tea", author="ada", labels=["tea"])
    (found,) = forge.pull_requests_of(REPO, tip(github))
    assert (found.number, found.title, found.author, found.labels) == (pull.number, "Add tea", "ada", ("tea",))
    assert (found.merged, found.open, found.merge_commit) == (True, False, tip(github))


def test_commits_between_two_are_told_oldest_first_with_parents_and_times(github: GitHubDouble, forge: GitHub) -> None:
    base = tip(github)
    bare = github.repository(REPO).bare
    one = bare.commit_files("main", {"a": "1\n"}, "One\n\nWords", date=1_772_600_000)
    two = bare.commit_files("main", {"a": "2\n"}, "Two", date=1_772_600_060)
    told = forge.between(REPO, base, Sha(two))
    assert told is not None
    assert [(each.id, each.parents) for each in told.commits] == [(one, (base,)), (two, (one,))]
    assert told.commits[0].message == "One\n\nWords"
    assert (told.commits[0].at, told.total) == (datetime.fromtimestamp(1_772_600_000, UTC), 2)


def test_commits_between_what_is_not_there_are_unknown(github: GitHubDouble, forge: GitHub) -> None:
    assert forge.between(REPO, Sha("1" * 40), tip(github)) is None


def test_closed_pull_requests_are_listed_whatever_their_base(github: GitHubDouble, forge: GitHub) -> None:
    github.push(REPO, "release", {"r": "1\n"})
    one = github.merge(REPO, "release", {"a": "1\n"}, method="rebase")
    two = github.merge(REPO, "main", {"b": "1\n"})
    told = forge.closed_pull_requests(REPO, page=1)
    assert {each.number: each.merge_commit for each in told.pull_requests} == {
        one.number: one.merge_commit_sha,
        two.number: two.merge_commit_sha,
    }
    assert told.since is None


def test_commits_of_a_merged_pull_request_are_those_that_it_had(github: GitHubDouble, forge: GitHub) -> None:
    pull = github.merge(REPO, "main", {"a": "1\n"}, commits=3)
    told = forge.commits_of_pull_request(REPO, pull.number)
    assert len(told) == 3
    assert told[-1] == pull.head_sha


def test_paths_of_a_pull_request_are_what_it_changed(github: GitHubDouble, forge: GitHub) -> None:
    pull = github.merge(REPO, "main", {"a.txt": "1\n", "cart/b.txt": "2\n"})
    github.merge(REPO, "main", {"c.txt": "3\n"})
    assert forge.paths_of_pull_request(REPO, pull.number) == frozenset({"a.txt", "cart/b.txt"})


def test_commit_of_the_default_branch_names_the_pull_request_that_first_brought_it(
    github: GitHubDouble, forge: GitHub
) -> None:
    github.push(REPO, "release", {"r": "1\n"})
    inner = github.merge(REPO, "release", {"a": "1\n"})
    outer = github.open_pull(REPO, "release", "main")
    github.merge_pull(REPO, outer.number, method="merge")
    found = forge.pull_requests_of(REPO, Sha(inner.merge_commit_sha or ""))
    assert [one.number for one in found] == [inner.number]


def test_title_that_is_too_long_is_refused(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    with pytest.raises(DoubtfulError, match="title is too long"):
        forge.open_pull_request(REPO, replace(DRAFT, title="x" * 257))


def test_status_is_put_on_the_commit_and_cut_to_githubs_length(github: GitHubDouble, forge: GitHub) -> None:
    url = "https://mergeport.example.com/runs/1"
    forge.set_commit_status(REPO, tip(github), CommitStatus("mergeport/dev", CommitState.FAILURE, "é" * 200, url))
    (status,) = github.statuses(REPO, tip(github))
    assert (status.context, status.state, status.target_url) == ("mergeport/dev", "failure", url)
    assert status.description == "é" * 139 + "…"


def test_opened_pull_request_has_all_that_the_draft_says(github: GitHubDouble, forge: GitHub) -> None:
    head = promote(github)
    opened = forge.open_pull_request(REPO, DRAFT)
    (pull,) = github.pulls(REPO)
    assert (pull.title, pull.body, pull.head, pull.base) == (DRAFT.title, DRAFT.body, HEAD, "main")
    assert (pull.reviewers, pull.teams, pull.labels) == (["grace"], ["release-managers"], ["release"])
    assert (opened.number, opened.head_sha, opened.open, opened.merged) == (pull.number, head, True, False)
    assert (opened.labels, opened.merge_commit) == (("release",), None)


def test_opening_twice_gives_the_same_pull_request(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    first = forge.open_pull_request(REPO, DRAFT)
    second = forge.open_pull_request(REPO, DRAFT)
    assert second == first
    (pull,) = github.pulls(REPO)
    assert (pull.reviewers, pull.labels) == (["grace"], ["release"])


def test_pull_request_half_made_before_a_crash_is_completed(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    github.open_pull(REPO, HEAD, "main", "an older title", author="mergeport-bot")
    adopted = forge.open_pull_request(REPO, DRAFT)
    (pull,) = github.pulls(REPO)
    assert (pull.title, pull.body, pull.labels, pull.reviewers) == (DRAFT.title, DRAFT.body, ["release"], ["grace"])
    assert adopted.number == pull.number


@pytest.mark.parametrize("path", ["/labels$", "/requested_reviewers$"])
def test_crash_between_opening_and_completing_is_repaired(github: GitHubDouble, forge: GitHub, path: str) -> None:
    promote(github)
    github.faults.cut(method="POST", path=path)
    with pytest.raises(RetryableError):
        forge.open_pull_request(REPO, DRAFT)
    forge.open_pull_request(REPO, DRAFT)
    (pull,) = github.pulls(REPO)
    assert (pull.labels, pull.reviewers, pull.teams) == (["release"], ["grace"], ["release-managers"])


def test_answer_lost_after_the_pull_request_was_made_opens_no_second(github: GitHubDouble, tmp_path: Path) -> None:
    forge = GitHub(TokenLogin(TOKEN), api_url=github.api_url, timeout=1)
    promote(github)
    gate = github.faults.hang(method="POST", path="/pulls$", after=True)
    with pytest.raises(RetryableError):
        forge.open_pull_request(REPO, DRAFT)
    gate.release()
    assert forge.open_pull_request(REPO, DRAFT).number == github.pulls(REPO)[0].number
    assert len(github.pulls(REPO)) == 1


def test_reviewer_who_cannot_be_asked_fails_nothing_and_is_told(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    github.state.unknown_reviewers.add("stranger")
    with capture_logs() as logs:
        opened = forge.open_pull_request(REPO, replace(DRAFT, reviewers=("stranger", "grace", "team:release-managers")))
    (pull,) = github.pulls(REPO)
    assert (pull.reviewers, pull.teams, pull.labels) == (["grace"], ["release-managers"], ["release"])
    assert [log["log_level"] for log in logs] == ["warning"]
    assert opened.refused[0].words.startswith("stranger cannot be asked to review: ")


def test_assignees_and_an_open_milestone_are_set_and_what_github_does_not_take_is_told(
    github: GitHubDouble, forge: GitHub
) -> None:
    promote(github)
    github.state.unknown_reviewers.add("stranger")
    number = github.add_milestone(REPO, "9.1")
    opened = forge.open_pull_request(REPO, replace(DRAFT, assignees=("ann", "stranger"), milestone="9.1"))
    (pull,) = github.pulls(REPO)
    assert (pull.assignees, pull.milestone) == (["ann"], number)
    assert [(one.kind, one.name) for one in opened.refused] == [("assignee", "stranger")]


@pytest.mark.parametrize(("state", "how"), [("closed", "is closed"), ("", "does not exist")])
def test_milestone_that_cannot_be_taken_keeps_no_pull_request_from_opening(
    github: GitHubDouble, forge: GitHub, state: str, how: str
) -> None:
    promote(github)
    if state:
        github.add_milestone(REPO, "9.1", state)
    (refused,) = forge.open_pull_request(REPO, replace(DRAFT, milestone="9.1")).refused
    assert (refused.kind, refused.words) == ("milestone", f"the milestone 9.1 {how}")
    assert github.pulls(REPO)[0].milestone is None


def test_draft_is_opened_as_one_and_marked_ready(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    number = forge.open_pull_request(REPO, replace(DRAFT, draft=True)).number
    assert forge.pull_request(REPO, number).draft
    forge.mark_ready(REPO, number)
    assert not github.pulls(REPO)[0].draft


def test_draft_where_the_plan_has_none_is_opened_ready_and_says_so(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    github.repository(REPO).allows_drafts = False
    opened = forge.open_pull_request(REPO, replace(DRAFT, draft=True))
    assert not github.pulls(REPO)[0].draft
    assert opened.refused[0].words.startswith("it is no draft: ")


def test_auto_merge_of_github_merges_once_its_checks_pass(github: GitHubDouble, forge: GitHub) -> None:
    head = promote(github)
    repo = github.repository(REPO)
    repo.allows_auto_merge, repo.required["main"] = True, ("ci",)
    number = forge.open_pull_request(REPO, DRAFT).number
    forge.enable_auto_merge(REPO, number, head=head, method=MergeMethod.SQUASH)
    assert forge.pull_request(REPO, number).auto_merge
    github.report_status(REPO, head, "ci", "success")
    assert forge.pull_request(REPO, number).merged


def test_auto_merge_is_taken_back_and_refusals_are_githubs_words(github: GitHubDouble, forge: GitHub) -> None:
    head = promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    with pytest.raises(PermanentError, match="Auto merge is not allowed for this repository"):
        forge.enable_auto_merge(REPO, number, head=head, method=MergeMethod.MERGE)
    repo = github.repository(REPO)
    repo.allows_auto_merge, repo.required["main"] = True, ("ci",)
    with pytest.raises(PermanentError, match="Head branch was modified"):
        forge.enable_auto_merge(REPO, number, head=Sha("0" * 40), method=MergeMethod.MERGE)
    forge.enable_auto_merge(REPO, number, head=head, method=MergeMethod.MERGE)
    forge.disable_auto_merge(REPO, number)
    assert github.pulls(REPO)[0].auto_merge is None


def test_merge_takes_only_the_head_that_was_named_and_what_protection_lets_in(
    github: GitHubDouble, forge: GitHub
) -> None:
    head = promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    github.repository(REPO).required["main"] = ("ci",)
    with pytest.raises(PermanentError, match="Required status check"):
        forge.merge_pull_request(REPO, number, head=head, method=MergeMethod.MERGE)
    assert forge.pull_request(REPO, number).merge_state is MergeState.BLOCKED
    github.report_status(REPO, head, "ci", "success")
    with pytest.raises(DoubtfulError, match="Head branch was modified"):
        forge.merge_pull_request(REPO, number, head=Sha("0" * 40), method=MergeMethod.MERGE)
    forge.merge_pull_request(REPO, number, head=head, method=MergeMethod.SQUASH)
    assert forge.pull_request(REPO, number).merged


def test_reviews_decide_only_where_the_base_requires_them(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    github.review_pull(REPO, number, by="grace")
    assert not forge.requires_reviews(REPO, number)
    github.repository(REPO).reviews["main"] = 1
    assert forge.requires_reviews(REPO, number)
    assert forge.pull_request(REPO, number).merge_state is MergeState.OPEN
    github.repository(REPO).reviews["main"] = 2
    assert forge.requires_reviews(REPO, number)
    assert forge.pull_request(REPO, number).merge_state is MergeState.BLOCKED


def test_merge_queue_takes_the_head_that_was_named(github: GitHubDouble, forge: GitHub) -> None:
    head = promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    github.repository(REPO).queues["main"] = []
    with pytest.raises(PermanentError, match="merge queue"):
        forge.merge_pull_request(REPO, number, head=head, method=MergeMethod.MERGE)
    forge.enqueue_pull_request(REPO, number, head=head)
    assert forge.is_queued(REPO, number)
    forge.dequeue_pull_request(REPO, number)
    assert not forge.is_queued(REPO, number)
    with pytest.raises(PermanentError, match="not in the merge queue"):
        forge.dequeue_pull_request(REPO, number)
    forge.enqueue_pull_request(REPO, number, head=head)
    assert github.merge_queued(REPO) == [number]
    assert forge.pull_request(REPO, number).merged


def test_what_has_not_changed_is_read_again_for_nothing_and_never_old(github: GitHubDouble, forge: GitHub) -> None:
    """Reads that are repeated cost none of the hour's calls until something changes, and another token asks anew."""
    promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    before = forge.recent_pull_requests(REPO, base="main")
    used = 5000 - int(github.limits.headers(github.state.tokens[TOKEN])["X-RateLimit-Remaining"])
    assert forge.recent_pull_requests(REPO, base="main") == before
    assert 5000 - int(github.limits.headers(github.state.tokens[TOKEN])["X-RateLimit-Remaining"]) == used
    assert github.faults.requests(path="/pulls$")[-1].headers["if-none-match"].startswith('W/"')
    github.merge_pull(REPO, number)
    assert [one.merged for one in forge.recent_pull_requests(REPO, base="main")] == [True]
    github.add_token("ghp_other", "other")
    GitHub(TokenLogin("ghp_other"), api_url=github.api_url).recent_pull_requests(REPO, base="main")
    assert "if-none-match" not in github.faults.requests(path="/pulls$")[-1].headers


def test_kept_answers_have_a_bound_and_are_of_one_question_alone() -> None:
    kept = Unchanged(largest=10, most=25)
    asked = [question("token", f"/{number}", {"page": 1}) for number in range(3)]
    for one in asked:
        kept.keep(one, 'W/"a"', "x" * 10)
    assert [kept.of(one) is not None for one in asked] == [False, True, True]
    kept.keep(asked[1], 'W/"b"', "x" * 11)
    kept.keep(asked[2], "", "x")
    assert [kept.of(one) for one in asked] == [None] * 3
    assert (
        question("token", "/1", {"page": 2})
        != question("token", "/1", {"page": 1})
        != question("other", "/1", {"page": 1})
    )


def test_labels_come_and_go_and_one_that_is_gone_is_no_error(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    forge.relabel(REPO, number, add=["mergeport: ready"], remove=["release", "mergeport: waiting"])
    assert github.pulls(REPO)[0].labels == ["mergeport: ready"]


def test_one_comment_is_found_rewritten_and_made_anew_where_a_person_deleted_it(
    github: GitHubDouble, forge: GitHub
) -> None:
    promote(github)
    number, mark = forge.open_pull_request(REPO, DRAFT).number, "<!-- mark -->"
    first = forge.tell(REPO, number, f"one {mark}", mark=mark)
    assert forge.tell(REPO, number, f"two {mark}", mark=mark) == first
    assert [one.body for one in github.comments(REPO, number)] == [f"two {mark}"]
    github.repository(REPO).comments.clear()
    forge.tell(REPO, number, f"three {mark}", mark=mark, comment=first)
    assert [one.body for one in github.comments(REPO, number)] == [f"three {mark}"]


def test_team_that_the_token_has_no_right_to_ask_keeps_nothing_from_opening(
    github: GitHubDouble, forge: GitHub
) -> None:
    promote(github)
    body = b'{"message": "Resource not accessible by integration"}'
    answer = Answer("403 Forbidden", (("Content-Type", "application/json"),), body)
    github.faults.plant(Fault("POST", re.compile("/requested_reviewers$"), 3, answer=answer))
    opened = forge.open_pull_request(REPO, DRAFT)
    assert [one.name for one in opened.refused] == ["grace", "team:release-managers"]
    assert github.pulls(REPO)[0].labels == ["release"]


def test_author_is_not_asked_to_review(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    with capture_logs() as logs:
        forge.open_pull_request(REPO, replace(DRAFT, reviewers=("Mergeport-Bot", "grace")))
    assert github.pulls(REPO)[0].reviewers == ["grace"]
    assert logs == []


def test_update_brings_the_new_words_and_keeps_peoples_labels(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    (pull,) = github.pulls(REPO)
    pull.labels.append("wait for tea")
    updated = forge.update_pull_request(
        REPO, number, replace(DRAFT, title="newer", body="newer", labels=("release", "x"))
    )
    assert (pull.title, pull.body, pull.labels) == ("newer", "newer", ["release", "wait for tea", "x"])
    assert (updated.title, updated.labels) == ("newer", ("release", "wait for tea", "x"))


def test_update_that_changes_nothing_writes_nothing(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    written = len(github.faults.requests("POST")) + len(github.faults.requests("PATCH"))
    forge.update_pull_request(REPO, number, DRAFT)
    assert len(github.faults.requests("POST")) + len(github.faults.requests("PATCH")) == written


def test_open_pull_request_is_found_by_its_branch(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    assert forge.find_pull_request(REPO, head=HEAD, base="main") is None
    number = forge.open_pull_request(REPO, DRAFT).number
    found = forge.find_pull_request(REPO, head=HEAD, base="main")
    assert found is not None
    assert found.number == number
    assert forge.find_pull_request(REPO, head="mergeport/promotion/prod", base="main") is None
    github.close_pull(REPO, number)
    assert forge.find_pull_request(REPO, head=HEAD, base="main") is None


def test_merge_of_a_promotion_is_seen(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    github.merge_pull(REPO, number, by="grace")
    merged = forge.pull_request(REPO, number)
    assert (merged.merged, merged.open, merged.merge_commit, merged.merged_by) == (True, False, tip(github), "grace")
    (listed,) = forge.recent_pull_requests(REPO, base="main")
    assert (listed.merged, listed.merge_commit, listed.merged_by) == (True, tip(github), None)


def test_recent_pull_requests_cost_one_request(github: GitHubDouble, forge: GitHub) -> None:
    for number in range(3):
        github.merge(REPO, "main", {"a.txt": f"{number}\n"})
    asked = len(github.faults.requests())
    assert [pull.number for pull in forge.recent_pull_requests(REPO, base="main")] == [3, 2, 1]
    assert len(github.faults.requests()) == asked + 1


def test_comment_is_written(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    forge.tell(REPO, number, "hello", mark="<!-- ours -->")
    assert [comment.body for comment in github.comments(REPO, number)] == ["hello"]


def test_identity_of_a_token_is_its_account_and_is_asked_once(github: GitHubDouble, forge: GitHub) -> None:
    assert [forge.identity(), forge.identity()] == ["mergeport-bot"] * 2
    assert len(github.faults.requests("GET", "/user$")) == 1


@pytest.mark.parametrize(("limit", "seconds"), [("primary", 91), ("secondary", 90)])
def test_limits_of_github_become_waits(github: GitHubDouble, forge: GitHub, limit: str, seconds: float) -> None:
    if limit == "primary":
        github.limit_primary(reset_in=90)
    else:
        github.limit_secondary(retry_after=90)
    with pytest.raises(LimitedError) as caught:
        forge.default_branch(REPO)
    assert caught.value.retry_after == pytest.approx(seconds, abs=2)


def test_token_without_the_permission_is_told_which(github: GitHubDouble) -> None:
    github.add_token("narrow", permissions={"contents": "read"})
    forge = GitHub(TokenLogin("narrow"), api_url=github.api_url)
    with pytest.raises(PermanentError) as caught:
        forge.set_commit_status(REPO, tip(github), CommitStatus("c", CommitState.SUCCESS, "d"))
    assert (caught.value.code, caught.value.hint) == (
        "github-permission-missing",
        "give the App or token `commit statuses: write`",
    )


def test_wrong_token_is_refused(github: GitHubDouble) -> None:
    with pytest.raises(DoubtfulError) as caught:
        GitHub(TokenLogin("wrong"), api_url=github.api_url).default_branch(REPO)
    assert caught.value.code == "github-token-refused"


def test_threads_share_one_forge(github: GitHubDouble, forge: GitHub) -> None:
    with ThreadPoolExecutor(8) as pool:
        heads = set(pool.map(lambda _: forge.head(REPO, "main"), range(40)))
    assert heads == {tip(github)}


# --- as an App -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def app(github: GitHubDouble, private_key: str) -> GitHub:
    github.create_repository("acme/other", {"o.txt": "o\n"})
    github.install_app(4711, "acme")
    return GitHub(AppLogin("4711", private_key), api_url=github.api_url, git_url=github.git.url)


def token_requests(github: GitHubDouble) -> list[dict[str, object]]:
    return [json.loads(request.body) for request in github.faults.requests("POST", "/access_tokens$")]


def test_app_narrows_each_token_to_the_repository_of_the_call(github: GitHubDouble, app: GitHub) -> None:
    app.head(REPO, "main")
    app.head(Repository("acme/other"), "main")
    assert [body["repositories"] for body in token_requests(github)] == [["manifests"], ["other"]]


def test_app_keeps_its_token_for_the_next_call(github: GitHubDouble, app: GitHub) -> None:
    for _ in range(3):
        app.head(REPO, "main")
    assert len(token_requests(github)) == 1


def test_app_renews_a_token_before_its_end(github: GitHubDouble, private_key: str) -> None:
    github.install_app(4711, "acme")
    times = [datetime.now(UTC)]
    forge = GitHub(AppLogin("4711", private_key), api_url=github.api_url, now=lambda: times[-1])
    forge.head(REPO, "main")
    times.append(times[0] + timedelta(minutes=56))
    forge.head(REPO, "main")
    assert len([text for text in github.state.tokens if text.startswith("ghs_")]) == 2


@pytest.mark.parametrize("minutes", [-5, 5, 90])
def test_app_whose_clock_is_off_signs_by_githubs_clock(github: GitHubDouble, private_key: str, minutes: int) -> None:
    github.install_app(4711, "acme")
    forge = GitHub(
        AppLogin("4711", private_key),
        api_url=github.api_url,
        now=lambda: datetime.now(UTC) + timedelta(minutes=minutes),
    )
    assert forge.head(REPO, "main") == tip(github)
    asked = len(github.faults.requests(path="/installation$"))
    forge.identity()
    assert (asked, len(github.faults.requests(path="/app$"))) == (2, 1), "it asks in vain once"


def test_app_that_is_refused_for_another_reason_is_not_asked_twice(github: GitHubDouble, private_key: str) -> None:
    github.install_app(4711, "acme")
    forge = GitHub(AppLogin("4711", private_key), api_url=github.api_url)
    github.faults.answer("401 Unauthorized", path="/installation$", times=5)
    with pytest.raises(DoubtfulError) as caught:
        forge.head(REPO, "main")
    assert (caught.value.code, len(github.faults.requests(path="/installation$"))) == ("github-token-refused", 1)


def test_app_whose_token_was_revoked_makes_another(github: GitHubDouble, app: GitHub) -> None:
    app.head(REPO, "main")
    for text in [text for text in github.state.tokens if text.startswith("ghs_")]:
        del github.state.tokens[text]
    assert app.head(REPO, "main") == tip(github)


@pytest.mark.parametrize(("write", "level"), [(False, "read"), (True, "write")])
def test_git_token_of_an_app_reaches_the_contents_of_one_repository(
    github: GitHubDouble, app: GitHub, write: bool, level: str
) -> None:
    credentials = app.git_credentials(REPO, write=write)
    assert credentials is not None
    assert (credentials.username, credentials.secret[:4]) == ("x-access-token", "ghs_")
    assert token_requests(github) == [{"repositories": ["manifests"], "permissions": {"contents": level}}]
    assert credentials.secret not in repr(credentials)


def test_git_token_is_the_given_one_without_an_app(forge: GitHub) -> None:
    credentials = forge.git_credentials(REPO, write=True)
    assert credentials is not None
    assert credentials.secret == TOKEN


def test_app_acts_as_its_bot(app: GitHub) -> None:
    assert app.identity() == "mergeport[bot]"


def test_limit_of_an_app_is_that_of_one_installation(github: GitHubDouble, app: GitHub) -> None:
    github.create_repository("umbrella/shop", {"s.txt": "s\n"})
    github.install_app(4711, "umbrella")
    app.head(Repository("acme/other"), "main")
    github.limit_secondary(method="GET", path="/repos/acme/manifests/git", retry_after=60)
    for name in (REPO, Repository("acme/other")):
        with pytest.raises(LimitedError):
            app.head(name, "main")
    assert len(github.faults.requests("GET", "/repos/acme/.*/git/")) == 2
    assert app.head(Repository("umbrella/shop"), "main") is not None


def test_app_that_is_not_installed_says_so_and_finds_no_missing_branch(github: GitHubDouble, private_key: str) -> None:
    forge = GitHub(AppLogin("4711", private_key), api_url=github.api_url)
    with pytest.raises(DoubtfulError) as caught:
        forge.head(REPO, "main")
    assert caught.value.code == "github-app-not-installed"


def test_no_request_shows_a_token_in_its_address(github: GitHubDouble, app: GitHub, forge: GitHub) -> None:
    app.head(REPO, "main")
    forge.head(REPO, "main")
    seen = " ".join(f"{request.path}?{request.query}" for request in github.faults.requests())
    assert not re.search(r"ghs_|ghp_|eyJ", seen)
