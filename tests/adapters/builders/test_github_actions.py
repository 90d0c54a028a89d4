"""The builder github-actions on GitHub's double: one dispatch, one list for all, and words for what goes wrong."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from devstack.github.limits import Mode
from devstack.github.runner import Script
from devstack.github.state import Repository as DoubleRepository
from service.adapters.builders.github_actions.logs import LogHosts
from service.adapters.github_api.tokens import AppLogin
from service.core.images import REVISION_LABEL, TREE_LABEL
from service.errors import BusyError, DoubtfulError, MergeportError, NotStartedError, PermanentError, RetryableError
from service.ports import Progress
from service.store.ids import new_id
from tests.contract.registries import raw_server
from tests.fixtures.github_openapi import GitHubDescription
from tests.fixtures.tools import ROOT
from tests.fixtures.workflows import PATH, SOURCE, TOKEN, WORKFLOW, Actions, actions_at

OTHER = "acme/payments"


@pytest.fixture
def actions(tmp_path: Path, github_description: GitHubDescription) -> Iterator[Actions]:
    with actions_at(tmp_path, github_description) as made:
        yield made


@pytest.fixture(scope="module")
def app_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def start(actions: Actions, **options: object) -> str:
    correlation = new_id()
    found = actions.builder.start(actions.request(correlation, **options), correlation)
    assert found is not None
    return found


def refused(actions: Actions, kind: type[MergeportError] = PermanentError, **options: object) -> MergeportError:
    """Give the error of a start, after which no run may be there."""
    with pytest.raises(kind) as caught:
        start(actions, **options)
    assert actions.runs == []
    return caught.value


def repository(actions: Actions) -> DoubleRepository:
    return actions.github.repository(SOURCE)


def words(actions: Actions, external_id: str) -> tuple[Progress, str]:
    standing = actions.builder.states([external_id])[external_id]
    return standing.progress, standing.words


def whole_log(actions: Actions, external_id: str) -> str:
    text = after = ""
    while (piece := actions.builder.log(external_id, after)).text:
        text, after = text + piece.text, piece.after
    return text


# --- start ---------------------------------------------------------------------------------------


def test_run_is_named_by_its_page_and_has_what_is_to_be_built(actions: Actions) -> None:
    correlation = new_id()
    request = actions.request(correlation)
    external_id = actions.builder.start(request, correlation)
    (run,) = actions.runs
    assert external_id == f"{SOURCE}/actions/runs/{run.id}"
    assert (run.head_branch, run.inputs["commit"], run.inputs["correlation"]) == (
        "develop", request.commit, correlation,
    )  # fmt: skip
    assert (run.inputs["image"], run.inputs["tag"]) == ("registry.test/checkout", request.commit[:12])


def test_what_the_options_do_not_say_is_left_to_the_workflow(actions: Actions) -> None:
    start(actions)
    sent = json.loads(actions.github.faults.requests("POST", "dispatches$")[0].body)["inputs"]
    assert sent.keys() == {"image", "tag", "commit", "correlation"}
    (run,) = actions.runs
    assert (run.inputs["context"], run.inputs["dockerfile"]) == (".", "Dockerfile")


def test_every_option_is_sent_as_text(actions: Actions) -> None:
    actions.github.push(SOURCE, "develop", {PATH: WORKFLOW.replace("target:", "flavour: {}\n      target:")})
    start(
        actions, context="web", dockerfile="web.Dockerfile", args={"A": "1", "B": "x=y"}, target="app",
        platforms=("linux/amd64", "linux/arm64"), inputs={"flavour": "sour"},
    )  # fmt: skip
    (run,) = actions.runs
    wanted = {
        "context": "web", "dockerfile": "web.Dockerfile", "args": "A=1\nB=x=y", "target": "app",
        "platforms": "linux/amd64,linux/arm64", "flavour": "sour",
    }  # fmt: skip
    assert {name: run.inputs[name] for name in wanted} == wanted


def test_a_template_is_sent_as_the_text_of_its_dockerfile(actions: Actions) -> None:
    app = {"web/app.py": "from fastapi import FastAPI\napp = FastAPI()\n", "web/requirements.txt": "fastapi\n"}
    actions.github.push(SOURCE, "develop", app)
    start(actions, context="web", template="python-web", **{"with": {"port": 9000}})
    (run,) = actions.runs
    assert run.inputs["context"] == "web"
    assert run.inputs["dockerfile"].startswith("# Written by Mergeport from the template python-web;")
    assert "EXPOSE 9000\n" in run.inputs["dockerfile"]


def test_a_project_that_is_not_clear_starts_nothing(actions: Actions) -> None:
    with pytest.raises(PermanentError, match=r"requirements\.txt") as caught:
        start(actions, template="python-web")
    assert (caught.value.code, actions.runs) == ("project-file-missing", [])


def test_the_workflow_that_people_copy_takes_everything_that_is_sent(actions: Actions) -> None:
    copied = (ROOT / "docs" / "workflows" / "build-image-dispatch.yml").read_text()
    actions.github.push(SOURCE, "develop", {PATH: copied})
    start(
        actions, context="web", dockerfile="web.Dockerfile", args={"A": "1"}, target="app", platforms=("linux/amd64",)
    )
    (run,) = actions.runs
    assert run.inputs["args"] == "A=1"
    assert run.inputs["correlation"] in run.title


def test_workflow_of_another_ref_builds_the_commit_of_the_branch(actions: Actions) -> None:
    start(actions, ref="main")
    (run,) = actions.runs
    assert (run.head_branch, run.inputs["commit"]) == ("main", repository(actions).bare.tip("develop"))


def test_server_that_does_not_know_the_question_for_the_id_is_asked_without_it(actions: Actions) -> None:
    actions.workflows.mode.answers = "unknown-key"
    for _ in range(2):
        correlation = new_id()
        request = actions.request(correlation)
        assert actions.builder.start(request, correlation) is None
        assert actions.builder.find(request, correlation) is not None
    assert (len(actions.runs), actions.asked("POST", "dispatches")) == (2, 3)


# --- what is refused -----------------------------------------------------------------------------


def test_workflow_that_is_not_on_the_branch_is_named(actions: Actions) -> None:
    actions.github.push(SOURCE, "develop", {PATH: None})
    error = refused(actions)
    assert (error.code, PATH in error.message, "develop" in error.message) == ("workflow-missing", True, True)


def test_workflow_that_is_nowhere_is_named(actions: Actions) -> None:
    error = refused(actions, workflow="images.yaml")
    assert (error.code, "images.yaml" in error.message) == ("workflow-missing", True)


def test_workflow_that_is_not_on_the_default_branch_yet_is_asked_for_again(actions: Actions) -> None:
    actions.github.push(SOURCE, "develop", {".github/workflows/new.yml": WORKFLOW})
    error = refused(actions, NotStartedError, workflow="new.yml")
    assert (error.code, "default branch" in error.hint) == ("workflow-unknown", True)


def test_branch_that_is_gone_is_named(actions: Actions) -> None:
    error = refused(actions, ref="release/9")
    assert (error.code, "release/9" in error.message) == ("workflow-ref-missing", True)


@pytest.mark.parametrize("name", ["correlation", "commit"])
def test_input_that_the_workflow_lacks_is_named(actions: Actions, name: str) -> None:
    without = "\n".join(line for line in WORKFLOW.splitlines() if not line.startswith(f"      {name}:"))
    actions.github.push(SOURCE, "develop", {PATH: without})
    error = refused(actions)
    assert (error.code, f"`{name}`" in error.message) == ("workflow-input-missing", True)


def test_workflow_that_takes_labels_gets_the_source_tree(actions: Actions) -> None:
    request = replace(actions.request(), labels={TREE_LABEL: "a" * 64, REVISION_LABEL: "not sent"})
    run = actions.run(actions.builder.start(request, new_id()) or "")
    assert run.inputs["labels"] == f"{TREE_LABEL}={'a' * 64}"


def test_workflow_that_takes_no_labels_is_started_without_and_asked_once(actions: Actions) -> None:
    text = WORKFLOW.replace('      labels: {default: ""}\n', "")
    actions.github.repository(SOURCE).bare.commit_files("develop", {PATH: text}, "Take no labels")
    request = replace(actions.request(), labels={TREE_LABEL: "a" * 64})
    for name in (new_id(), new_id()):
        assert "labels" not in actions.run(actions.builder.start(request, name) or "").inputs
    assert (len(actions.runs), actions.asked("POST", "/dispatches")) == (2, 3)


TAKES_REBUILD = WORKFLOW.replace('      labels: {default: ""}\n', '      labels: {default: ""}\n      rebuild: {}\n')


def test_build_anew_is_refused_by_a_workflow_that_takes_no_such_input(actions: Actions) -> None:
    """It would take the image that is there, and that would be called a rebuild."""
    request = replace(actions.request(), fresh=True, anew=True, labels={TREE_LABEL: "a" * 64})
    with pytest.raises(PermanentError) as caught:
        actions.builder.start(request, new_id())
    assert (caught.value.code, "`rebuild`" in caught.value.message) == ("workflow-input-missing", True)
    assert actions.runs == []


@pytest.mark.parametrize("anew", [True, False])
def test_workflow_that_can_build_anew_is_told_to(actions: Actions, anew: bool) -> None:
    actions.github.push(SOURCE, "develop", {PATH: TAKES_REBUILD})
    request = replace(actions.request(), fresh=True, anew=anew)
    assert actions.run(actions.builder.start(request, new_id()) or "").inputs["rebuild"] == "true"


def test_configured_rebuild_is_started_where_the_workflow_takes_neither_optional_input(actions: Actions) -> None:
    """The commit's tag is new, so the workflow builds in any case."""
    text = WORKFLOW.replace('      labels: {default: ""}\n', "")
    actions.github.push(SOURCE, "develop", {PATH: text})
    request = replace(actions.request(), fresh=True, labels={TREE_LABEL: "a" * 64})
    for name in (new_id(), new_id()):
        assert not {"labels", "rebuild"} & set(actions.run(actions.builder.start(request, name) or "").inputs)
    assert actions.asked("POST", "/dispatches") == 3


