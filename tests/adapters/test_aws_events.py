"""Events of AWS: what a message means, and what becomes of it; on a real SQS over HTTP where SQS decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber
from structlog.testing import capture_logs

from devstack.ecr import ACCOUNT, REGION
from service.adapters.aws_events import AwsEventQueue
from service.adapters.ecr_options import hosts_of
from service.core.ecr_hosts import ecr_host
from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from service.ports import BuildEvent, Event, ImageEvent, Received
from tests.contract.registries import ECR_HOST, Ministack, aws_credentials, ministack
from tests.fixtures.aws import aws_session

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["aws_credentials", "ministack"]
URL = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/mergeport-events"


def event(source: str, detail_type: str, detail: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Give an event as EventBridge sends it."""
    return {
        "version": "0",
        "id": "13cde686-328b-6117-af20-0e5566167482",
        "detail-type": detail_type,
        "source": source,
        "account": ACCOUNT,
        "time": "2026-11-16T01:54:34Z",
        "region": REGION,
        "resources": [],
        "detail": detail,
        **changed,
    }


def pushed(**changed: Any) -> dict[str, Any]:
    """Give AWS's own example of a push: the ECR user guide, "Amazon ECR events and EventBridge"."""
    detail = {
        "result": "SUCCESS",
        "repository-name": "my-repository-name",
        "image-digest": "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd1234",
        "action-type": "PUSH",
        "image-tag": "latest",
        **changed,
    }
    return event("aws.ecr", "ECR Image Action", detail)


def built(*names: str, **changed: Any) -> dict[str, Any]:
    """Give a build's change of state, as in "Build notifications" of the CodeBuild user guide, with these variables."""
    variables = [{"name": name, "type": "PLAINTEXT", "value": f"secret-of-{name}"} for name in names]
    detail = {
        "build-status": "SUCCEEDED",
        "project-name": "my-sample-project",
        "build-id": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:build/my-sample-project:8745a7a9-c340-456a-9166-edf953571b",
        "additional-information": {"environment": {"environment-variables": variables}, "build-complete": True},
        "current-phase": "COMPLETED",
        "version": "1",
    }
    return event("aws.codebuild", "CodeBuild Build State Change", detail | changed)


OURS = built("MERGEPORT_CORRELATION", "TOKEN")


class Sqs:
    """A queue on a real SQS, seen from the sender's side."""

    def __init__(self, part: Ministack, **attributes: str) -> None:
        self.client = client_at(part.url)
        made = self.client.create_queue(QueueName="mergeport-events", Attributes=attributes)  # type: ignore[arg-type] # names
        name = made["QueueUrl"].rpartition("/")[2]
        self.url = f"{part.url}/{ACCOUNT}/{name}"

    def send(self, *bodies: dict[str, Any] | str) -> None:
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.client.send_message(QueueUrl=self.url, MessageBody=text)

    @property
    def left(self) -> int:
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(number) for number in told.values())

    def queue(self) -> AwsEventQueue:
        return AwsEventQueue(self.url, client=lambda: self.client, poll_seconds=0)


@pytest.fixture
def sqs(ministack: Ministack) -> Sqs:
    return Sqs(ministack)


@cache
def client_at(url: str | None) -> SQSClient:
    """Make a client once: that takes longer than a test."""
    return aws_session(REGION).client("sqs", endpoint_url=url)


STUBS: list[Stubber] = []


def stubbed() -> tuple[AwsEventQueue, Stubber]:
    """Give a queue whose client answers what is put into the stub; the one of the test before is put away."""
    while STUBS:
        STUBS.pop().deactivate()
    client = client_at(None)
    STUBS.append(Stubber(client))
    STUBS[0].activate()
    return AwsEventQueue(URL, client=lambda: client), STUBS[0]


def received(*bodies: dict[str, Any] | str) -> Received:
    """Give what a queue makes of these messages."""
    queue, stub = stubbed()
    messages = [
        {
            "MessageId": f"m{place}",
            "ReceiptHandle": f"r{place}",
            "Body": one if isinstance(one, str) else json.dumps(one),
        }
        for place, one in enumerate(bodies)
    ]
    stub.add_response("receive_message", {"Messages": messages})
    return queue.receive()


# --- what a message means ------------------------------------------------------------------------------


def test_push_of_an_image_names_its_registry_by_every_name() -> None:
    (told,) = received(pushed()).events
    assert isinstance(told, ImageEvent)
    assert ECR_HOST in told.hosts
    assert told.registry_kind == "ecr"


