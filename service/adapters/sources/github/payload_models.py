"""The fields of GitHub's webhook payloads that are read, as models. `payloads` makes events of them.

The rest may change at will. https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, Strict


def _printable(text: str) -> str:
    if any(ord(character) < ord(" ") for character in text):
        raise ValueError("has a control character")
    return _storable(text)


def _storable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("has an invalid character")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Ref = Annotated[str, Field(min_length=1), AfterValidator(_printable)]
Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
FullName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]
Number = Annotated[int, Field(gt=0, lt=2**63)]


class Payload(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(strict=True, extra="ignore")


class TheRepository(Payload):
    """A repository."""

    full_name: FullName
    id: Number | None = None
    fork: bool = False
    default_branch: Text = ""


class Account(Payload):
    """A user, by a login or a name."""

    login: Text | None = None
    name: Text | None = None


class Person(Payload):
    """An author or committer."""

    name: Text | None = None
    email: Text | None = None


class TheCommit(Payload):
    """A commit of a push."""

    id: Sha
    message: Text = ""
    added: list[Text] = []
    modified: list[Text] = []
    removed: list[Text] = []


class HeadCommit(TheCommit):
    """The commit that a push ends with."""

    author: Person = Person()


class PushEvent(Payload):
    """A push."""

    ref: Ref
    before: Sha
    after: Sha
    repository: TheRepository
    created: bool = False
    deleted: bool = False
    forced: bool = False
    commits: list[TheCommit] = []
    head_commit: HeadCommit | None = None
    pusher: Account = Account()
    sender: Account | None = None


class Branch(Payload):
    """One end of a pull request."""

    ref: Ref
    sha: Sha
    repo: TheRepository | None = None


class TheLabel(Payload):
    """A label."""

    name: Text


class ThePullRequest(Payload):
    """A pull request."""

    number: Number
    title: Text = ""
    html_url: Text = ""
    merged: bool | None = None
    merged_at: Text | None = None
    merge_commit_sha: Sha | None = None
    user: Account | None = None
    merged_by: Account | None = None
    labels: list[TheLabel] = []
    base: Branch
    head: Branch


class PullRequestEvent(Payload):
    """Something that happened to a pull request."""

    action: Text
    pull_request: ThePullRequest
    repository: TheRepository
    changes: dict[str, object] = {}


class Checked(Payload):
    """A check run or suite."""

    head_sha: Sha | None = None


class Reviewed(Payload):
    """A pull request that was reviewed."""

    number: Number


class GateEvent(Payload):
    """A status, a check run or a review."""

    repository: TheRepository
    sha: Sha | None = None
    context: Text = ""
    check_run: Checked | None = None
    pull_request: Reviewed | None = None


class MergeGroup(Payload):
    """A trial merge of a merge queue."""

    head_sha: Sha
    head_ref: Text


class MergeGroupEvent(Payload):
    """Something that happened to a trial merge."""

    action: Text
    merge_group: MergeGroup
    repository: TheRepository


class WorkflowRun(Payload):
    """A run of a workflow."""

    id: Number
    head_sha: Sha | None = None
    conclusion: Text | None = None


class WorkflowEvent(Payload):
    """A workflow run or job, or a check suite."""

    action: Text
    repository: TheRepository
    workflow_run: WorkflowRun | None = None
    check_suite: Checked | None = None


class ThePoster(Payload):
    """Who wrote a comment."""

    login: Text
    type: Text = "User"


class TheComment(Payload):
    """A comment; its text is read as whatever it is."""

    id: Number
    user: ThePoster | None = None
    body: str | None = None
    created_at: Annotated[AwareDatetime, Strict(strict=False)]


class TheIssue(Payload):
    """An issue, or a pull request, which has `pull_request`."""

    number: Number
    pull_request: dict[str, object] | None = None


class CommentEvent(Payload):
    """Something that happened to a comment."""

    action: Text
    issue: TheIssue
    comment: TheComment
    repository: TheRepository


class PingEvent(Payload):
    """The event that a new hook gets first."""

    repository: TheRepository | None = None
    zen: Text | None = None