def test_build_that_nobody_wants_anew_sends_no_such_input(actions: Actions) -> None:
    actions.github.push(SOURCE, "develop", {PATH: TAKES_REBUILD})
    assert not actions.run(start(actions)).inputs.get("rebuild")


def test_input_that_the_workflow_requires_and_nobody_gives_is_named(actions: Actions) -> None:
    actions.github.push(
        SOURCE, "develop", {PATH: WORKFLOW.replace("target:", "region: {required: true}\n      target:")}
    )
    error = refused(actions)
    assert (error.code, "`region`" in error.message, "build.inputs" in error.hint) == (
        "workflow-input-required", True, True,
    )  # fmt: skip


def test_workflow_without_the_trigger_says_so(actions: Actions) -> None:
    actions.github.push(SOURCE, "develop", {PATH: "on: [push]\njobs: {build: {}}\n"})
    assert refused(actions).code == "workflow-not-dispatchable"


@pytest.mark.parametrize("state", ["disabled_manually", "disabled_inactivity"])
def test_disabled_workflow_says_so(actions: Actions, state: str) -> None:
    actions.workflows.known(repository(actions))[0].state = state
    error = refused(actions)
    assert (error.code, state.replace("_", " ") in error.message) == ("workflow-disabled", True)


def test_refusal_for_which_nothing_is_found_is_told_in_githubs_words(actions: Actions) -> None:
    body = json.dumps({"message": "Actions has been disabled for this user."}).encode()
    actions.github.faults.answer("422 Unprocessable Entity", method="POST", path="dispatches$", body=body)
    error = refused(actions, NotStartedError)
    assert (error.code, "disabled for this user" in error.message) == ("github-refused", True)


