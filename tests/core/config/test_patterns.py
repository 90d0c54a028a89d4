"""Branch and path patterns mean what GitHub Actions makes of them.

Tables: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
"""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.config.patterns import check_branch_pattern, check_pattern, matches, selects, selects_any
from service.core.config.texts import TextError, branch_name

BRANCHES = [
    ("feature/*", ["feature/my-branch", "feature/your-branch"], ["feature/a/b", "feature"]),
    ("feature/**", ["feature/beta-a/my-branch", "feature/mona/the/octocat", "feature/x"], ["feature", "a/feature/x"]),
    ("main", ["main"], ["mains", "a/main", "Main"]),
    ("releases/mona-the-octocat", ["releases/mona-the-octocat"], []),
    ("*", ["main", "releases"], ["all/the/branches"]),
    ("**", ["all/the/branches", "every/tag", "main"], []),
    ("*feature", ["mona-feature", "feature", "ver-10-feature"], ["feature-x", "a/feature"]),
    ("v2*", ["v2", "v2.0", "v2.9"], ["v1", "v2/x"]),
    ("v[12].[0-9]+.[0-9]+", ["v1.10.1", "v2.0.0"], ["v3.0.0", "v1..0", "v1.0"]),
    ("release-v?", ["release-", "release-v"], ["release-vv"]),
    ("[CB]at", ["Cat", "Bat"], ["Rat", "cat"]),
    (r"c\+\+", ["c++"], ["c", "ccc"]),
    ("a.b", ["a.b"], ["axb"]),
]

PATHS = [
    (["*"], ["README.md", "server.rb"], ["docs/README.md"]),
    (["*.jsx?"], ["page.js", "page.jsx"], ["page.jsxx", "a/page.js"]),
    (["**"], ["all/the/files.md"], []),
    (["*.js"], ["app.js", "index.js"], ["src/app.js"]),
    (["**.js"], ["index.js", "js/index.js", "src/js/app.js"], ["index.ts"]),
    (["docs/*"], ["docs/README.md", "docs/file.txt"], ["docs/a/b.md"]),
    (["docs/**"], ["docs/README.md", "docs/mona/octocat.txt"], ["docs", "a/docs/x"]),
    (["docs/**/*.md"], ["docs/README.md", "docs/mona/hello-world.md", "docs/a/markdown/file.md"], ["README.md"]),
    (["**/docs/**"], ["docs/hello.md", "dir/docs/my-file.txt", "space/docs/plan/space.doc"], ["mydocs/x"]),
    (["**/README.md"], ["README.md", "js/README.md"], ["js/XREADME.md"]),
    (["**/*src/**"], ["a/src/app.js", "my-src/code/js/app.js"], ["src.js"]),
    (["**/*-post.md"], ["my-post.md", "path/their-post.md"], ["post.md"]),
    (["**/migrate-*.sql"], ["migrate-10909.sql", "db/migrate-v1.0.sql", "db/sept/migrate-v1.sql"], ["migrate-a/b.sql"]),
    (["*.md", "!README.md"], ["hello.md"], ["README.md", "docs/hello.md"]),
    (["*.md", "!README.md", "README*"], ["hello.md", "README.md", "README.doc"], []),
    (["!README.md", "*.md"], ["README.md"], []),
    (["sub/**", "!sub/docs/**"], ["sub/index.js", "sub/src/index.js"], ["sub/docs/x"]),
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "fits", "fails"), BRANCHES, ids=lambda value: str(value)[:30])
def test_a_branch_pattern_matches_whole_names_as_the_cheat_sheet_says(
    pattern: str, fits: list[str], fails: list[str]
) -> None:
    assert [name for name in [*fits, *fails] if matches(pattern, name)] == fits


@pytest.mark.parametrize(("patterns", "fits", "fails"), PATHS, ids=lambda value: str(value)[:30])
def test_path_patterns_select_as_the_cheat_sheet_says(patterns: list[str], fits: list[str], fails: list[str]) -> None:
    assert [path for path in [*fits, *fails] if selects(patterns, path)] == fits


def test_no_patterns_let_everything_in() -> None:
    assert selects_any([], ["anything"])
    assert selects_any([], [])


def test_one_path_that_is_let_in_is_enough() -> None:
    assert selects_any(["src/**", "!src/docs/**"], ["README.md", "src/docs/a.md", "src/a.py"])
    assert not selects_any(["src/**", "!src/docs/**"], ["README.md", "src/docs/a.md"])


