"""GitHub's webhook payloads as the few neutral events that matter here. Pure; the source calls `parse_event`.

Only the fields that are read are validated, so GitHub may add and change the rest at will. What the request
alone proves needless comes out as `Ignored` with its reason; whether a repository or branch is configured is
routing's to say. Payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import ValidationError

from service.adapters.sources.github.payload_models import (
    Account,
    CommentEvent,
    GateEvent,
    HeadCommit,
    MergeGroupEvent,
    Payload,
    PingEvent,
    PullRequestEvent,
    PushEvent,
    TheRepository,
    WorkflowEvent,
)
from service.core import trailers
from service.core.changes import (
    PROMOTION_BRANCHES,
    BuildHint,
    Commented,
    Event,
    GateHint,
    Hint,
    Ignored,
    Ping,
    PullRequestMerged,
    Push,
)
from service.core.comments import command_lines
from service.core.words import Repository, Sha
from service.errors import DeliveryError

_BRANCHES = "refs/heads/"
_TAGS = "refs/tags/"
_NO_COMMIT = "0" * 40
_OURS = "mergeport/"
_QUEUE = re.compile(r"/pr-([1-9][0-9]{0,17})-[0-9a-f]{40}$")
GITHUB_ACTIONS = "github-actions"
"""The builder whose builds GitHub tells of."""


def parse_event(event: str, payload: Mapping[str, object]) -> Event:
    """Read a payload; raise DeliveryError 400 that names the field if it has another shape."""
    match event:
        case "push":
            return _push(_read(PushEvent, payload))
        case "pull_request":
            return _pull_request(_read(PullRequestEvent, payload))
        case "workflow_run" | "workflow_job" | "check_suite":
            return _workflow(event, _read(WorkflowEvent, payload))
        case "status" | "check_run" | "pull_request_review":
            return _of_gates(event, _read(GateEvent, payload))
        case "issue_comment":
            return _comment(_read(CommentEvent, payload))
        case "merge_group":
            return _merge_group(_read(MergeGroupEvent, payload))
        case "ping":
            read = _read(PingEvent, payload)
            return Ping(read.repository.full_name if read.repository else "", words=read.zen or "")
        case _:
            return Ignored(f"event `{event}` is not read")


_Model = TypeVar("_Model", bound=Payload)


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


def _push(push: PushEvent) -> Push | Ignored:
    if push.ref.startswith(_TAGS):
        return Ignored("tag")
    if not push.ref.startswith(_BRANCHES) or push.ref == _BRANCHES:
        return Ignored("not a branch")
    if push.deleted or push.after == _NO_COMMIT:
        return Ignored("branch deleted")
    if push.repository.fork:
        return Ignored("fork")
    head = push.head_commit or HeadCommit(id=push.after)
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


def _pull_request(event: PullRequestEvent) -> PullRequestMerged | Hint | GateHint | Ignored:
    pull, repository = event.pull_request, Repository(event.repository.full_name)
    merged = bool(pull.merged or pull.merged_at)
    head_repository = Repository(pull.head.repo.full_name) if pull.head.repo else None
    ours = pull.head.ref.startswith(PROMOTION_BRANCHES) and head_repository == repository
    if ours and event.action == "synchronize":
        return GateHint(repository, number=pull.number, repository_id=_id(event.repository))
    if event.action in {"labeled", "unlabeled"} and merged and not ours and not event.repository.fork:
        return GateHint(repository, number=pull.number, repository_id=_id(event.repository))
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


def _merge(event: PullRequestEvent, head_repository: Repository | None) -> PullRequestMerged:
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


def _moves_a_run(event: PullRequestEvent) -> bool:
    """Tell whether a promotion's pull request was reopened or given another base."""
    return event.action == "reopened" or (event.action == "edited" and "base" in event.changes)


def _workflow(event: str, told: WorkflowEvent) -> BuildHint | Ignored:
    """A run or job that begins or ends, or all checks of a commit that end, whoever makes them.

    A job that is only queued says nothing that its run does not.
    """
    ended = told.action == "completed"
    if told.action in {"queued", "waiting"} or (event == "check_suite" and not ended):
        return Ignored(f"{event} {told.action}")
    builder = "" if event == "check_suite" else GITHUB_ACTIONS
    hint = BuildHint(Repository(told.repository.full_name), builder, ended, _id(told.repository))
    if told.check_suite is not None:
        hint = replace(hint, commit=told.check_suite.head_sha or "")
    run = told.workflow_run
    if run is None or event != "workflow_run":
        return hint
    return replace(
        hint,
        build=f"{hint.repository}/actions/runs/{run.id}",
        commit=run.head_sha or "",
        went_well=ended and run.conclusion == "success",
    )


def _of_gates(event: str, told: GateEvent) -> GateHint | Ignored:
    """A status or check of a commit, or a review of a pull request. Our own statuses are no news."""
    if event == "status" and told.context.startswith(_OURS):
        return Ignored("a status of Mergeport's own")
    commit = told.sha or (told.check_run.head_sha if told.check_run else None)
    number = told.pull_request.number if told.pull_request else 0
    name, forge_id = Repository(told.repository.full_name), _id(told.repository)
    return GateHint(name, Sha(commit) if commit else None, number, repository_id=forge_id)


def _comment(told: CommentEvent) -> Commented | Ignored:
    """A comment that a person has just written on a pull request, if it has a command.

    An edited one is none: nobody could tell what it said when its command was obeyed.
    """
    comment, writer = told.comment, told.comment.user
    if told.action != "created":
        return Ignored(f"comment {told.action}")
    if told.issue.pull_request is None:
        return Ignored("a comment on an issue")
    if writer is None or writer.type != "User":
        return Ignored("a comment of a program")
    if told.repository.fork:
        return Ignored("fork")
    body = (comment.body or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not command_lines(body):
        return Ignored("a comment without a command")
    return Commented(
        repository=Repository(told.repository.full_name),
        number=told.issue.number,
        comment=str(comment.id),
        author=writer.login,
        body=body,
        at=comment.created_at,
        repository_id=_id(told.repository),
    )


def _merge_group(told: MergeGroupEvent) -> GateHint | Ignored:
    """A merge queue asks for the checks of its trial merge, whose branch names the pull request that came last."""
    found = _QUEUE.search(told.merge_group.head_ref)
    if told.action != "checks_requested" or found is None:
        return Ignored(f"merge_group {told.action}")
    return GateHint(
        Repository(told.repository.full_name),
        number=int(found[1]),
        queued=Sha(told.merge_group.head_sha),
        repository_id=_id(told.repository),
    )


def _id(repository: TheRepository) -> str:
    return str(repository.id or "")


def _login(account: Account | None) -> str:
    return (account.login or "") if account else ""