def test_missing_permission_is_named(actions: Actions) -> None:
    actions.github.state.tokens[TOKEN].permissions = {"metadata": "read", "contents": "read", "actions": "read"}
    error = refused(actions)
    assert (error.code, "actions: write" in error.hint) == ("github-permission-missing", True)


def test_repository_that_is_gone_is_doubted_and_nothing_was_started(actions: Actions) -> None:
    correlation = new_id()
    request = actions.request(correlation)
    del actions.github.state.repositories[SOURCE]
    with pytest.raises(NotStartedError) as caught:
        actions.builder.start(request, correlation)
    assert caught.value.code == "github-not-found"


@pytest.mark.parametrize("status", ["400 Bad Request", "409 Conflict", "410 Gone", "423 Locked"])
def test_dispatch_into_something_that_goes_on_there_has_started_nothing_and_may_be_sent_again(
    actions: Actions, status: str
) -> None:
    body = json.dumps({"message": "Another change of the workflow is in progress."}).encode()
    actions.github.faults.answer(status, method="POST", path="dispatches$", body=body)
    assert refused(actions, NotStartedError).code == "github-refused"


@pytest.mark.parametrize("body", [b'{"workflow_run_id": 0}', b'{"workflow_run_id": -5}', b"{}", b"[]", b"7"])
def test_answer_that_names_no_run_leaves_open_what_became_of_the_start(actions: Actions, body: bytes) -> None:
    actions.github.faults.answer("200 OK", method="POST", path="dispatches$", body=body)
    assert not isinstance(refused(actions, RetryableError), NotStartedError)