@pytest.mark.parametrize(
    "pattern", ["", "!", "+a", "a++", "*?", "[", "[]", "[a", "]", "[a_b]", "[z-a]", "[a-Z]", "[0-z]", "x\\"]
)
def test_a_pattern_that_means_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(TextError):
        check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "main", "release/1.2", "release/*", "v[0-9].*", "**", "**/hotfix", "feature/**", "release/**/x", "a?b", "x/?",
        "v1.?.2", "release-v?1+", "[o]rigin/main", "[r]efs/heads/x", "origin", "originals/*", "upstream/latest", "refs",
        "lock", "x.locks/*", "user@host", "*@*", "-?x", "a\\+b", "\\!x", "feature/#1", "änderung/*", "{x}", "x@",
        "4f2c1e9", "dev\\]?",
    ],
)  # fmt: skip
def test_a_pattern_that_some_branch_matches_stays_legal(pattern: str) -> None:
    check_branch_pattern(pattern)


def is_branch(name: str) -> bool:
    try:
        branch_name(name)
    except TextError:
        return False
    return True


NAMES = [
    name for length in range(1, 5) for name in map("".join, itertools.product("ax/.", repeat=length)) if is_branch(name)
]


@settings(max_examples=300, deadline=None)
@given(
    pattern=st.lists(
        st.sampled_from(["a", "*", "**", "/", ".", "?", "[a-c]", ".lock", "\\*", "x"]), min_size=1, max_size=6
    )
)
def test_a_pattern_that_is_refused_matches_no_branch(pattern: list[str]) -> None:
    text = "".join(pattern)
    if is_refused(text):
        assert [name for name in NAMES if matches(text, name)] == []


def is_refused(pattern: str) -> bool:
    try:
        check_branch_pattern(pattern)
    except TextError as error:
        return "cannot be a branch" in error.message
    return False


def slowly(pattern: str, name: str, *, segment_begins: bool = True) -> bool:
    """Match by trying every possibility, as the cheat sheet's words say and without an expression."""
    if not pattern:
        return not name
    if pattern.startswith("**"):
        if segment_begins and pattern.startswith("**/") and slowly(pattern[3:], name):
            return True  # no folder at all
        return any(slowly(pattern[2:], name[at:], segment_begins=False) for at in range(len(name) + 1))
    rest, once = pattern[1:], bool(name) and name[0] == pattern[0]
    if pattern[0] == "*":
        crossing = name[:1] in {"", "/"}
        return slowly(rest, name, segment_begins=False) or (not crossing and slowly(pattern, name[1:]))
    if rest[:1] == "?":
        return any(slowly(rest[1:], left, segment_begins=False) for left in [name, *([name[1:]] if once else [])])
    if rest[:1] == "+":
        return once and (slowly(rest[1:], name[1:], segment_begins=False) or slowly(pattern, name[1:]))
    return once and slowly(rest, name[1:], segment_begins=pattern[0] == "/")


SEGMENT = st.lists(st.sampled_from(["a", "b", "*", "a?", "b+"]), min_size=1, max_size=3).map("".join)
PATTERN = st.lists(st.one_of(SEGMENT, st.just("**")), min_size=1, max_size=3).map("/".join)


@settings(max_examples=300, deadline=None)
@given(pattern=PATTERN, name=st.text(alphabet="ab/", max_size=7))
def test_patterns_match_what_trying_every_way_matches(pattern: str, name: str) -> None:
    pattern = re.sub(r"\*{3,}", "**", pattern)

    assert matches(pattern, name) is slowly(pattern, name)


@settings(max_examples=300, deadline=None)
@given(
    patterns=st.lists(st.sampled_from(["**", "a/**", "!a/**", "*.md", "!b.md", "b*", "!**"]), max_size=5),
    path=st.sampled_from(["a/x", "b.md", "c.md", "b", "d/e"]),
)
def test_the_last_pattern_that_matches_decides(patterns: list[str], path: str) -> None:
    deciding = [pattern for pattern in patterns if matches(pattern.removeprefix("!"), path)]

    assert selects(patterns, path) is (bool(deciding) and not deciding[-1].startswith("!"))


@given(name=st.text(min_size=1, max_size=20))
def test_an_escaped_name_matches_itself_alone(name: str) -> None:
    pattern = "".join(f"\\{character}" for character in name)

    assert matches(pattern, name)
    assert not matches(pattern, name + "x")
