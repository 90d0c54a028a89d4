"""The fields of GitHub's answers that are read, as models, and a pull request as ours. Asks nothing."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, RootModel

from service.core.order import Relation
from service.core.words import Sha
from service.ports import ForgeCommit, MergeState, PullRequest


class Anything(BaseModel):
    """An answer that must be an object; nothing in it is read."""


class Created(BaseModel):
    """Something that was made: a status, a comment."""

    id: int


class Account(BaseModel):
    """A user, a bot or an organisation."""

    login: str


class Team(BaseModel):
    """A team that was asked to review."""

    slug: str


class Label(BaseModel):
    """A label by its name."""

    name: str


class Milestone(BaseModel):
    """A milestone by its title."""

    title: str


class RepositoryAnswer(BaseModel):
    """A repository; `id` stays when it is renamed or transferred."""

    full_name: str
    id: int = 0
    default_branch: str = ""


class GitObject(BaseModel):
    """A git object by its id: what a ref names, say."""

    sha: str


class Ref(BaseModel):
    """A branch."""

    object: GitObject


class ContentFile(BaseModel):
    """A file in the contents API; `content` is empty above a megabyte."""

    type: str
    sha: str
    size: int = 0
    encoding: str | None = None
    content: str | None = None


class Contents(RootModel[ContentFile | list[Anything]]):
    """What is at a path: a file, or the list of a directory."""


class Blob(BaseModel):
    """A file's bytes in the git database API."""

    content: str


class ChangedFile(BaseModel):
    """One file of a comparison."""

    filename: str
    previous_filename: str | None = None


class Comparison(BaseModel):
    """A three-dot comparison: `files` are what changed between the merge base and the head."""

    status: Relation
    files: list[ChangedFile] | None = None


class CommitPerson(BaseModel):
    """Who committed, and when."""

    date: datetime


class GitCommit(BaseModel):
    """A commit in the git database API."""

    committer: CommitPerson
    tree: GitObject


class GitEntry(GitObject):
    """A file or folder in a folder; `path` is its name there."""

    path: str
    type: str
    mode: str = ""

    @property
    def is_link(self) -> bool:
        """Whether what counts lies elsewhere: at the target of a symbolic link."""
        return self.mode == "120000"

    @property
    def is_folder(self) -> bool:
        """Whether it can be listed itself."""
        return self.type == "tree"

    @property
    def is_submodule(self) -> bool:
        """Whether it is a commit of another repository."""
        return self.type == "commit"

    @property
    def is_file(self) -> bool:
        """Whether it is a file of its own, below which nothing can be."""
        return self.type == "blob" and not self.is_link


class GitTree(BaseModel):
    """A folder in the git database API; `truncated` where it has more than GitHub lists."""

    tree: list[GitEntry]
    truncated: bool


class CommitText(BaseModel):
    """What is written in a commit, where one is listed."""

    message: str
    committer: CommitPerson


class ListedCommit(BaseModel):
    """A commit in a list or a comparison."""

    sha: str
    commit: CommitText
    parents: list[GitObject] = []

    def ours(self) -> ForgeCommit:
        """Give it in the type of the port."""
        parents = tuple(Sha(one.sha) for one in self.parents)
        return ForgeCommit(Sha(self.sha), parents, self.commit.message, self.commit.committer.date)


class ComparedCommits(BaseModel):
    """One page of the commits of a comparison."""

    total_commits: int
    commits: list[ListedCommit]


class End(BaseModel):
    """One end of a pull request; `repo` is null where the fork is gone."""

    ref: str
    sha: str
    repo: RepositoryAnswer | None = None


class Pull(BaseModel):
    """A pull request, from a list or from its own address; only the latter has `merged` and `merged_by`."""

    number: int
    html_url: str = ""
    title: str = ""
    body: str | None = None
    state: str
    head: End
    base: End
    user: Account | None = None
    merged: bool | None = None
    merged_at: datetime | None = None
    updated_at: datetime | None = None
    merged_by: Account | None = None
    merge_commit_sha: str | None = None
    labels: list[Label] = []
    requested_reviewers: list[Account] | None = None
    requested_teams: list[Team] | None = None
    assignees: list[Account] | None = None
    milestone: Milestone | None = None
    draft: bool | None = None
    mergeable_state: str | None = None
    auto_merge: Anything | None = None

    @property
    def within(self) -> bool:
        """Whether it comes from its own repository and not from a fork: by ids or, if there are none, by names."""
        head, base = self.head.repo, self.base.repo
        if head is None or base is None:
            return False
        return head.id == base.id if head.id and base.id else head.full_name.lower() == base.full_name.lower()

    def ours(self) -> PullRequest:
        """Give it in the type of the port; before the merge, `merge_commit_sha` is a trial merge and left out."""
        merged = bool(self.merged or self.merged_at)
        return PullRequest(
            number=self.number,
            url=self.html_url,
            title=self.title,
            body=self.body or "",
            head=self.head.ref,
            head_sha=Sha(self.head.sha),
            base=self.base.ref,
            open=self.state == "open",
            merged=merged,
            merge_commit=Sha(self.merge_commit_sha) if merged and self.merge_commit_sha else None,
            merged_by=self.merged_by.login if self.merged_by else None,
            author=self.user.login if self.user else None,
            labels=tuple(label.name for label in self.labels),
            base_sha=Sha(self.base.sha),
            draft=bool(self.draft),
            merge_state=MergeState.of(self.mergeable_state),
            auto_merge=self.auto_merge is not None,
        )