@pytest.mark.parametrize("status", ["302 Found", "303 See Other", "304 Not Modified", "408 Request Timeout"])
def test_answer_that_takes_nothing_is_no_start(actions: Actions, status: str) -> None:
    actions.github.faults.answer(status, method="POST", path="dispatches$")
    assert not isinstance(refused(actions, RetryableError), NotStartedError)


@pytest.mark.parametrize("limit", ["primary", "secondary"])
def test_limit_has_started_nothing_and_says_when_to_come_back(actions: Actions, limit: str) -> None:
    if limit == "primary":
        actions.github.limit_primary(method="POST", reset_in=40)
    else:
        actions.github.limit_secondary(method="POST", retry_after=40)
    error = refused(actions, BusyError)
    assert isinstance(error, RetryableError)
    assert (error.code, 35 < (error.retry_after or 0) < 45) == ("github-rate-limited", True)


@pytest.mark.parametrize("kind", ["suspended", "address", "archived"])
def test_door_that_is_closed_has_started_nothing(actions: Actions, kind: str) -> None:
    actions.github.forbid(kind, method="POST")  # type: ignore[arg-type] # one of its words
    assert refused(actions, NotStartedError).code.startswith("github-")


@pytest.mark.parametrize("status", ["500 Internal Server Error", "502 Bad Gateway"])
def test_answer_of_a_broken_server_leaves_open_what_became_of_the_start(actions: Actions, status: str) -> None:
    actions.github.faults.answer(status, method="POST", path="dispatches$")
    error = refused(actions, RetryableError)
    assert not isinstance(error, NotStartedError)


def test_page_instead_of_an_answer_leaves_open_what_became_of_the_start(actions: Actions) -> None:
    actions.github.faults.page(method="POST", path="dispatches$")
    error = refused(actions, RetryableError)
    assert not isinstance(error, NotStartedError)


def test_dispatch_whose_answer_is_lost_is_not_sent_twice_and_its_run_is_found(actions: Actions) -> None:
    correlation = new_id()
    request = actions.request(correlation)
    gate = actions.github.faults.cut(method="POST", path="dispatches$")
    gate.after = True
    with pytest.raises(RetryableError):
        actions.builder.start(request, correlation)
    assert (actions.asked("POST", "dispatches"), len(actions.runs)) == (1, 1)
    assert actions.builder.find(request, correlation) == f"{SOURCE}/actions/runs/{actions.runs[0].id}"


# --- find ----------------------------------------------------------------------------------------


def test_dispatch_that_hangs_leaves_open_what_became_of_it(
    tmp_path: Path, github_description: GitHubDescription
) -> None:
    with actions_at(tmp_path, github_description, timeout=1) as actions:
        gate = actions.github.faults.hang(method="POST", path="dispatches$", after=True)
        correlation = new_id()
        with pytest.raises(RetryableError) as caught:
            actions.builder.start(actions.request(correlation), correlation)
        gate.release()
        assert (caught.value.code, isinstance(caught.value, NotStartedError)) == ("github-timeout", False)
        assert actions.builder.find(actions.request(correlation), correlation) is not None


