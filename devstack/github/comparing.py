"""Comparisons of two commits and lists of changed files, computed by git and written as GitHub does."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

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
    raw = repo.bare.git_bytes("diff-tree", "-r", "-z", "-M", "--raw", "--numstat", "--no-abbrev", old, new, "--")
    fields = raw.decode("utf-8", "replace").split("\0")
    entries: list[shapes.Json] = []
    position = 0
    while position < len(fields) and fields[position].startswith(":"):
        _old_mode, _new_mode, old_blob, blob, letter = fields[position].split(" ")
        renamed = letter[0] in "RC"
        previous, name = (fields[position + 1], fields[position + 2]) if renamed else (None, fields[position + 1])
        position += 3 if renamed else 2
        sha = old_blob if letter[0] == "D" else blob
        entry = {"sha": sha, "filename": name, "status": _STATUS[letter[0]], **_links(state, repo, new, name)}
        entries.append(entry if previous is None else {**entry, "previous_filename": previous})
    for entry in entries:
        added, removed, path = fields[position].split("\t")
        position += 1 if path else 3
        entry["additions"], entry["deletions"] = (0 if count == "-" else int(count) for count in (added, removed))
        entry["changes"] = entry["additions"] + entry["deletions"]
        if added != "-" and len(entries) <= PATCHES_LIMIT:
            entry["patch"] = _patch(repo.bare, old, new, entry["filename"])
    return entries


def changed_paths(bare: BareRepository, old: str, new: str) -> list[tuple[str, str]]:
    """List the paths that differ, each with git's letter for the kind of change; a rename counts as two."""
    fields = bare.immutable("diff-tree", "-r", "-z", "--no-renames", "--name-status", old, new).decode().split("\0")
    return list(zip(fields[1::2], fields[0::2], strict=False))


def count_lines(bare: BareRepository, old: str, new: str) -> list[tuple[int, int]]:
    """Return the added and removed lines of each changed file."""
    lines = bare.immutable("diff-tree", "-r", "--no-renames", "--numstat", old, new).decode().splitlines()
    pairs = (line.split("\t")[:2] for line in lines)
    return [(int(added.replace("-", "0")), int(removed.replace("-", "0"))) for added, removed in pairs]


def _links(state: State, repo: Repository, new: str, name: str) -> shapes.Json:
    path = quote(name)
    return {
        "blob_url": shapes.html(state, repo, f"blob/{new}/{path}"),
        "raw_url": shapes.html(state, repo, f"raw/{new}/{path}"),
        "contents_url": shapes.repository_api(state, repo, f"contents/{path}?ref={new}"),
    }


def _patch(bare: BareRepository, old: str, new: str, path: str) -> str:
    text = bare.git("diff-tree", "-p", "-M", old, new, "--", path)
    start = text.find("@@")
    return text[start:] if start >= 0 else ""


def relate(bare: BareRepository, base: str, head: str) -> tuple[Relation, int, int]:
    """Return how head stands to base, and the commits by which it is ahead and behind."""
    behind, ahead = (
        int(count) for count in bare.git("rev-list", "--left-right", "--count", f"{base}...{head}").split()
    )
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
    commits = repo.bare.log("--reverse", "--topo-order", f"{base}..{head}")
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
