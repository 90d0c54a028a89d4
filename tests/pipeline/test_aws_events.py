"""An event of AWS, read from a real SQS, has a run that waits go on without a look of the schedule's own."""

from __future__ import annotations

import json

import pytest

from devstack.ecr import ACCOUNT
from service.adapters.aws_events import AwsEventQueue
from service.core.words import RunState, WaitKind
from service.pipeline.intake.events import follow_events
from service.pipeline.watches import look
from tests.fixtures.aws import aws_session
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE
from tests.pipeline.harness import Pipeline

EXTERNAL = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: external}")


def test_push_of_the_awaited_image_lets_its_run_go_on(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    region = REGISTRY.split(".")[3]
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": EXTERNAL}, "Wait for another pipeline")
    pipeline.settle(looks=0)
    commit = pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"}).merge_commit_sha or ""
    pipeline.settle(looks=0)
    assert pipeline.wait(pipeline.run())[0] is WaitKind.IMAGE
    client = aws_session(region).client("sqs", endpoint_url=pipeline.stack.ecr.endpoint)
    client.create_queue(QueueName="mergeport-events")
    url = f"{pipeline.stack.ecr.endpoint}/{ACCOUNT}/mergeport-events"
    pipeline.push_image(commit[:12], revision=commit)
    detail = {"result": "SUCCESS", "action-type": "PUSH", "repository-name": "checkout", "image-tag": commit[:12]}
    event = {
        "detail-type": "ECR Image Action", "source": "aws.ecr", "account": ACCOUNT, "region": region, "detail": detail,
    }  # fmt: skip
    client.send_message(QueueUrl=url, MessageBody=json.dumps(event))

    def look_now(kind: WaitKind, key: str) -> None:
        look(pipeline.context, kind, key)

    assert follow_events(pipeline.context, AwsEventQueue(url, poll_seconds=0), look_now, lambda: False)
    pipeline.settle(looks=0)
    assert (pipeline.run().state, pipeline.wait(pipeline.run())[0]) == (RunState.WAITING, WaitKind.SYNC)