def test_app_that_is_uninstalled_while_it_builds_is_told_and_goes_on_once_it_is_back(
    tmp_path: Path, github_description: GitHubDescription, app_key: str
) -> None:
    with actions_at(tmp_path, github_description, login=AppLogin("4711", app_key)) as actions:
        actions.github.install_app(4711, "acme")
        one = start(actions)
        actions.github.state.installations.clear()
        actions.github.revoke_tokens()
        with pytest.raises(DoubtfulError) as caught:
            actions.builder.states([one])
        assert (caught.value.code, "install it there" in caught.value.hint) == ("github-app-not-installed", True)
        actions.github.install_app(4711, "acme")
        assert words(actions, one)[0] is Progress.RUNNING


def test_run_whose_name_tells_nothing_keeps_a_second_one_from_being_started(actions: Actions) -> None:
    plain = "\n".join(line for line in WORKFLOW.splitlines() if not line.startswith("run-name"))
    actions.github.push(SOURCE, "develop", {PATH: plain})
    actions.workflows.mode.answers = "nothing"
    correlation = new_id()
    request = actions.request(correlation)
    actions.builder.start(request, correlation)
    with pytest.raises(RetryableError) as caught:
        actions.builder.find(request, correlation)
    assert (caught.value.code, "run-name" in caught.value.hint) == ("workflow-run-unnamed", True)


def test_run_is_found_though_githubs_clock_is_five_minutes_behind(actions: Actions) -> None:
    one = start(actions)
    run, correlation = actions.run(one), actions.run(one).inputs["correlation"]
    at = datetime.fromisoformat(run.created_at) - timedelta(minutes=5)
    run.created_at = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert actions.builder.find(actions.request(correlation), correlation) == one


def test_run_that_is_not_listed_yet_is_not_seen_and_later_is(actions: Actions) -> None:
    actions.workflows.mode.lists = actions.workflows.mode.shows = False
    correlation = new_id()
    request = actions.request(correlation)
    one = actions.builder.start(request, correlation)
    assert one is not None
    assert (actions.builder.find(request, correlation), actions.builder.states([one])) == (None, {})
    actions.workflows.reveal()
    assert (actions.builder.find(request, correlation), words(actions, one)[0]) == (one, Progress.RUNNING)


def test_runs_of_other_builds_are_not_taken(actions: Actions) -> None:
    start(actions)
    correlation = new_id()
    assert actions.builder.find(actions.request(correlation), correlation) is None


def test_run_is_found_behind_a_page_of_newer_ones(actions: Actions) -> None:
    actions.github.limits.mode = Mode.NONE
    first, correlation = start(actions), new_id()
    found = actions.run(first).title.rpartition(" ")[2]
    for _ in range(101):
        start(actions)
    assert actions.builder.find(actions.request(found), found) == first
    assert correlation != found


def test_more_runs_than_are_searched_do_not_say_that_ours_never_began(actions: Actions) -> None:
    page = {"total_count": 600, "workflow_runs": [{"id": n, "display_title": f"for {new_id()}"} for n in range(100)]}
    actions.github.faults.answer("200 OK", method="GET", path="/runs$", times=5, body=json.dumps(page).encode())
    correlation = new_id()
    with pytest.raises(RetryableError) as caught:
        actions.builder.find(actions.request(correlation), correlation)
    assert caught.value.code == "workflow-runs-too-many"


# --- states --------------------------------------------------------------------------------------


def test_all_runs_of_a_repository_are_asked_for_in_one_call(actions: Actions) -> None:
    ids = [start(actions) for _ in range(20)]
    before = len(actions.github.faults.log)
    assert set(actions.builder.states(ids)) == set(ids)
    assert len(actions.github.faults.log) - before == 1


def test_more_runs_than_a_page_has_cost_a_call_a_page(actions: Actions) -> None:
    actions.github.limits.mode = Mode.NONE
    ids = [start(actions) for _ in range(120)]
    before = len(actions.github.faults.log)
    assert set(actions.builder.states(ids)) == set(ids)
    assert len(actions.github.faults.log) - before == 2


