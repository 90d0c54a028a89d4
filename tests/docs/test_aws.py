"""The queue of AWS events that people set up: its CloudFormation is sound and works, its Terraform says the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from devstack.ecr import ACCOUNT, REGION
from service.ports import BuildEvent
from tests.adapters.test_aws_events import OURS, built, pushed, received
from tests.contract.registries import Ministack, aws_credentials, ministack
from tests.docs.aws_policies import TemplateLoader, listed
from tests.fixtures.aws import aws_session
from tests.fixtures.processes import wait_until
from tests.fixtures.tools import ROOT

__all__ = ["aws_credentials", "ministack"]
TEMPLATE, TERRAFORM = ROOT / "docs/aws/events.yaml", ROOT / "docs/aws/events.tf"
NAMES = {
    "${aws_sqs_queue.events.arn}": "Events.Arn",
    "${aws_cloudwatch_event_rule.images.arn}": "Images.Arn",
    "${aws_cloudwatch_event_rule.builds.arn}": "Builds.Arn",
}
"""Names in Terraform, and what they are in the template."""


def template() -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(TEMPLATE.read_text(), TemplateLoader)  # noqa: S506 - a safe loader
    resources: dict[str, Any] = found["Resources"]
    return {name: resource["Properties"] for name, resource in resources.items()}


def bare(value: Any) -> Any:
    """Give a value of HCL without its quotes, heredocs as their text, and names as the template has them."""
    match value:
        case str():
            text = value[1:-1] if value.startswith('"') else value
            found = re.fullmatch(r"<<-(\w+)\n(.*)\n\s*\1", text, re.DOTALL)
            return found[2] if found else NAMES.get(text, text)
        case list():
            return [bare(one) for one in value]
        case dict():
            return {bare(key): bare(one) for key, one in value.items() if key != "__is_block__"}
        case _:
            return value


def terraform(block: str, kind: str, name: str) -> dict[str, Any]:
    document = bare(hcl2.loads(TERRAFORM.read_text()))
    (found,) = [one[kind][name] for one in document[block] if name in one.get(kind, {})]
    return dict(found)


def statements(name: str) -> list[dict[str, Any]]:
    """Give a policy document of Terraform as IAM writes it."""
    told = []
    for one in terraform("data", "aws_iam_policy_document", name)["statement"]:
        statement = {"Sid": one["sid"], "Effect": one["effect"], "Action": one["actions"], "Resource": one["resources"]}
        for principals in one.get("principals", []):
            statement["Principal"] = {principals["type"]: principals["identifiers"]}
        for condition in one.get("condition", []):
            statement["Condition"] = {condition["test"]: {condition["variable"]: condition["values"]}}
        told.append(statement)
    return told


def transformed(pattern: dict[str, str], text: str, event: dict[str, Any]) -> dict[str, Any]:
    """Do what EventBridge does with an event: values by their paths, put into the text as JSON."""
    for name, path in pattern.items():
        value: Any = event
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        text = text.replace(f"<{name}>", json.dumps(value))
    told: dict[str, Any] = json.loads(text)
    return told


def test_templates_are_clean_for_cfn_lint() -> None:
    argv = [
        str(Path(sys.executable).parent / "cfn-lint"),
        "--include-checks",
        "I",
        "--regions",
        REGION,
        "--",
        *map(str, sorted(TEMPLATE.parent.glob("*.yaml"))),
    ]
    told = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_queue_is_the_same_in_both() -> None:
    queue, same = template()["Events"], terraform("resource", "aws_sqs_queue", "events")
    assert (
        queue["MessageRetentionPeriod"], queue["ReceiveMessageWaitTimeSeconds"],
        queue["VisibilityTimeout"], queue["SqsManagedSseEnabled"],
    ) == (
        same["message_retention_seconds"], same["receive_wait_time_seconds"],
        same["visibility_timeout_seconds"], same["sqs_managed_sse_enabled"],
    )  # fmt: skip


@pytest.mark.parametrize(("rule", "name"), [("Images", "images"), ("Builds", "builds")])
def test_rule_and_target_are_the_same_in_both(rule: str, name: str) -> None:
    ours = template()[rule]
    (target,) = ours["Targets"]
    same = terraform("resource", "aws_cloudwatch_event_rule", name)
    there = terraform("resource", "aws_cloudwatch_event_target", name)
    assert json.loads(same["event_pattern"]) == ours["EventPattern"]
    assert same["description"] == ours["Description"]
    assert (there["target_id"], there["arn"]) == (target["Id"], target["Arn"])
    assert there["rule"] == f"${{aws_cloudwatch_event_rule.{name}.name}}"
    transformer = target.get("InputTransformer")
    if transformer is None:
        assert "input_transformer" not in there
        return
    (other,) = there["input_transformer"]
    assert other["input_paths"] == transformer["InputPathsMap"]
    assert other["input_template"].split() == transformer["InputTemplate"].split()


def test_policies_are_the_same_in_both() -> None:
    document = template()["EventsPolicy"]["PolicyDocument"]
    assert statements("events") == [listed(statement) for statement in document["Statement"]]
    worker = template()["WorkerPolicy"]["PolicyDocument"]
    assert statements("worker") == [listed(statement) for statement in worker["Statement"]]


def test_worker_may_do_what_it_does_with_the_queue_and_nothing_else() -> None:
    (statement,) = template()["WorkerPolicy"]["PolicyDocument"]["Statement"]
    called = set(re.findall(r'"(sqs:[A-Za-z]+)"', (ROOT / "service/adapters/aws_events.py").read_text()))
    assert set(statement["Action"]) == called == {"sqs:ReceiveMessage", "sqs:DeleteMessage"}
    assert statement["Resource"] == "Events.Arn"


def test_only_events_of_the_two_rules_may_be_put_into_the_queue() -> None:
    (statement,) = template()["EventsPolicy"]["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": ["Images.Arn", "Builds.Arn"]}}


def test_message_of_a_build_has_no_environment_and_is_still_understood() -> None:
    (target,) = template()["Builds"]["Targets"]
    transformer = target["InputTransformer"]
    message = transformed(transformer["InputPathsMap"], transformer["InputTemplate"], OURS)
    assert "secret-of" not in json.dumps(message)
    assert received(message).events == {BuildEvent("codebuild")}


class Deployed:
    """The template as a stack of an AWS on loopback."""

    def __init__(self, part: Ministack) -> None:
        made = aws_session(REGION)
        self.events: Any = made.client("events", endpoint_url=part.url)
        self.sqs = made.client("sqs", endpoint_url=part.url)
        stacks = made.client("cloudformation", endpoint_url=part.url)
        stacks.create_stack(StackName="e", TemplateBody=TEMPLATE.read_text(), Capabilities=["CAPABILITY_IAM"])
        wait_until(
            lambda: stacks.describe_stacks(StackName="e")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE", timeout=10
        )
        (output,) = stacks.describe_stacks(StackName="e")["Stacks"][0]["Outputs"]
        self.url = f"{part.url}/{ACCOUNT}/{output['OutputValue'].rpartition('/')[2]}"
        self.rules = {rule["Name"].split("-")[1]: rule for rule in self.events.list_rules()["Rules"]}

    def takes(self, rule: str, event: dict[str, Any]) -> bool:
        pattern = self.rules[rule]["EventPattern"]
        return bool(self.events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"])


def test_rules_of_the_deployed_template_take_what_is_ours_and_nothing_else(ministack: Ministack) -> None:
    stack = Deployed(ministack)
    others = [built("PATH"), built(), pushed(**{"action-type": "DELETE"}), pushed(result="FAILURE")]
    assert [stack.takes("Images", one) for one in (pushed(), OURS, *others)] == [True] + [False] * 5
    assert [stack.takes("Builds", one) for one in (pushed(), OURS, *others)] == [False, True] + [False] * 4


def test_event_of_a_build_reaches_the_queue_of_the_deployed_template_without_its_environment(
    ministack: Ministack,
) -> None:
    """Nobody but AWS may send its events, so the rule gets another source, and the message is given its own back."""
    stack = Deployed(ministack)
    rule = stack.rules["Builds"]
    pattern = rule["EventPattern"].replace("aws.codebuild", "acme.codebuild")
    stack.events.put_rule(Name=rule["Name"], EventPattern=pattern)
    entry = {"Source": "acme.codebuild", "DetailType": OURS["detail-type"], "Detail": json.dumps(OURS["detail"])}
    assert stack.events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    (message,) = stack.sqs.receive_message(QueueUrl=stack.url, WaitTimeSeconds=5)["Messages"]
    assert "secret-of" not in message["Body"]
    assert received(message["Body"].replace("acme.codebuild", "aws.codebuild")).events == {BuildEvent("codebuild")}
