"""CodeBuild: the contract of builders elsewhere on a double that is held to AWS's description, and what is its own."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import NoCredentialsError
from pydantic import ValidationError

from devstack.codebuild import ACCOUNT, REGION, TOKEN_SECONDS, Build, CodeBuild
from service.adapters.builders.codebuild import LISTED_WITHIN, CodeBuildBuilder, Options
from service.adapters.codebuild_api import CodeBuildApi
from service.errors import BusyError, DoubtfulError, MergeportError, NotStartedError, PermanentError, RetryableError
from service.ports import Progress
from service.store.ids import new_id
from tests.adapters.builders.elsewhere_contract import ElsewhereContract, start_request, started, whole_log
from tests.adapters.builders.parts import Source
from tests.contract.registries import ECR_HOST, REVISION, Ministack
from tests.fixtures.aws import aws_session

ONE_TRY = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=2, read_timeout=5)
STATUSES = {Progress.SUCCEEDED: "SUCCEEDED", Progress.FAILED: "FAILED", Progress.CANCELLED: "STOPPED"}
ROLE = "arn:aws:iam::210987654321:role/builds"


@cache
def client_of(service: str, url: str) -> Any:
    """Make a client once: that takes longer than a test."""
    client: Any = aws_session(REGION).client
    return client(service, endpoint_url=url, config=ONE_TRY)


class Side:
    """CodeBuild as the other side; `made` lists for which regions and roles clients were made."""

    options = Options(project="images")
    wrong_options = Options(project="not-there")
    unknown_id = f"arn:aws:codebuild:{REGION}:{ACCOUNT}:build/images:00000000-0000-0000-0000-000000000000"

    def __init__(self, double: CodeBuild) -> None:
        self.double = double
        self.made: list[tuple[str, str | None]] = []
        self.away_regions: set[str] = set()
        self.source = Source()
        self.builder = CodeBuildBuilder(self._api, self.source)

    def _api(self, region: str, role_arn: str | None) -> CodeBuildApi:
        self.made.append((region, role_arn))

        where = "http://127.0.0.1:9" if region in self.away_regions else self.double.url
        return CodeBuildApi(region, role_arn, client=lambda service: client_of(service, where))

    @property
    def began(self) -> list[str]:
        return [one.variable("MERGEPORT_CORRELATION") or "" for one in self.double.builds.values()]

    def build(self, external_id: str) -> Build:
        return next(one for one in self.double.builds.values() if external_id.startswith(one.arn))

    def end(self, external_id: str, progress: Progress) -> None:
        self.build(external_id).end(STATUSES[progress])

    def write(self, external_id: str, text: str) -> None:
        self.double.write(self.build(external_id), text)

    def is_stopped(self, external_id: str) -> bool:
        return self.build(external_id).stopped

    @contextmanager
    def away(self) -> Iterator[None]:
        self.double.faults.answer("503 Service Unavailable", times=1000)
        yield
        self.double.faults.clear()

    @contextmanager
    def deaf(self) -> Iterator[None]:
        self.double.faults.cut(times=1000)
        yield
        self.double.faults.clear()

    def asked(self, action: str) -> int:
        targets = [one.headers.get("x-amz-target", "") for one in self.double.faults.log]
        return sum(1 for one in targets if one.endswith(f".{action}"))


@pytest.fixture(scope="module")
def running() -> Iterator[CodeBuild]:
    double = CodeBuild()
    yield double
    double.stop()


@pytest.fixture
def other(running: CodeBuild) -> Side:
    running.reset()
    running.faults.clear()
    running.faults.log.clear()
    return Side(running)


class TestCodeBuild(ElsewhereContract):
    """The contract."""


# --- what is started ---------------------------------------------------------------------------------


def test_project_is_told_what_to_build(other: Side) -> None:
    options = Options(
        project="images", buildspec="ci/image.yml", context="app", dockerfile="Dockerfile.prod",
        args={"NAME": "two words", "EMPTY": ""}, target="final", platforms=("linux/amd64", "linux/arm64"),
    )  # fmt: skip
    external_id = other.builder.start(start_request(options), "correlation-1")
    assert external_id is not None
    build = other.build(external_id)
    told = {one["name"]: one["value"] for one in build.variables}
    labels = told.pop("MERGEPORT_LABELS").split()
    assert told == {
        "MERGEPORT_CORRELATION": "correlation-1",
        "MERGEPORT_IMAGE": f"{ECR_HOST}/checkout",
        "MERGEPORT_TAG": REVISION[:12],
        "MERGEPORT_COMMIT": REVISION,
        "MERGEPORT_CONTEXT": "app",
        "MERGEPORT_DOCKERFILE": "Dockerfile.prod",
        "MERGEPORT_TARGET": "final",
        "MERGEPORT_PLATFORMS": "linux/amd64,linux/arm64",
        "MERGEPORT_BUILD_ARGS": "EMPTY NAME",
        "MERGEPORT_ARG_NAME": "two words",
        "MERGEPORT_ARG_EMPTY": "",
    }
    assert f"org.opencontainers.image.revision={REVISION}" in labels
    assert {one["type"] for one in build.variables} == {"PLAINTEXT"}
    assert (build.source_version, build.request["buildspecOverride"]) == (REVISION, "ci/image.yml")


def test_a_template_is_told_whole_and_packed(other: Side, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    (tmp_path / "requirements.txt").write_text("flask\n")
    other.source.folder = tmp_path
    options = Options.model_validate({"project": "images", "template": "python-web", "with": {"port": 9000}})
    external_id = other.builder.start(start_request(options), "correlation-1")
    assert external_id is not None
    told = {one["name"]: one["value"] for one in other.build(external_id).variables}
    text = gzip.decompress(b64decode(told["MERGEPORT_TEMPLATE"])).decode()
    assert ("EXPOSE 9000" in text, "MERGEPORT_DOCKERFILE" in told) == (True, False)
    assert len(told["MERGEPORT_TEMPLATE"]) < 2000


def test_a_project_that_is_not_clear_starts_nothing(other: Side, tmp_path: Path) -> None:
    other.source.folder = tmp_path
    options = Options.model_validate({"project": "images", "template": "python-web"})
    with pytest.raises(PermanentError) as caught:
        other.builder.start(start_request(options), "correlation-1")
    assert (caught.value.code, other.double.faults.log) == ("project-file-missing", [])


def test_buildspec_of_the_project_stays_where_none_is_named(other: Side) -> None:
    assert "buildspecOverride" not in other.build(started(other)).request


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"project": "no spaces"},
        {"project": "images", "region": "Seoul"},
        {"project": "images", "role_arn": "builds"},
        {"project": "images", "context": "/etc"},
        {"project": "images", "context": "app/../.."},
        {"project": "images", "platforms": ["linux"]},
        {"project": "images", "args": {"A B": "1"}},
        {"project": "images", "network": "host"},
    ],
)
def test_wrong_option_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(wrong)


def test_options_load_no_library_of_aws() -> None:
    code = "import sys, service.adapters.builders.codebuild; print(sorted({'boto3', 'botocore'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


# --- one build, whatever happens ----------------------------------------------------------------------


def test_second_start_within_five_minutes_gives_the_same_build_though_no_list_shows_it(other: Side) -> None:
    request, correlation = start_request(other.options), new_id()
    other.double.lists = False
    first = other.builder.start(request, correlation)
    assert other.builder.find(request, correlation) is None
    assert other.builder.start(request, correlation) == first
    assert len(other.double.builds) == 1


def test_start_is_searched_for_while_its_token_is_still_good() -> None:
    """What a list does not show by then, the token does."""
    assert timedelta(0) < LISTED_WITHIN <= timedelta(seconds=TOKEN_SECONDS / 2)


def test_build_that_was_started_long_ago_is_found_by_search(other: Side) -> None:
    request, correlation = start_request(other.options), new_id()
    first = other.builder.start(request, correlation)
    other.double.now = lambda: time.time() + TOKEN_SECONDS + 1
    assert other.builder.find(request, correlation) == first


def test_second_start_that_differs_finds_the_first(other: Side) -> None:
    """An upgrade between the two may have changed what is asked for: AWS then refuses the token."""
    correlation = new_id()
    first = other.builder.start(start_request(other.options), correlation)
    changed = start_request(Options(project="images", target="final"))
    assert other.builder.start(changed, correlation) == first
    assert len(other.double.builds) == 1


def test_refused_input_is_no_build(other: Side) -> None:
    other.double.faults.answer(
        "400 Bad Request", body=b'{"__type": "InvalidInputException", "message": "Invalid source version"}'
    )
    with pytest.raises(PermanentError, match="Invalid source version") as caught:
        other.builder.start(start_request(other.options), new_id())
    assert (caught.value.code, other.began) == ("codebuild-input", [])


def test_search_goes_through_the_pages(other: Side) -> None:
    other.double.page = 2
    request, correlation = start_request(other.options), new_id()
    first = other.builder.start(request, correlation)
    for _ in range(5):
        started(other)
    assert other.builder.find(request, correlation) == first


def test_search_ends_at_builds_that_are_older_than_the_correlation(other: Side) -> None:
    other.double.page = 2
    other.double.now = lambda: time.time() - 3600
    for _ in range(6):
        started(other)
    other.double.now = time.time
    before = other.asked("ListBuildsForProject")
    assert other.builder.find(start_request(other.options), new_id()) is None
    assert other.asked("ListBuildsForProject") == before + 1


@pytest.mark.parametrize("minutes", [-5, 5])
def test_clock_that_differs_by_minutes_hides_no_build(other: Side, minutes: int) -> None:
    other.double.now = lambda: time.time() + minutes * 60
    correlation = new_id()
    external_id = started(other, correlation)
    assert other.builder.find(start_request(other.options), correlation) == external_id


def test_search_that_comes_to_no_end_is_no_answer(other: Side) -> None:
    other.double.page = 1
    for _ in range(21):
        started(other)
    with pytest.raises(RetryableError) as caught:
        other.builder.find(start_request(other.options), new_id())
    assert caught.value.code == "codebuild-too-many-builds"


def test_build_that_a_person_retried_is_the_newest_of_its_correlation(other: Side) -> None:
    correlation = new_id()
    first = started(other, correlation)
    again = replace(other.build(first), id="images:11111111-1111-1111-1111-111111111111")
    other.double.builds[again.id] = again
    assert other.builder.find(start_request(other.options), correlation) == again.arn


def test_another_implementation_of_the_api_is_understood(ministack: Ministack) -> None:
    """It ends each build at once and keeps no variables, but nothing of it was written with our code in mind."""
    maker = client_of("codebuild", ministack.url)
    maker.create_project(
        name="images", source={"type": "NO_SOURCE", "buildspec": "version: 0.2"}, artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=ROLE,
    )  # fmt: skip
    builder = CodeBuildBuilder(
        lambda region, role: CodeBuildApi(region, role, client=lambda service: client_of(service, ministack.url)),
        Source(),
    )
    request = start_request(Options(project="images"))
    external_id = builder.start(request, new_id())
    assert external_id is not None
    assert {one: told.progress for one, told in builder.states([external_id, Side.unknown_id]).items()} == {
        external_id: Progress.SUCCEEDED
    }
    assert builder.find(request, new_id()) is None
    builder.cancel(Side.unknown_id)
    with pytest.raises(PermanentError) as caught:
        builder.start(start_request(Options(project="not-there")), new_id())
    assert caught.value.code == "codebuild-project-missing"


# --- states ------------------------------------------------------------------------------------------


def test_hundred_builds_are_asked_for_in_one_call(other: Side) -> None:
    ids = [other.builder.start(start_request(other.options), new_id()) or "" for _ in range(101)]
    assert len(other.builder.states(ids[:100])) == 100
    assert other.asked("BatchGetBuilds") == 1
    assert len(other.builder.states(ids)) == 101
    assert other.asked("BatchGetBuilds") == 3


def test_builds_of_other_regions_and_roles_are_asked_for_there(other: Side) -> None:
    here = started(other)
    far = here.replace(REGION, "eu-west-1")
    other.builder.states([here, far, f"{here} as {ROLE}"])
    assert set(other.made) == {("", None), (REGION, None), ("eu-west-1", None), (REGION, ROLE)}


def test_role_is_kept_in_the_external_id(other: Side) -> None:
    external_id = other.builder.start(start_request(Options(project="images", role_arn=ROLE)), new_id())
    assert external_id is not None
    assert external_id.endswith(f" as {ROLE}")
    assert other.builder.states([external_id])[external_id].progress is Progress.RUNNING


def test_region_that_is_away_loses_no_build_and_holds_up_no_other(other: Side) -> None:
    here = started(other)
    other.end(here, Progress.SUCCEEDED)
    other.away_regions.add("eu-west-1")
    far = here.replace(REGION, "eu-west-1")
    told = other.builder.states([here, far])
    assert (told[here].progress, told[far].progress) == (Progress.SUCCEEDED, Progress.RUNNING)
    assert "cannot be reached" in told[far].words


def test_id_of_another_builder_is_left_out(other: Side) -> None:
    assert other.builder.states(["acme/checkout/1", "arn:aws:codebuild:x"]) == {}
    assert other.double.faults.log == []


@pytest.mark.parametrize(
    ("status", "progress", "words"),
    [
        (
            "FAILED",
            Progress.FAILED,
            "failed in phase BUILD: COMMAND_EXECUTION_ERROR: docker build. Reason: exit status 1",
        ),
        ("FAULT", Progress.FAILED, "CodeBuild itself failed in phase BUILD"),
        ("TIMED_OUT", Progress.FAILED, "ran longer than the project allows in phase BUILD"),
        ("STOPPED", Progress.CANCELLED, "was stopped in phase BUILD"),
    ],
)
def test_end_names_the_phase_why_and_the_log(other: Side, status: str, progress: Progress, words: str) -> None:
    external_id = started(other)
    build = other.build(external_id)
    build.phase("QUEUED", "SUCCEEDED")
    message = "docker build.\nReason: exit status 1, Authorization: Bearer abcdefghijklmnop"
    build.phase("BUILD", status, "COMMAND_EXECUTION_ERROR", message)
    other.double.write(build, "x\n")
    build.end(status)
    told = other.builder.states([external_id])[external_id]
    assert told.progress is progress
    assert told.words.startswith(words)
    assert told.words.endswith(f"; log: {build.logs['deepLink']}")
    assert "abcdefghijklmnop" not in told.words


def test_build_under_way_names_its_phase(other: Side) -> None:
    external_id = started(other)
    assert other.builder.states([external_id])[external_id].words == "it waits in CodeBuild's queue"
    other.build(external_id).phase("QUEUED", "SUCCEEDED")
    other.build(external_id).phase("DOWNLOAD_SOURCE")
    assert other.builder.states([external_id])[external_id].words == "phase DOWNLOAD_SOURCE"


def test_digest_that_the_build_exports_is_shown(other: Side) -> None:
    external_id = started(other)
    other.build(external_id).exported["MERGEPORT_DIGEST"] = f"sha256:{'0' * 64}"
    other.end(external_id, Progress.SUCCEEDED)
    assert other.builder.states([external_id])[external_id].words == f"it says sha256:{'0' * 64}"


# --- logs --------------------------------------------------------------------------------------------


def test_log_of_many_pages_with_empty_ones_between_is_read_whole(other: Side) -> None:
    external_id = started(other)
    other.double.page, other.double.hollow = 3, True
    for number in range(10):
        other.write(external_id, f"line {number}\n")
    other.end(external_id, Progress.SUCCEEDED)
    assert whole_log(other.builder, external_id) == "".join(f"line {number}\n" for number in range(10))


def test_log_that_the_project_does_not_keep_says_so_once(other: Side) -> None:
    external_id = started(other)
    other.build(external_id).logs = {"cloudWatchLogs": {"status": "DISABLED"}}
    assert whole_log(other.builder, external_id).count("keeps no log") == 1


def test_log_whose_stream_is_gone_is_empty(other: Side) -> None:
    external_id = started(other)
    other.write(external_id, "x\n")
    other.double.streams.clear()
    assert whole_log(other.builder, external_id) == ""


# --- refusals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "error", "ours", "hint"),
    [
        ("AccessDeniedException", 400, NotStartedError, "codebuild-refused", "allow codebuild:StartBuild"),
        ("UnrecognizedClientException", 400, NotStartedError, "codebuild-refused", "does not know the credentials"),
        ("ThrottlingException", 400, BusyError, "codebuild-throttled", ""),
        ("AccountLimitExceededException", 400, BusyError, "codebuild-limit", "quota"),
        ("ResourceNotFoundException", 400, PermanentError, "codebuild-project-missing", "`project`"),
        ("OAuthProviderException", 400, NotStartedError, "codebuild-refused", "documentation"),
        ("InternalFailure", 500, RetryableError, "codebuild-unavailable", ""),
    ],
)
def test_refusal_of_aws_becomes_ours(
    other: Side, code: str, status: int, error: type[MergeportError], ours: str, hint: str
) -> None:
    other.double.faults.answer(f"{status} No", body=f'{{"__type": "{code}", "message": "words of AWS"}}'.encode())
    with pytest.raises(MergeportError) as caught:
        other.builder.start(start_request(other.options), new_id())
    assert (type(caught.value), caught.value.code) == (error, ours)
    assert hint in caught.value.hint


def test_throttled_call_says_when_to_come_back(other: Side) -> None:
    other.double.faults.answer("400 No", body=b'{"__type": "ThrottlingException", "message": "Rate exceeded"}')
    with pytest.raises(RetryableError) as caught:
        other.builder.find(start_request(other.options), new_id())
    assert caught.value.retry_after == 10.0


def test_limit_of_the_account_is_told_with_its_number(other: Side) -> None:
    other.double.limit = 1
    started(other)
    with pytest.raises(BusyError, match="Cannot have more than 1 builds"):
        other.builder.start(start_request(other.options), new_id())
    assert len(other.double.builds) == 1


def test_denied_log_names_its_action(other: Side) -> None:
    external_id = started(other)
    other.write(external_id, "x\n")
    other.builder.states([external_id])
    other.double.faults.answer("400 No", body=b'{"__type": "AccessDeniedException", "message": "no"}')
    with pytest.raises(DoubtfulError, match="logs:GetLogEvents"):
        other.builder.log(external_id, "")


def test_page_of_a_proxy_is_not_taken_for_an_answer(other: Side) -> None:
    external_id = started(other)
    other.double.faults.page()
    with pytest.raises(DoubtfulError) as caught:
        other.builder.states([external_id])
    assert caught.value.code == "codebuild-answer"


def test_missing_credentials_ask_for_a_role() -> None:
    def client(_service: str) -> Any:
        raise NoCredentialsError

    builder = CodeBuildBuilder(lambda region, role: CodeBuildApi(region, role, client=client), Source())
    with pytest.raises(PermanentError, match="AWS role"):
        builder.start(start_request(Options(project="images")), new_id())


def test_missing_region_is_told_with_what_to_do() -> None:
    builder = CodeBuildBuilder(CodeBuildApi, Source())
    with pytest.raises(PermanentError, match="AWS_DEFAULT_REGION"):
        builder.start(start_request(Options(project="images")), new_id())


def test_build_that_ended_while_it_was_being_stopped_is_no_error(other: Side) -> None:
    external_id = started(other)
    other.end(external_id, Progress.SUCCEEDED)
    other.double.faults.answer("400 No", body=b'{"__type": "InvalidInputException", "message": "it has ended"}')
    other.builder.cancel(external_id)
    assert other.builder.states([external_id])[external_id].progress is Progress.SUCCEEDED
