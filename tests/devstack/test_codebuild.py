"""The CodeBuild double: its tokens, limits and pages are AWS's, and it takes and gives nothing that AWS does not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from devstack.codebuild import TOKEN_SECONDS, CodeBuild
from tests.fixtures.aws import aws_session

if TYPE_CHECKING:
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_logs import CloudWatchLogsClient


@pytest.fixture(scope="module")
def running() -> Iterator[CodeBuild]:
    double = CodeBuild()
    yield double
    double.stop()


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return aws_session()


@pytest.fixture(scope="module")
def client(running: CodeBuild, session: boto3.Session) -> CodeBuildClient:
    return session.client("codebuild", endpoint_url=running.url)


@pytest.fixture(scope="module")
def logs(running: CodeBuild, session: boto3.Session) -> CloudWatchLogsClient:
    return session.client("logs", endpoint_url=running.url)


@pytest.fixture
def double(running: CodeBuild) -> CodeBuild:
    running.reset()
    return running


def start(client: CodeBuildClient, **changed: Any) -> str:
    return client.start_build(**{"projectName": "images", **changed})["build"].get("id", "")


def code_of(act: Any) -> str:
    with pytest.raises(ClientError) as caught:
        act()
    return str(caught.value.response["Error"]["Code"])


def test_token_names_the_same_build_for_five_minutes(double: CodeBuild, client: CodeBuildClient) -> None:
    first = start(client, idempotencyToken="t")
    assert start(client, idempotencyToken="t") == first
    double.now = lambda: time.time() + TOKEN_SECONDS + 1
    assert start(client, idempotencyToken="t") != first


def test_token_with_another_request_is_refused(double: CodeBuild, client: CodeBuildClient) -> None:
    start(client, idempotencyToken="t")
    refused = code_of(lambda: start(client, idempotencyToken="t", sourceVersion="main"))
    assert (refused, len(double.builds)) == ("InvalidInputException", 1)


def test_account_has_room_for_so_many_builds(double: CodeBuild, client: CodeBuildClient) -> None:
    double.limit = 1
    one = start(client)
    assert code_of(lambda: start(client)) == "AccountLimitExceededException"
    client.stop_build(id=one)
    assert start(client) != one


def test_more_than_a_hundred_ids_are_refused(double: CodeBuild, client: CodeBuildClient) -> None:
    ids = [f"images:{number}" for number in range(101)]
    assert double.builds == {}
    assert code_of(lambda: client.batch_get_builds(ids=ids)) == "InvalidInputException"
    assert len(client.batch_get_builds(ids=ids[:100])["buildsNotFound"]) == 100


def test_lists_are_newest_first_and_have_pages(double: CodeBuild, client: CodeBuildClient) -> None:
    ids = [start(client) for _ in range(3)]
    double.page = 2
    first = client.list_builds_for_project(projectName="images")
    rest = client.list_builds_for_project(projectName="images", nextToken=first["nextToken"])
    assert first["ids"] + rest["ids"] == ids[::-1]
    assert "nextToken" not in rest


def test_log_ends_where_its_token_comes_back(
    double: CodeBuild, client: CodeBuildClient, logs: CloudWatchLogsClient
) -> None:
    build = double.builds[start(client)]
    double.write(build, "one\n")
    place = {"logGroupName": build.logs["groupName"], "logStreamName": build.logs["streamName"]}
    first = logs.get_log_events(**place, startFromHead=True)
    again = logs.get_log_events(**place, startFromHead=True, nextToken=first["nextForwardToken"])
    assert [one.get("message") for one in first["events"]] == ["one\n"]
    assert (again["events"], again["nextForwardToken"]) == ([], first["nextForwardToken"])


def test_request_that_the_description_does_not_allow_is_refused(double: CodeBuild) -> None:
    headers = {"X-Amz-Target": "CodeBuild_20161006.StartBuild"}
    wrong = {"projectName": "images", "environmentVariablesOverride": [{"name": "A", "value": 1}]}
    told = requests.post(double.url, json=wrong, headers=headers, timeout=10)
    assert (told.status_code, told.json()["__type"], double.builds) == (400, "InvalidInputException", {})
