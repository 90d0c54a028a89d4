"""What the GitHub double's pages read of a repository: refs, files, commits and differences.

Called by `pages`. Names in addresses are untrusted: they reach git only as a path behind a commit, or after they are
known to name a branch, a tag or a commit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import pygit2
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

from devstack.bare import BareRepository, Commit
from devstack.github import comparing
from devstack.github.state import Repository, Status

HISTORY_SHOWN = 100
_SHA = re.compile(r"[0-9a-f]{7,40}")
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FOLDING = re.compile(r"&lt;(/?(?:details|summary))&gt;")
"""The HTML tags that GitHub shows, escaped and without attributes."""


class Place(NamedTuple):
    """A ref as it was written, its commit, and a path in that commit."""

    ref: str
    commit: str
    path: str


def resolve(bare: BareRepository, name: str) -> str | None:
    """Return the commit that a branch, a tag or the beginning of a commit's id names."""
    refs = bare.refs()
    if f"refs/heads/{name}" in refs or f"refs/tags/{name}" in refs:
        return bare.resolve(name)
    return bare.resolve(name) if _SHA.fullmatch(name) else None


def find_place(bare: BareRepository, text: str) -> Place | None:
    """Split `REF/PATH` after the ref. Refs may contain slashes, and the longest existing one counts."""
    parts = text.strip("/").split("/")
    for count in range(len(parts), 0, -1):
        ref = "/".join(parts[:count])
        if commit := resolve(bare, ref):
            return Place(ref, commit, "/".join(parts[count:]))
    return None


def kind_at(bare: BareRepository, place: Place) -> str:
    """Tell whether a path is a `tree`, a `blob` or nothing at its commit."""
    found = bare.at(place.commit, place.path)
    return found.type_str if found else ""


def entries_at(bare: BareRepository, commit: str, path: str) -> list[tuple[str, str]]:
    """List kind and name of what a directory has, directories first."""
    tree = bare.at(commit, path)
    listed = [(one.type_str, one.name or "") for one in tree] if isinstance(tree, pygit2.Tree) else []
    return sorted(listed, key=lambda one: (one[0] != "tree", one[1]))


def difference(bare: BareRepository, old: str, new: str) -> str:
    """Give the difference of two commits as git writes it."""
    return bare.git("diff-tree", "-r", "-p", "-M", "--no-color", old, new)


def changes_of(bare: BareRepository, commit: Commit) -> str:
    """Give what a commit changed against its first parent, or against nothing."""
    return difference(bare, commit.parents[0] if commit.parents else comparing.EMPTY_TREE, commit.sha)


def history(bare: BareRepository, commit: str) -> list[Commit]:
    """Give a commit and those before it, the newest first."""
    return bare.log(commit, limit=HISTORY_SHOWN)


def newest_statuses(repo: Repository, sha: str) -> list[Status]:
    """Give the newest status of each context of a commit."""
    newest = {one.context: one for one in repo.statuses.get(sha, [])}
    return [newest[context] for context in sorted(newest)]


def rendered(text: str) -> Markup:
    """Render Markdown as HTML. Comments are left out, `details` can be folded, and all other HTML stays text."""
    return Markup(_MARKDOWN.render(text))  # noqa: S704 - the renderer escapes, and lets only two tags through


def _harmless(_renderer: RendererHTML, tokens: Sequence[Token], at: int, *_: object) -> str:
    """Write a piece of HTML that is in Markdown."""
    return _FOLDING.sub(r"<\1>", str(escape(_COMMENT.sub("", tokens[at].content))))


for _rule in ("html_block", "html_inline"):
    _MARKDOWN.add_render_rule(_rule, _harmless)