def test_run_that_is_not_on_the_page_is_asked_for_by_itself(actions: Actions) -> None:
    ids = [start(actions) for _ in range(2)]
    actions.run(ids[0]).listed = False
    assert set(actions.builder.states(ids)) == set(ids)


@pytest.mark.parametrize(
    ("conclusion", "progress", "told"),
    [
        ("timed_out", Progress.FAILED, "time limit"),
        ("skipped", Progress.FAILED, "skipped"),
        ("startup_failure", Progress.FAILED, "workflow file is invalid"),
        ("action_required", Progress.FAILED, "approve"),
        ("neutral", Progress.SUCCEEDED, ""),
        ("unheard_of", Progress.FAILED, "unheard_of"),
    ],
)
def test_every_conclusion_has_words(actions: Actions, conclusion: str, progress: Progress, told: str) -> None:
    one = start(actions)
    run = actions.run(one)
    actions.workflows.complete(repository(actions), run, conclusion if conclusion == "skipped" else "success")
    run.conclusion = conclusion
    standing = words(actions, one)
    assert (standing[0], told in standing[1]) == (progress, True)


def test_failed_run_names_job_and_step(actions: Actions) -> None:
    one = start(actions)
    actions.runner.play(SOURCE, Script(fails_at="Build and push"))
    assert words(actions, one) == (Progress.FAILED, 'job "build", step "Build and push"')


def test_run_that_a_person_runs_again_is_followed_under_its_id(actions: Actions) -> None:
    one = start(actions)
    actions.runner.play(SOURCE, Script(fails_at="Check out"))
    assert words(actions, one)[0] is Progress.FAILED
    actions.workflows.rerun(repository(actions), actions.run(one), actions.github.state.user("dave"))
    assert words(actions, one) == (Progress.RUNNING, "queued, attempt 2")
    actions.runner.play(SOURCE)
    assert words(actions, one)[0] is Progress.SUCCEEDED


def test_repository_that_cannot_be_asked_delays_no_other(actions: Actions) -> None:
    actions.github.create_repository(OTHER, {PATH: WORKFLOW}, branches=["develop"])
    one, gone = start(actions), f"{OTHER}/actions/runs/77"
    actions.github.faults.answer("503 Service Unavailable", path=OTHER, times=9)
    standings = actions.builder.states([one, gone])
    assert standings[one].words == "queued"
    assert (standings[gone].progress, "503" in standings[gone].words) == (Progress.RUNNING, True)


def test_builder_that_cannot_ask_anywhere_says_so(actions: Actions) -> None:
    one = start(actions)
    actions.github.limit_secondary(retry_after=30)
    with pytest.raises(RetryableError) as caught:
        actions.builder.states([one])
    assert caught.value.code == "github-rate-limited"


def test_repository_out_of_sight_is_no_run_that_is_not_known(actions: Actions) -> None:
    one = start(actions)
    actions.github.state.tokens[TOKEN].repositories = frozenset()
    with pytest.raises(DoubtfulError):
        actions.builder.states([one])


# --- log -----------------------------------------------------------------------------------------


def test_log_has_the_steps_as_they_end_and_then_the_log_of_the_job(actions: Actions) -> None:
    one = start(actions)
    run = actions.run(one)
    actions.workflows.begin(repository(actions), run)
    actions.workflows.end_step(run.latest[0], "Set up job")
    first = actions.builder.log(one, "")
    assert first.text == f"{actions.github.url}/{one}\nbuild: Set up job: success after 0 s\n"
    assert actions.builder.log(one, first.after).text == ""
    run.latest[0].log = "\x1b[36mbuilding\x1b[0m\n##[error]no space left\n"
    actions.workflows.end_step(run.latest[0], "Build and push", "failure")
    actions.workflows.complete(repository(actions), run, "failure")
    rest = actions.builder.log(one, first.after).text
    assert "build: Build and push: failure after 0 s\n" in rest
    assert "Set up job" not in rest
    assert rest.endswith("--- the log of build\nbuilding\n##[error]no space left\n")


