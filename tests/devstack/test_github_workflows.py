"""GitHub Actions on the double: what it starts and refuses, and how its runs look in answers and events."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from devstack.github.runner import Runner, Script
from devstack.github.workflow_records import WorkflowRun
from devstack.stack import GITHUB_TOKEN, Devstack
from tests.devstack.test_github_hooks import Receiver, _wrong, receiver

__all__ = ["receiver"]

REPOSITORY = "acme/checkout"
PATH = ".github/workflows/build-image.yml"
WORKFLOW = """\
name: Build image
run-name: Build ${{ inputs.tag }} (${{ inputs.correlation }})
on:
  workflow_dispatch:
    inputs:
      image: {required: true}
      tag: {required: true}
      commit: {required: true}
      correlation: {required: true}
      flavour: {type: choice, options: [sweet, sour], default: sweet}
  push: {branches: [develop], paths: ["src/**"]}
jobs:
  build: {runs-on: ubuntu-latest, steps: []}
"""
INPUTS = {"image": "r.test/checkout", "tag": "one", "commit": "c", "correlation": "01J"}
Pushed = list[tuple[str, str, str]]


@pytest.fixture
def pushed() -> Pushed:
    return []


@pytest.fixture
def runner(stack: Devstack, receiver: Receiver, pushed: Pushed) -> Runner:
    stack.github.push(REPOSITORY, "main", {PATH: WORKFLOW})
    stack.github.force_push(REPOSITORY, "develop", stack.github.repository(REPOSITORY).bare.tip("main"))
    stack.github.add_hook(REPOSITORY, receiver.url, None, ["workflow_run", "workflow_job"])
    return Runner(stack.github, lambda *one: pushed.append(one))


def ask(stack: Devstack, method: str, path: str, body: dict[str, Any] | None = None, **more: Any) -> requests.Response:
    return requests.request(
        method, f"{stack.github.api_url}/repos/{REPOSITORY}/actions/{path}", json=body, timeout=5,
        headers={"Authorization": f"Bearer {GITHUB_TOKEN}"}, allow_redirects=False, **more,
    )  # fmt: skip


def dispatch(stack: Devstack, **changed: Any) -> requests.Response:
    body = {"ref": "develop", "inputs": INPUTS, "return_run_details": True} | changed
    return ask(stack, "POST", "workflows/build-image.yml/dispatches", body)


def only(stack: Devstack) -> WorkflowRun:
    (found,) = stack.github.repository(REPOSITORY).workflow_runs.values()
    return found


def test_dispatch_answers_with_its_run_which_carries_the_correlation_in_its_name(
    stack: Devstack, runner: Runner
) -> None:
    answer = dispatch(stack)
    run = ask(stack, "GET", f"runs/{answer.json()['workflow_run_id']}").json()
    assert (answer.status_code, run["display_title"], run["head_branch"]) == (200, "Build one (01J)", "develop")
    assert runner.waiting(REPOSITORY) == [only(stack)]


def test_older_server_takes_a_dispatch_and_tells_no_run(stack: Devstack, runner: Runner) -> None:
    stack.github.actions.workflows.mode.answers = "nothing"
    assert (dispatch(stack).status_code, len(runner.waiting(REPOSITORY))) == (204, 1)


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"ref": "nowhere"}, 422, "No ref found for: nowhere"),
        ({"ref": "c" * 40}, 422, "No ref found for: " + "c" * 40),
        ({"inputs": {**INPUTS, "salt": "1"}}, 422, 'Unexpected inputs provided: ["salt"]'),
        ({"inputs": {**INPUTS, "tag": ""}}, 422, "Required input 'tag' not provided"),
        ({"inputs": {**INPUTS, "flavour": "hot"}}, 422, "not in the list of allowed values"),
    ],
)
def test_dispatch_that_cannot_be_is_refused_as_github_does(
    stack: Devstack, runner: Runner, changed: dict[str, Any], status: int, words: str
) -> None:
    answer = dispatch(stack, **changed)
    assert (answer.status_code, words in answer.json()["message"]) == (status, True)
    assert runner.waiting(REPOSITORY) == []


def test_workflow_that_is_disabled_missing_or_has_no_trigger_is_not_dispatched(stack: Devstack, runner: Runner) -> None:
    (workflow,) = stack.github.actions.workflows.known(stack.github.repository(REPOSITORY))
    workflow.state = "disabled_manually"
    assert "disabled workflow" in dispatch(stack).json()["message"]
    workflow.state = "active"
    stack.github.push(REPOSITORY, "develop", {PATH: "on: push\njobs: {}\n"})
    assert "does not have 'workflow_dispatch' trigger" in dispatch(stack).json()["message"]
    assert ask(stack, "POST", "workflows/other.yml/dispatches", {"ref": "main"}).status_code == 404
    assert runner.waiting(REPOSITORY) == []


def test_lists_have_the_wanted_runs_newest_first(stack: Devstack, runner: Runner) -> None:
    first, second = (dispatch(stack).json()["workflow_run_id"] for _ in range(2))
    runner.play(REPOSITORY)

    def listed(**parameters: str) -> list[int]:
        return [one["id"] for one in ask(stack, "GET", "runs", params=parameters).json()["workflow_runs"]]

    assert listed(event="workflow_dispatch", branch="develop", created=">=2026-01-01T00:00:00Z") == [second, first]
    assert listed(per_page="1") == [second]
    assert [listed(event="push"), listed(branch="main"), listed(created=">=2999-01-01T00:00:00Z")] == [[], [], []]


def test_failed_build_tells_its_step_and_pushes_nothing(stack: Devstack, runner: Runner, pushed: Pushed) -> None:
    run = dispatch(stack).json()["workflow_run_id"]
    runner.play(REPOSITORY, Script(fails_at="Build and push"))
    (job,) = ask(stack, "GET", f"runs/{run}/jobs").json()["jobs"]
    steps = {one["name"]: one["conclusion"] for one in job["steps"]}
    assert (job["conclusion"], steps["Build and push"], steps["Complete job"]) == ("failure", "failure", "skipped")
    assert pushed == []


def test_log_lies_at_another_address_which_refuses_our_token(stack: Devstack, runner: Runner) -> None:
    dispatch(stack)
    runner.play(REPOSITORY, Script(log="step by step\n"))
    (job,) = only(stack).jobs
    answer = ask(stack, "GET", f"jobs/{job.id}/logs")
    there = answer.headers["Location"]
    assert (answer.status_code, there.startswith(stack.github.url)) == (302, False)
    assert requests.get(there, timeout=5).text == "step by step\n"
    assert requests.get(there, timeout=5, headers={"Authorization": "Bearer x"}).status_code == 400


def test_run_is_cancelled_once_and_can_be_run_again_under_its_id(stack: Devstack, runner: Runner) -> None:
    run = dispatch(stack).json()["workflow_run_id"]
    assert [ask(stack, "POST", f"runs/{run}/cancel").status_code for _ in range(2)] == [202, 409]
    assert ask(stack, "POST", f"runs/{run}/rerun").status_code == 201
    again = ask(stack, "GET", f"runs/{run}").json()
    assert (again["status"], again["run_attempt"], again["conclusion"]) == ("queued", 2, None)
    assert runner.waiting(REPOSITORY) == [only(stack)]


def test_token_without_the_permission_dispatches_nothing(stack: Devstack, runner: Runner) -> None:
    stack.github.state.tokens[GITHUB_TOKEN].permissions = {"metadata": "read", "actions": "read"}
    answer = dispatch(stack)
    assert (answer.status_code, runner.waiting(REPOSITORY)) == (403, [])


def test_every_event_of_a_runs_life_has_githubs_shape(stack: Devstack, runner: Runner, receiver: Receiver) -> None:
    dispatch(stack)
    runner.play(REPOSITORY)
    stack.github.actions.workflows.rerun(stack.github.repository(REPOSITORY), only(stack), stack.github.state.user("d"))
    runner.play(REPOSITORY, Script(fails_at="Check out"))
    stack.github.wait_delivered()
    seen = [(event, one) for event, one in receiver.events() if event.startswith("workflow")]
    assert {(event, one["action"]) for event, one in seen} == {
        *(("workflow_run", action) for action in ("requested", "in_progress", "completed")),
        *(("workflow_job", action) for action in ("queued", "in_progress", "completed")),
    }
    assert [(event, wrong) for event, payload in seen for wrong in _wrong(event, payload)] == []
