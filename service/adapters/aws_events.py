"""Events of Amazon ECR and AWS CodeBuild, read from an SQS queue that EventBridge fills (docs/aws/events.yaml).

Bootstrap makes it where MERGEPORT_AWS_EVENTS_QUEUE_URL is set. A message counts only if it has an event's shape and is
of the queue's own account and region. Bodies, which may hold a build's secrets, are neither kept nor logged.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, assert_never
from urllib.parse import urlsplit

import structlog

from service.adapters.aws import Calls, Trouble, TroubleKind, make_client
from service.adapters.ecr_options import hosts_of
from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from service.ports import BuildEvent, Event, ImageEvent, Received

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ReceiveMessageResultTypeDef

POLL_SECONDS = 20
"""The longest that SQS waits for a message."""
_MOST = 10
_REGION = re.compile(r"(?:^|\.)(?:sqs(?:-fips)?\.(?P<region>[a-z0-9-]+)\.|(?P<legacy>[a-z0-9-]+)\.queue\.)")
_CORRELATION = "MERGEPORT_CORRELATION"
_MISSING = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}

log = structlog.get_logger()


class _NoEventError(Exception):
    """A message that is no event of ours, and why."""


class AwsEventQueue:
    """One queue, read by one thread. Give `client` to have it made elsewhere."""

    def __init__(
        self,
        url: str,
        *,
        ca_file: Path | None = None,
        client: Callable[[], SQSClient] | None = None,
        poll_seconds: int = POLL_SECONDS,
    ) -> None:
        """Take the queue's address and whom to trust; nothing is called yet."""
        self._poll_seconds = poll_seconds
        parts = urlsplit(url)
        self._url = url
        self._account, self._name = parts.path.strip("/").split("/")[-2:]
        found = _REGION.search(parts.netloc)
        region = (found["region"] or found["legacy"]) if found else None

        def make() -> SQSClient:
            made: SQSClient = make_client("sqs", region, endpoint=f"{parts.scheme}://{parts.netloc}", ca_file=ca_file)
            return made

        self._call = Calls(client or make, self._error)

    def receive(self) -> Received:
        """Wait for messages; give each event once, and name in the log what was none."""

        def ask(client: SQSClient) -> tuple[ReceiveMessageResultTypeDef, str]:
            told = client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=_MOST, WaitTimeSeconds=self._poll_seconds
            )
            return told, client.meta.region_name

        told, region = self._call("sqs:ReceiveMessage", ask)
        events: set[Event] = set()
        receipts = []
        for message in told.get("Messages", []):
            receipts.append(message.get("ReceiptHandle", ""))
            try:
                event = _event_in(message.get("Body", ""), self._account, region)
            except _NoEventError as why:
                log.warning(
                    "a message in the queue of AWS events is no such event and is deleted",
                    why=str(why),
                    queue=self._name,
                    message=message.get("MessageId", ""),
                )
                continue
            if event is not None:
                events.add(event)
        return Received(frozenset(events), tuple(receipts))

    def forget(self, received: Received) -> None:
        """Delete the messages; one that SQS does not delete comes again, which is harmless."""
        entries = [{"Id": str(place), "ReceiptHandle": one} for place, one in enumerate(received.receipts)]
        if entries:
            self._call(
                "sqs:DeleteMessage",
                lambda client: client.delete_message_batch(QueueUrl=self._url, Entries=entries),  # type: ignore[arg-type] # a TypedDict's
            )

    def _error(self, trouble: Trouble) -> MergeportError:
        what, action, code = f"the queue of AWS events {self._name}", trouble.action, trouble.code
        hint = trouble.hint(None)
        match trouble.kind:
            case TroubleKind.THROTTLED | TroubleKind.AWAY | TroubleKind.UNREACHABLE:
                words = f"{what} does not answer {action}: {code}; Mergeport looks on its own schedule meanwhile"
                return RetryableError(words, code="aws-events-unavailable")
            case TroubleKind.OTHER_ANSWER:
                words = f"what answered {action} is not {what}"
                hint = "MERGEPORT_AWS_EVENTS_QUEUE_URL is the address that SQS gives"
                return DoubtfulError(words, code="aws-events-answer", hint=hint)
            case TroubleKind.REFUSED if code in _MISSING:
                hint = "check MERGEPORT_AWS_EVENTS_QUEUE_URL"
                return PermanentError(f"{what} does not exist", code="aws-events-queue-missing", hint=hint)
            case TroubleKind.ROLE | TroubleKind.DENIED | TroubleKind.UNKNOWN | TroubleKind.REFUSED:
                return DoubtfulError(f"{what} refused {action}: {code}", code="aws-events-refused", hint=hint)
            case TroubleKind.NO_CREDENTIALS | TroubleKind.SETTINGS:
                return PermanentError(f"Mergeport cannot call {what}: {code}", code="aws-settings", hint=hint)
            case _:
                assert_never(trouble.kind)


def _event_in(body: str, account: str, region: str) -> Event | None:
    """Read one message; None for an event that means nothing here."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise _NoEventError("it is not JSON") from None
    if not isinstance(told, dict) or not isinstance(told.get("detail"), dict):
        raise _NoEventError("it has not the shape of an event")
    if told.get("account") != account:
        raise _NoEventError("it is of another account than the queue")
    if told.get("region") != region:
        raise _NoEventError("it is of another region than the queue")
    detail: Mapping[str, Any] = told["detail"]
    match told.get("source"), told.get("detail-type"):
        case "aws.ecr", "ECR Image Action":
            return _image_event(detail, account, region)
        case "aws.codebuild", "CodeBuild Build State Change":
            return _build_event(detail)
        case _:
            raise _NoEventError("it is of another source or type")


def _image_event(detail: Mapping[str, Any], account: str, region: str) -> Event | None:
    if not isinstance(detail.get("repository-name"), str):
        raise _NoEventError("it names no repository")
    if (detail.get("action-type"), detail.get("result")) != ("PUSH", "SUCCESS"):
        return None
    return ImageEvent("ecr", hosts_of(account, region))


def _build_event(detail: Mapping[str, Any]) -> Event | None:
    """Take a build of ours, or one whose environment was taken out on the way."""
    if not isinstance(detail.get("build-id"), str):
        raise _NoEventError("it names no build")
    match detail.get("additional-information"):
        case {"environment": {"environment-variables": list(variables)}}:
            ours = any(isinstance(one, dict) and one.get("name") == _CORRELATION for one in variables)
            return BuildEvent("codebuild") if ours else None
        case _:
            return BuildEvent("codebuild")
