"""Comparisons of two commits and lists of changed files, computed by git and written as GitHub does."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

import pygit2

from devstack.bare import BareRepository
from devstack.github import commit_shapes, shapes
from devstack.github.state import Repository, State

FILES_LIMIT = 300
"""GitHub lists no more changed files than this in a comparison, and does not say that it left some out."""
PATCHES_LIMIT = 20
"""Patches are given only if at most so many files changed: each costs a process, and nobody may rely on them."""
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed", "C": "copied"}

Relation = Literal["ahead", "behind", "diverged", "identical"]


def changed_files(state: State, repo: Repository, old: str, new: str) -> list[shapes.Json]:
    """List the files that differ between two commits, or between the empty tree and one."""
    diff = _difference(repo.bare, old, new)
    diff.find_similar()
    patches = [patch for patch in diff if patch]
    return [_changed_file(state, repo, new, patch, shown=len(patches) <= PATCHES_LIMIT) for patch in patches]


def _changed_file(state: State, repo: Repository, new: str, patch: pygit2.Patch, *, shown: bool) -> shapes.Json:
    delta = patch.delta
    letter, name = delta.status_char(), delta.new_file.path
    _context, added, removed = patch.line_stats
    entry: shapes.Json = {
        "sha": str((delta.old_file if letter == "D" else delta.new_file).id),
        "filename": name,
        "status": _STATUS[letter],
        **_links(state, repo, new, name),
        "additions": added,
        "deletions": removed,
        "changes": added + removed,
    }
    if letter in "RC":
        entry["previous_filename"] = delta.old_file.path
    if shown and not delta.is_binary:
        text = patch.data.decode("utf-8", "replace").rstrip("\n")
        start = text.find("@@")
        entry["patch"] = text[start:] if start >= 0 else ""
    return entry


def _difference(bare: BareRepository, old: str, new: str) -> pygit2.Diff:
    repository = bare.library()
    trees = [repository.revparse_single(sha).peel(pygit2.Tree) if sha != EMPTY_TREE else None for sha in (old, new)]
    if trees[0] is None:
        assert trees[1] is not None  # noqa: S101 # nobody compares with nothing
        return trees[1].diff_to_tree(swap=True)
    return trees[0].diff_to_tree(trees[1]) if trees[1] else trees[0].diff_to_tree()


def changed_paths(bare: BareRepository, old: str, new: str) -> list[tuple[str, str]]:
    """List the paths that differ, each with git's letter for the kind of change; a rename counts as two."""
    return [(delta.new_file.path, delta.status_char()) for delta in _difference(bare, old, new).deltas]


def count_lines(bare: BareRepository, old: str, new: str) -> list[tuple[int, int]]:
    """Return the added and removed lines of each changed file."""
    return [patch.line_stats[1:] for patch in _difference(bare, old, new) if patch]


def _links(state: State, repo: Repository, new: str, name: str) -> shapes.Json:
    path = quote(name)
    return {
        "blob_url": shapes.html(state, repo, f"blob/{new}/{path}"),
        "raw_url": shapes.html(state, repo, f"raw/{new}/{path}"),
        "contents_url": shapes.repository_api(state, repo, f"contents/{path}?ref={new}"),
    }


def relate(bare: BareRepository, base: str, head: str) -> tuple[Relation, int, int]:
    """Return how head stands to base, and the commits by which it is ahead and behind."""
    ahead, behind = bare.relate(base, head)
    if ahead and behind:
        return "diverged", ahead, behind
    if ahead:
        return "ahead", ahead, behind
    return ("behind" if behind else "identical"), ahead, behind


def comparison(
    state: State, repo: Repository, base: str, head: str, *, name: str, page: int, per_page: int
) -> shapes.Json | None:
    """Write the three-dot comparison of two commits; None for histories with nothing in common.

    Only the first page has files, at most 300 of them.
    """
    merge_base = repo.bare.merge_base(base, head)
    if merge_base is None:
        return None
    relation, ahead, behind = relate(repo.bare, base, head)
    commits = repo.bare.log(head, without=[base])[::-1]
    start = (page - 1) * per_page
    url, address = shapes.html(state, repo, f"compare/{name}"), shapes.repository_api(state, repo, f"compare/{name}")
    files = changed_files(state, repo, merge_base, head) if page == 1 else []
    return {
        "url": address,
        "html_url": url,
        "permalink_url": url,
        "diff_url": f"{url}.diff",
        "patch_url": f"{url}.patch",
        "base_commit": commit_shapes.commit(state, repo, repo.bare.commit(base)),
        "merge_base_commit": commit_shapes.commit(state, repo, repo.bare.commit(merge_base)),
        "status": relation,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": len(commits),
        "commits": [commit_shapes.commit(state, repo, one) for one in commits[start : start + per_page]],
        "files": files[:FILES_LIMIT],
    }
