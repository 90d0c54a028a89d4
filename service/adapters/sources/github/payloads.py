"""GitHub's webhook payloads as the few neutral events that matter here. Pure; the source calls `parse_event`.

Only the fields that are read are validated, so GitHub may add and change the rest at will. What the request
alone proves needless comes out as `Ignored` with its reason; whether a repository or branch is configured is
routing's to say. Payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from service.core import trailers
from service.core.changes import PROMOTION_BRANCHES, BuildHint, Event, Hint, Ignored, Ping, PullRequestMerged, Push
from service.core.words import Repository, Sha
from service.errors import DeliveryError

_BRANCHES = "refs/heads/"
_TAGS = "refs/tags/"
_NO_COMMIT = "0" * 40
GITHUB_ACTIONS = "github-actions"
"""The builder whose builds GitHub tells of."""


def parse_event(event: str, payload: Mapping[str, object]) -> Event:
    """Read a payload; raise DeliveryError 400 that names the field if it has another shape."""
    match event:
        case "push":
            return _push(_read(_Push, payload))
        case "pull_request":
            return _pull_request(_read(_PullRequestEvent, payload))
        case "workflow_run" | "workflow_job" | "check_suite":
            return _workflow(event, _read(_WorkflowEvent, payload))
        case "ping":
            read = _read(_Ping, payload)
            return Ping(read.repository.full_name if read.repository else "", words=read.zen or "")
        case _:
            return Ignored(f"event `{event}` is not read")


# --- payloads ----------------------------------------------------------------------------------


def _printable(text: str) -> str:
    if any(ord(character) < ord(" ") for character in text):
        raise ValueError("has a control character")
    return _storable(text)


def _storable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("has an invalid character")
    return text


_Text = Annotated[str, AfterValidator(_storable)]
_Ref = Annotated[str, Field(min_length=1), AfterValidator(_printable)]
_Sha = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
_FullName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]
_Number = Annotated[int, Field(gt=0, lt=2**63)]


class _Payload(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Repository(_Payload):
    full_name: _FullName
    id: _Number | None = None
    fork: bool = False
    default_branch: _Text = ""


class _Account(_Payload):
    login: _Text | None = None
    name: _Text | None = None


class _Person(_Payload):
    name: _Text | None = None
    email: _Text | None = None


class _Commit(_Payload):
    id: _Sha
    message: _Text = ""
    added: list[_Text] = []
    modified: list[_Text] = []
    removed: list[_Text] = []


class _HeadCommit(_Commit):
    author: _Person = _Person()


class _Push(_Payload):
    ref: _Ref
    before: _Sha
    after: _Sha
    repository: _Repository
    created: bool = False
    deleted: bool = False
    forced: bool = False
    commits: list[_Commit] = []
    head_commit: _HeadCommit | None = None
    pusher: _Account = _Account()
    sender: _Account | None = None


class _Branch(_Payload):
    ref: _Ref
    sha: _Sha
    repo: _Repository | None = None


class _Label(_Payload):
    name: _Text


class _PullRequest(_Payload):
    number: _Number
    title: _Text = ""
    html_url: _Text = ""
    merged: bool | None = None
    merged_at: _Text | None = None
    merge_commit_sha: _Sha | None = None
    user: _Account | None = None
    merged_by: _Account | None = None
    labels: list[_Label] = []
    base: _Branch
    head: _Branch


class _PullRequestEvent(_Payload):
    action: _Text
    pull_request: _PullRequest
    repository: _Repository
    changes: dict[str, object] = {}


class _WorkflowRun(_Payload):
    id: _Number
    head_sha: _Sha | None = None
    conclusion: _Text | None = None


class _WorkflowEvent(_Payload):
    action: _Text
    repository: _Repository
    workflow_run: _WorkflowRun | None = None


class _Ping(_Payload):
    repository: _Repository | None = None
    zen: _Text | None = None


_Model = TypeVar("_Model", bound=_Payload)


def _read(model: type[_Model], payload: Mapping[str, object]) -> _Model:
    try:
        return model.model_validate(dict(payload))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise _invalid(
            ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
        ) from None


def _invalid(path: str, why: str) -> DeliveryError:
    return DeliveryError(
        f"The payload's `{path}` cannot be read: {why}",
        status=400,
        code="payload-invalid",
        hint="look at the payload in the webhook's recent deliveries on GitHub",
    )


# --- events ------------------------------------------------------------------------------------


def _push(push: _Push) -> Push | Ignored:
    if push.ref.startswith(_TAGS):
        return Ignored("tag")
    if not push.ref.startswith(_BRANCHES) or push.ref == _BRANCHES:
        return Ignored("not a branch")
    if push.deleted or push.after == _NO_COMMIT:
        return Ignored("branch deleted")
    if push.repository.fork:
        return Ignored("fork")
    head = push.head_commit or _HeadCommit(id=push.after)
    covered = dict.fromkeys([*(commit.id for commit in push.commits if commit.id != push.after), push.after])
    return Push(
        repository=Repository(push.repository.full_name),
        branch=push.ref.removeprefix(_BRANCHES),
        before=None if push.before == _NO_COMMIT else Sha(push.before),
        after=Sha(push.after),
        commits=tuple(Sha(commit) for commit in covered),
        created=push.created or push.before == _NO_COMMIT,
        forced=push.forced,
        pusher=push.pusher.name or "",
        sender=_login(push.sender),
        subject=head.message.strip().partition("\n")[0].strip(),
        author=head.author.name or "",
        author_email=head.author.email or "",
        default_branch=push.repository.default_branch,
        promotions=frozenset(Sha(one.id) for one in (*push.commits, head) if _is_promotion(one.message)),
        repository_id=_id(push.repository),
        touched=frozenset(path for one in (*push.commits, head) for path in (*one.added, *one.modified, *one.removed)),
    )


def _is_promotion(message: str) -> bool:
    return trailers.RUN in message and trailers.value_of(trailers.parse(message), trailers.RUN) is not None


def _pull_request(event: _PullRequestEvent) -> PullRequestMerged | Hint | Ignored:
    pull, repository = event.pull_request, Repository(event.repository.full_name)
    merged = bool(pull.merged or pull.merged_at)
    head_repository = Repository(pull.head.repo.full_name) if pull.head.repo else None
    ours = pull.head.ref.startswith(PROMOTION_BRANCHES) and head_repository == repository
    if event.action != "closed" and not (ours and _moves_a_run(event)):
        return Ignored("pull request not closed")
    if event.repository.fork:
        return Ignored("fork")
    merge = _merge(event, head_repository) if merged and event.action == "closed" else None
    if ours:
        return Hint(
            repository,
            pull.number,
            head_branch=pull.head.ref,
            base_branch=pull.base.ref,
            merged=merged,
            merge=merge,
            repository_id=_id(event.repository),
        )
    return merge or Ignored("pull request closed without a merge")


def _merge(event: _PullRequestEvent, head_repository: Repository | None) -> PullRequestMerged:
    pull = event.pull_request
    sha = pull.merge_commit_sha
    if sha is None or sha == _NO_COMMIT:
        raise _invalid("pull_request.merge_commit_sha", "it is missing, although the pull request is merged")
    return PullRequestMerged(
        repository=Repository(event.repository.full_name),
        branch=pull.base.ref,
        base_sha=Sha(pull.base.sha),
        merge_commit=Sha(sha),
        number=pull.number,
        title=pull.title,
        author=_login(pull.user),
        labels=tuple(label.name for label in pull.labels),
        url=pull.html_url,
        head_branch=pull.head.ref,
        head_repository=head_repository,
        merged_by=_login(pull.merged_by),
        default_branch=event.repository.default_branch,
        repository_id=_id(event.repository),
    )


def _moves_a_run(event: _PullRequestEvent) -> bool:
    """Tell whether a promotion's pull request was reopened or given another base."""
    return event.action == "reopened" or (event.action == "edited" and "base" in event.changes)


def _workflow(event: str, told: _WorkflowEvent) -> BuildHint | Ignored:
    """A run or job that begins or ends, or all checks of a commit that end, whoever makes them.

    A job that is only queued says nothing that its run does not.
    """
    ended = told.action == "completed"
    if told.action in {"queued", "waiting"} or (event == "check_suite" and not ended):
        return Ignored(f"{event} {told.action}")
    builder = "" if event == "check_suite" else GITHUB_ACTIONS
    hint = BuildHint(Repository(told.repository.full_name), builder, ended, _id(told.repository))
    run = told.workflow_run
    if run is None or event != "workflow_run":
        return hint
    return replace(
        hint,
        build=f"{hint.repository}/actions/runs/{run.id}",
        commit=run.head_sha or "",
        went_well=ended and run.conclusion == "success",
    )


def _id(repository: _Repository) -> str:
    return str(repository.id or "")


def _login(account: _Account | None) -> str:
    return (account.login or "") if account else ""
