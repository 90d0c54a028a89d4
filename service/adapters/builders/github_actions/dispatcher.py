"""Dispatches a workflow: with the inputs that it takes, and in words where GitHub refuses.

The builder calls it. It remembers what a server and a workflow do not take, and asks for each dispatch once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from service.adapters.builders.github_actions.refused import Attempt, no_room, not_started, why
from service.adapters.builders.github_actions.run_shapes import Dispatched
from service.adapters.github_api.connection import Connection
from service.adapters.github_api.failures import REFUSED, NotFoundAnswerError, UnprocessableAnswerError
from service.errors import DoubtfulError, LimitedError, MergeportError, NotStartedError, PermanentError, RetryableError

_WRITE = "actions: write"
_DETAILS = "return_run_details"


class Dispatcher:
    """Dispatches over one connection. May be used from several threads."""

    def __init__(self, connection: Connection) -> None:
        """Keep the connection; nothing is asked yet."""
        self._connection = connection
        self._tells_runs = True
        self._refused: set[tuple[str, str]] = set()

    def dispatch(self, attempt: Attempt, optional: Mapping[str, str]) -> int | None:
        """Start the workflow and give its run; None from an older server. Raises what the builder's `start` raises."""
        try:
            return self._with_optional(attempt, optional)
        except (NotFoundAnswerError, UnprocessableAnswerError) as error:
            raise self._surely(attempt, error) from error
        except PermanentError as error:
            raise (self._surely(attempt, error) if error.code == REFUSED else error) from error
        except LimitedError as error:
            raise no_room(error) from error
        except DoubtfulError as error:  # GitHub itself said no; of a lost answer it is not known whether a run began
            raise not_started(error) from error

    def _with_optional(self, attempt: Attempt, optional: Mapping[str, str]) -> int | None:
        """Send optional inputs along, until a workflow refuses one because it does not know it."""
        workflow = f"{attempt.repository.key}/{attempt.workflow}@{attempt.ref}"
        sent = {name: text for name, text in optional.items() if (workflow, name) not in self._refused}
        sent = {name: text for name, text in sent.items() if name not in attempt.inputs}
        if not sent:
            return self._dispatched(attempt)
        try:
            return self._dispatched(replace(attempt, inputs={**attempt.inputs, **sent}))
        except UnprocessableAnswerError as error:
            refused = [name for name in sent if f'"{name}"' in error.message]
            if not refused:
                raise
            self._refused |= {(workflow, name) for name in refused}
        return self._with_optional(attempt, sent)

    def _dispatched(self, attempt: Attempt) -> int | None:
        """Ask for the run's id along with it, until a server refuses the question as one that it does not know."""
        if self._tells_runs:
            try:
                return self._dispatch(attempt, {_DETAILS: True})
            except UnprocessableAnswerError as error:
                if _DETAILS not in error.message:
                    raise
                self._tells_runs = False
        return self._dispatch(attempt, {})

    def _dispatch(self, attempt: Attempt, more: Mapping[str, object]) -> int | None:
        """https://docs.github.com/en/rest/actions/workflows#create-a-workflow-dispatch-event."""
        answer = self._connection.send(
            Dispatched,
            "POST",
            f"/repos/{attempt.repository}/actions/workflows/{quote(attempt.workflow)}/dispatches",
            {"ref": attempt.ref, "inputs": attempt.inputs, **more},
            doing=f"start the workflow `{attempt.workflow}`",
            repository=attempt.repository,
            permission=_WRITE,
        ).root
        return answer.workflow_run_id if answer else None

    def _surely(self, attempt: Attempt, error: MergeportError) -> MergeportError:
        """Give the reason of a refusal; where looking for it fails, the start was refused all the same."""
        try:
            found = why(self._connection, attempt, error)
        except LimitedError as beside:
            return no_room(beside)
        except RetryableError as beside:
            return not_started(beside)
        if found is error:  # nothing is wrong there, as far as it shows: the refusal is believed when it lasts
            return NotStartedError(error.message, code=error.code, hint=error.hint)
        return not_started(found) if isinstance(found, RetryableError) else found