def test_log_is_fetched_without_our_token(actions: Actions) -> None:
    one = start(actions)
    actions.runner.play(SOURCE, Script(log="line\n"))
    assert "line\n" in whole_log(actions, one)
    assert actions.github.actions.blobs.refused == 0


def test_log_keeps_no_secrets(actions: Actions) -> None:
    one = start(actions)
    secret = "ghs_" + "a" * 36
    actions.runner.play(SOURCE, Script(log=f"token {secret}\nAuthorization: Bearer {'b' * 30}\n"))
    text = whole_log(actions, one)
    assert (secret in text, "b" * 30 in text, text.count("[redacted]")) == (False, False, 2)


def test_long_log_is_kept_from_its_end(actions: Actions) -> None:
    one = start(actions)
    actions.runner.play(SOURCE, Script(log="".join(f"line {number}\n" for number in range(60_000))))
    text = whole_log(actions, one)
    assert ("line 59999\n" in text, "line 1\n" in text, "[log cut here" in text) == (True, False, True)
    assert len(text) < 300_000


def test_log_of_a_host_that_is_not_reached_is_told_in_words(actions: Actions) -> None:
    one = start(actions)
    actions.runner.play(SOURCE)
    actions.builder.log(one, "")
    actions.github.actions.blobs.stop()
    assert "the log cannot be read from 127.0.0.1" in whole_log(actions, one)


def test_host_of_logs_that_is_silent_delays_one_build_and_is_asked_again_later() -> None:
    asked, at = [], [0.0]

    def answer(connection: socket.socket, head: bytes) -> None:
        asked.append(head)
        if len(asked) == 1:
            connection.recv(1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nend\n")

    with raw_server(answer) as host:
        hosts = LogHosts(verify=True, tls=False, timeout=(1, 0.1), now=lambda: at[0])
        told = [hosts.fetch_end(f"http://{host}/{number}") for number in range(3)]
        assert ("ReadTimeout" in told[0], "a moment ago" in told[1], "a moment ago" in told[2]) == (True, True, True)
        assert len(asked) == 1
        at[0] += 61
        assert hosts.fetch_end(f"http://{host}/3") == "end\n"


def test_log_that_is_gone_is_told_in_words(actions: Actions) -> None:
    one = start(actions)
    actions.runner.play(SOURCE)
    actions.run(one).latest[0].log = None
    assert "the log is gone" in whole_log(actions, one)


def test_skipped_run_has_no_log_to_wait_for(actions: Actions) -> None:
    one = start(actions)
    actions.runner.play(SOURCE, Script(conclusion="skipped"))
    assert "build: skipped" in whole_log(actions, one)


def test_next_attempt_begins_its_log_anew(actions: Actions) -> None:
    one = start(actions)
    actions.runner.play(SOURCE, Script(fails_at="Check out", log="first\n"))
    actions.builder.states([one])
    first = actions.builder.log(one, "")
    actions.workflows.rerun(repository(actions), actions.run(one), actions.github.state.user("dave"))
    actions.runner.play(SOURCE, Script(log="second\n"))
    actions.builder.states([one])
    again = actions.builder.log(one, first.after).text
    assert ("(attempt 2)" in again, "second\n" in again, "first\n" in again) == (True, True, False)


# --- options -------------------------------------------------------------------------------------


def test_run_that_cannot_be_cancelled_at_this_moment_is_no_cancelled_one(actions: Actions) -> None:
    external_id = start(actions)
    actions.github.faults.answer("409 Conflict", method="POST", path="/cancel$")
    with pytest.raises(DoubtfulError):
        actions.builder.cancel(external_id)
    actions.builder.cancel(external_id)
    assert words(actions, external_id)[0] is Progress.CANCELLED
    actions.builder.cancel(external_id)


@pytest.mark.parametrize(
    "options",
    [
        {"workflow": "../x.yml"},
        {"workflow": "build-image"},
        {"inputs": {"commit": "mine"}},
        {"args": {"A": "1\nB=2"}},
        {"platforms": ["linux"]},
        {"inputs": {f"i{number}": "x" for number in range(13)}},
    ],
)
def test_options_that_github_would_refuse_or_misread_are_refused_before(
    actions: Actions, options: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="validation error"):
        actions.request(**options)