@pytest.mark.parametrize("region", ["ap-northeast-2", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"])
def test_every_name_of_a_registry_is_one_that_can_be_configured(region: str) -> None:
    for host in hosts_of(ACCOUNT, region):
        assert ecr_host(host) == (ACCOUNT, region)


@pytest.mark.parametrize("changed", [{"action-type": "DELETE"}, {"result": "FAILURE"}])
def test_event_that_brings_no_image_means_nothing_and_is_taken_away(changed: dict[str, Any]) -> None:
    with capture_logs() as told:
        found = received(pushed(**changed))
    assert (found.events, found.receipts, told) == (frozenset(), ("r0",), [])


@pytest.mark.parametrize("status", ["IN_PROGRESS", "SUCCEEDED", "FAILED", "STOPPED"])
def test_build_of_ours_that_moved_is_told(status: str) -> None:
    assert received({**OURS, "detail": OURS["detail"] | {"build-status": status}}).events == {BuildEvent("codebuild")}


def test_build_of_somebody_else_means_nothing() -> None:
    assert received(built("PATH")).events == frozenset()


def test_build_whose_environment_was_taken_out_on_the_way_is_told() -> None:
    assert received(built(**{"additional-information": {}})).events == {BuildEvent("codebuild")}


def test_many_messages_are_few_events() -> None:
    found = received(*[pushed()] * 4, *[OURS] * 5)
    assert (len(found.events), len(found.receipts)) == (2, 9)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("no JSON; token=secret-of-body", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('["secret-of-body"]', "shape"),
        ('{"detail": "secret-of-body"}', "shape"),
        ({**pushed(), "account": "210987654321"}, "another account"),
        ({**pushed(), "region": "us-east-1"}, "another region"),
        ({**pushed(), "account": None}, "another account"),
        ({**OURS, "source": "acme.codebuild"}, "another source"),
        ({**OURS, "detail-type": "CodeBuild Build Phase Change"}, "another source or type"),
        (event("aws.ecr", "ECR Image Action", {"result": "SUCCESS"}), "no repository"),
        (event("aws.codebuild", "CodeBuild Build State Change", {"build-id": 7}), "no build"),
    ],
)
def test_message_that_is_no_event_of_ours_is_taken_away_and_told_without_its_body(body: Any, why: str) -> None:
    with capture_logs() as told:
        found = received(body, pushed())
    (line,) = told
    assert (found.receipts, len(found.events)) == (("r0", "r1"), 1)
    assert why in line["why"]
    assert (line["message"], line["queue"]) == ("m0", "mergeport-events")
    assert "secret-of" not in repr(told)


def test_nothing_of_a_message_is_kept_but_what_it_means() -> None:
    assert "secret-of" not in repr(received(OURS))


def test_queue_is_polled_for_twenty_seconds_and_ten_messages() -> None:
    queue, stub = stubbed()
    asked = {"QueueUrl": URL, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20}
    stub.add_response("receive_message", {}, asked)
    assert queue.receive() == Received()
    stub.assert_no_pending_responses()


# --- on a real SQS -------------------------------------------------------------------------------------


def test_message_is_read_and_taken_from_the_queue(sqs: Sqs) -> None:
    sqs.send(pushed(), OURS, "poison")
    queue, found = sqs.queue(), list[Event]()
    for _ in range(3):
        told = queue.receive()
        found += told.events
        queue.forget(told)
    assert {type(one) for one in found} == {ImageEvent, BuildEvent}
    assert sqs.left == 0


def test_message_that_was_not_forgotten_stays(sqs: Sqs) -> None:
    sqs.send(pushed())
    sqs.queue().receive()
    assert sqs.left == 1


def test_empty_queue_has_nothing_to_forget(sqs: Sqs) -> None:
    queue = sqs.queue()
    told = queue.receive()
    queue.forget(told)
    assert told == Received()


def test_queue_is_reached_at_its_own_address(ministack: Ministack, monkeypatch: pytest.MonkeyPatch) -> None:
    """No client is handed in: the address alone leads to the queue, and the process's region holds for it."""
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    sqs = Sqs(ministack)
    sqs.send(pushed())
    assert len(AwsEventQueue(sqs.url, poll_seconds=0).receive().events) == 1


def test_missing_queue_is_told_by_its_name(ministack: Ministack) -> None:
    sqs = Sqs(ministack)
    gone = AwsEventQueue(f"{ministack.url}/{ACCOUNT}/gone", client=lambda: sqs.client, poll_seconds=0)
    with pytest.raises(PermanentError, match="gone does not exist") as caught:
        gone.receive()
    assert caught.value.code == "aws-events-queue-missing"


# --- refusals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status", "error", "ours", "hint"),
    [
        ("AccessDenied", 403, DoubtfulError, "aws-events-refused", "allow sqs:ReceiveMessage"),
        ("InvalidClientTokenId", 403, DoubtfulError, "aws-events-refused", "does not know the credentials"),
        ("RequestThrottled", 400, RetryableError, "aws-events-unavailable", ""),
        ("InternalFailure", 500, RetryableError, "aws-events-unavailable", ""),
        ("QueueDoesNotExist", 400, PermanentError, "aws-events-queue-missing", "MERGEPORT_AWS_EVENTS_QUEUE_URL"),
    ],
)
def test_refusal_of_sqs_becomes_ours(code: str, status: int, error: type[MergeportError], ours: str, hint: str) -> None:
    queue, stub = stubbed()
    stub.add_client_error("receive_message", code, "words of AWS", http_status_code=status)
    with pytest.raises(error) as caught:
        queue.receive()
    assert (caught.value.code, hint in caught.value.hint) == (ours, True)


def failing(error: Exception) -> Callable[[], SQSClient]:
    def fail() -> SQSClient:
        raise error

    return fail


def test_queue_that_is_away_is_retryable_and_says_that_polling_goes_on() -> None:
    queue = AwsEventQueue(URL, client=failing(EndpointConnectionError(endpoint_url="https://sqs")))
    with pytest.raises(RetryableError, match="looks on its own schedule"):
        queue.receive()


def test_missing_credentials_ask_for_a_role() -> None:
    with pytest.raises(PermanentError, match="AWS role"):
        AwsEventQueue(URL, client=failing(NoCredentialsError())).receive()


@pytest.mark.parametrize(
    "host",
    [
        "sqs.eu-west-1.amazonaws.com",
        "sqs-fips.eu-west-1.amazonaws.com",
        "eu-west-1.queue.amazonaws.com",
        "vpce-0a1b-2c3d.sqs.eu-west-1.vpce.amazonaws.com",
        "sqs.eu-west-1.api.aws",
    ],
)
def test_region_is_read_from_the_address(host: str) -> None:
    """A region of the process's own is not there: without the address's, no client could be made."""
    queue = AwsEventQueue(f"https://{host}/{ACCOUNT}/mergeport-events", poll_seconds=0)
    client = queue._call._make()
    assert (client.meta.region_name, client.meta.endpoint_url) == ("eu-west-1", f"https://{host}")
