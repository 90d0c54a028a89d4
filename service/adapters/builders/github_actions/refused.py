"""Finds out why GitHub refused a dispatch, by looking at the workflow that was to be started.

The builder calls it after a 404 or a 422. GitHub's answer says what it did not like; what is there says what to do.
https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from service.adapters.builders.github_actions.run_shapes import Nothing, Workflow
from service.adapters.github_api.connection import Connection
from service.adapters.github_api.failures import NotFoundAnswerError, UnprocessableReadError
from service.core.words import Repository
from service.errors import BusyError, LimitedError, MergeportError, NotStartedError, PermanentError, RetryableError

FOLDER = ".github/workflows"
LARGEST = 512 * 1024
"""Of a workflow file; GitHub takes no larger ones."""


class _File(BaseModel):
    type: str = ""
    size: int = 0
    content: str = ""


class _Commit(BaseModel):
    sha: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A dispatch that was refused."""

    repository: Repository
    workflow: str
    ref: str
    inputs: Mapping[str, str]

    @property
    def place(self) -> str:
        """The file and where it was to be, for people."""
        return f"{FOLDER}/{self.workflow} of {self.repository} on {self.ref}"


def why(connection: Connection, attempt: Attempt, error: MergeportError) -> MergeportError:
    """Give the error that says what is wrong there; GitHub's own where nothing is found.

    Raises what keeps it from looking: a repository that is out of sight, a limit.
    """
    if not _exists(connection, attempt):
        return PermanentError(
            f"{attempt.repository} has no branch or tag {attempt.ref}, whose workflow was to build",
            code="workflow-ref-missing",
            hint="push the branch again, or name another one as `build.ref`",
            repository=attempt.repository,
        )
    text = _file(connection, attempt)
    if text is None:
        return PermanentError(
            f"there is no {attempt.place}",
            code="workflow-missing",
            hint="add the workflow to that branch, or name its file as `build.workflow`",
            repository=attempt.repository,
        )
    state = _state(connection, attempt)
    if state is None:
        return NotStartedError(
            f"GitHub does not know {attempt.place} as a workflow yet",
            code="workflow-unknown",
            hint="it has to be on the default branch, or to have run once",
            repository=attempt.repository,
        )
    if state != "active":
        return PermanentError(
            f"{FOLDER}/{attempt.workflow} of {attempt.repository} is disabled ({state.replace('_', ' ')})",
            code="workflow-disabled",
            hint="enable it on the repository's page Actions, then `mergeport runs retry`",
            repository=attempt.repository,
        )
    return _by_file(attempt, text) or error


def _by_file(attempt: Attempt, text: bytes) -> PermanentError | None:
    """Hold what was sent against what the file takes."""
    takes = taken_inputs(text)
    if takes is None:
        return PermanentError(
            f"{attempt.place} has no trigger `workflow_dispatch`",
            code="workflow-not-dispatchable",
            hint="add `workflow_dispatch` with its inputs to `on`",
            repository=attempt.repository,
        )
    lacks = [name for name in attempt.inputs if name not in takes]
    if lacks:
        return PermanentError(
            f"{attempt.place} takes no input {_listed(lacks)}",
            code="workflow-input-missing",
            hint=f"add {_listed(lacks)} to `on.workflow_dispatch.inputs` there",
            repository=attempt.repository,
        )
    wants = [name for name, one in takes.items() if _is_wanted(one) and not attempt.inputs.get(name)]
    if wants:
        return PermanentError(
            f"{attempt.place} requires the input {_listed(wants)}, which is not sent",
            code="workflow-input-required",
            hint=f"give {_listed(wants)} in `build.inputs`, or a default there",
            repository=attempt.repository,
        )
    return None


def taken_inputs(text: bytes) -> Mapping[str, Any] | None:
    """Give the inputs that a workflow file takes when it is dispatched; None where it cannot be."""
    try:
        document = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError):
        return {}
    on = document.get("on") if isinstance(document, dict) else None
    match on:
        case "workflow_dispatch":
            return {}
        case list():
            return {} if "workflow_dispatch" in on else None
        case dict() if "workflow_dispatch" in on:
            dispatch = on["workflow_dispatch"]
            inputs = dispatch.get("inputs") if isinstance(dispatch, dict) else None
            return inputs if isinstance(inputs, dict) else {}
        case _:
            return None


def _is_wanted(one: object) -> bool:
    return isinstance(one, dict) and one.get("required") is True and one.get("default") in {None, ""}


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _exists(connection: Connection, attempt: Attempt) -> bool:
    """Tell whether there is such a branch or tag, once it is sure that the repository is there."""
    repository = attempt.repository
    connection.get(
        Nothing, f"/repos/{repository}", doing="read the repository", repository=repository,
        permission="metadata: read",
    )  # fmt: skip
    try:
        connection.get(
            _Commit, f"/repos/{repository}/commits/{quote(attempt.ref)}", doing=f"read `{attempt.ref}`",
            repository=repository, permission="contents: read",
        )  # fmt: skip
    except (NotFoundAnswerError, UnprocessableReadError):
        return False
    return True


def _file(connection: Connection, attempt: Attempt) -> bytes | None:
    try:
        found = connection.get(
            _File, f"/repos/{attempt.repository}/contents/{FOLDER}/{quote(attempt.workflow)}",
            parameters={"ref": attempt.ref}, doing=f"read the workflow `{attempt.workflow}`",
            repository=attempt.repository, permission="contents: read",
        )  # fmt: skip
    except NotFoundAnswerError:
        return None
    if found.type != "file" or found.size > LARGEST:
        return None
    try:
        return base64.b64decode(found.content)
    except binascii.Error:
        return None


def _state(connection: Connection, attempt: Attempt) -> str | None:
    try:
        return connection.get(
            Workflow, f"/repos/{attempt.repository}/actions/workflows/{quote(attempt.workflow)}",
            doing=f"read the workflow `{attempt.workflow}`", repository=attempt.repository, permission="actions: read",
        ).state  # fmt: skip
    except NotFoundAnswerError:
        return None


def no_room(error: LimitedError) -> BusyError:
    """Give the error of a start that waits for GitHub's limit, for as long as it is wanted."""
    return BusyError(error.message, code=error.code, hint=error.hint, retry_after=error.retry_after)


def not_started(error: RetryableError) -> NotStartedError:
    """Give the error of a start that GitHub refused for now."""
    return NotStartedError(error.message, code=error.code, hint=error.hint, retry_after=error.retry_after)
