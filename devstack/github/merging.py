"""Merges as GitHub makes them: a merge commit, one squashed commit, or rebased commits.

It only writes objects; the caller moves the branch. Everything happens in the bare repository, without a
work tree.
"""

from __future__ import annotations

from dataclasses import dataclass

from devstack.bare import BareRepository, Person
from devstack.github.state import MergeMethod

GITHUB = Person("GitHub", "noreply@github.com")


class ConflictError(Exception):
    """The two sides cannot be merged by machine."""


@dataclass(frozen=True, slots=True)
class Merge:
    """What is merged, into what, by whom, and with which message."""

    base_sha: str
    head_sha: str
    number: int
    title: str
    head_label: str
    author: Person
    merger: Person
    commit_title: str | None = None
    commit_message: str | None = None


def merge_tree(bare: BareRepository, ours: str, theirs: str) -> str:
    """Return the tree of merging one commit into another; raise ConflictError when they conflict."""
    base = bare.merge_base(ours, theirs)
    if base in {ours, theirs}:
        return bare.commit(theirs if base == ours else ours).tree
    done = bare.run("merge-tree", "--write-tree", "--no-messages", "--allow-unrelated-histories", ours, theirs)
    if done.returncode != 0:
        raise ConflictError(f"{theirs} conflicts with {ours}")
    return done.stdout.decode().split("\n", 1)[0]


def make_merge(bare: BareRepository, merge: Merge, method: MergeMethod) -> str:
    """Write the commits of a merge and return the new tip of the base branch."""
    match method:
        case "merge":
            return _merge_commit(bare, merge)
        case "squash":
            return _squash(bare, merge)
        case "rebase":
            return _rebase(bare, merge)


def _merge_commit(bare: BareRepository, merge: Merge) -> str:
    title = merge.commit_title or f"Merge pull request #{merge.number} from {merge.head_label}"
    body = merge.title if merge.commit_message is None else merge.commit_message
    return bare.commit_tree(
        merge_tree(bare, merge.base_sha, merge.head_sha),
        [merge.base_sha, merge.head_sha],
        _message(title, body),
        author=merge.merger,
        committer=GITHUB,
    )


def _squash(bare: BareRepository, merge: Merge) -> str:
    commits = bare.log(merge.head_sha, without=[merge.base_sha])[::-1]
    subject, _, rest = commits[0].message.partition("\n") if len(commits) == 1 else (merge.title, "", "")
    listed = rest.strip() if len(commits) == 1 else "\n\n".join(f"* {one.message}" for one in commits)
    body = listed if merge.commit_message is None else merge.commit_message
    return bare.commit_tree(
        merge_tree(bare, merge.base_sha, merge.head_sha),
        [merge.base_sha],
        _message(merge.commit_title or f"{subject} (#{merge.number})", body),
        author=merge.author,
        committer=GITHUB,
    )


def _rebase(bare: BareRepository, merge: Merge) -> str:
    """Recommit each commit on the base; the author stays, the committer is who merged."""
    tip = merge.base_sha
    commits = bare.log(merge.head_sha, without=[merge.base_sha])[::-1]
    for one in [commit for commit in commits if len(commit.parents) < 2]:  # noqa: PLR2004 - a merge has two or more
        parent = one.parents[0]
        # A commit with the new tip's tree on the old parent makes that parent the merge base.
        stand_in = bare.commit_tree(bare.commit(tip).tree, [parent], "stand-in")
        tree = merge_tree(bare, stand_in, one.sha)
        tip = bare.commit_tree(
            tree, [tip], one.message, author=one.author, committer=merge.merger, author_date=one.author_date
        )
    return tip


def _message(title: str, body: str) -> str:
    return f"{title}\n\n{body}" if body.strip() else title
