"""The roles and the repository that people set up: Terraform says what CloudFormation says, and no right is idle."""

from __future__ import annotations

import json
import re
from typing import Any

import hcl2
import yaml

from tests.docs.aws_policies import TemplateLoader, listed
from tests.fixtures.tools import ROOT

AWS = ROOT / "docs" / "aws"
SAME = {
    "${data.aws_partition.this.partition}": "${AWS::Partition}",
    "${data.aws_partition.image.partition}": "${AWS::Partition}",
    "${data.aws_region.this.name}": "${AWS::Region}",
    "${data.aws_caller_identity.this.account_id}": "${AWS::AccountId}",
    "${var.repositories}": "${Repositories}",
    "${var.projects}": "${Projects}",
    "${var.service_account}": "${ServiceAccount}",
    "${var.pulling_account}": "${PullingAccount}",
    "${var.oidc_provider}": "OidcProvider",
    "${local.issuer}": "oidc.eks.REGION.amazonaws.com/id/ISSUER",
    "${local.provider}": ["MakesProvider", "Provider", "GitHubProvider"],
    "${aws_ecr_repository.image.arn}": "Repository.Arn",
    '${[for branch in var.branches : "repo:${var.source_repository}:ref:refs/heads/${branch}"]}': [
        f"repo:${{Source}}:ref:refs/heads/${{Branch{number}}}" for number in (1, 2, 3)
    ],
}
"""Names in Terraform, and what they are in CloudFormation."""


def resources(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((AWS / f"{name}.yaml").read_text(), TemplateLoader)  # noqa: S506 - a safe loader
    return {key: one["Properties"] for key, one in found["Resources"].items()}


def bare(value: Any) -> Any:
    match value:
        case str():
            text = value[1:-1] if value.startswith('"') else value
            if text in SAME:
                return SAME[text]
            for theirs, ours in SAME.items():
                text = text.replace(theirs, ours) if isinstance(ours, str) else text
            return text
        case list():
            return [bare(one) for one in value]
        case dict():
            return {bare(key): bare(one) for key, one in value.items() if key != "__is_block__"}
        case _:
            return value


def documents(name: str) -> dict[str, list[dict[str, Any]]]:
    """Give the policy documents of a Terraform file as IAM writes them."""
    found = {}
    for data in bare(hcl2.loads((AWS / f"{name}.tf").read_text()))["data"]:
        for title, document in data.get("aws_iam_policy_document", {}).items():
            found[title] = [statement(one) for one in document["statement"]]
    return found


def statement(one: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"Sid": one["sid"], "Effect": one["effect"], "Action": one["actions"]}
    if "resources" in one:
        told["Resource"] = one["resources"]
    for principals in one.get("principals", []):
        told["Principal"] = {principals["type"]: flat(principals["identifiers"])}
    for condition in one.get("condition", []):
        told.setdefault("Condition", {}).setdefault(condition["test"], {})[condition["variable"]] = condition["values"]
    return told


def flat(value: list[Any]) -> list[Any]:
    return value[0] if len(value) == 1 and isinstance(value[0], list) else value


def test_policies_of_the_role_are_the_same_in_both() -> None:
    template, terraform = resources("role"), documents("role")
    for resource, document in (("Registry", "registry"), ("Builds", "builds")):
        ours = [listed(one) for one in template[resource]["PolicyDocument"]["Statement"]]
        assert terraform[document] == ours
    (trust,) = template["Role"]["AssumeRolePolicyDocument"]["Statement"]
    condition, with_oidc, with_pod_identity = trust
    assert condition == "HasOidc"
    assert terraform["service_account"] == [listed_trust(with_oidc)]
    assert terraform["pod_identity"] == [listed_trust(with_pod_identity)]


def test_policies_of_an_image_are_the_same_in_both() -> None:
    template, terraform = resources("image"), documents("image")
    (trust,) = template["BuildRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert terraform["merged_code"] == [listed_trust(trust)]
    (policy,) = template["BuildRole"]["Policies"]
    assert terraform["push"] == [listed(one) for one in policy["PolicyDocument"]["Statement"]]
    condition, pull, _ = template["Repository"]["RepositoryPolicyText"]
    assert condition == "HasPullingAccount"
    assert terraform["pull"] == [listed(one) for one in pull["Statement"]]


def listed_trust(one: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = listed({key: value for key, value in one.items() if key != "Condition"})
    if "Condition" in one:
        told["Condition"] = {test: listed(values) for test, values in one["Condition"].items()}
    return told


def test_role_may_do_what_the_page_says_and_nothing_else() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    template = resources("role")
    for title, resource in (("A role for Amazon ECR", "Registry"), ("A role for AWS CodeBuild", "Builds")):
        told = json.loads(page.split(f"## {title}", 1)[1].split("```json\n", 1)[1].split("```", 1)[0])
        ours = template[resource]["PolicyDocument"]["Statement"]
        assert [(one["Sid"], listed(one["Action"])) for one in told["Statement"]] == [
            (one["Sid"], listed(one["Action"])) for one in ours
        ]


def test_build_role_may_do_what_the_policies_beside_the_workflow_say() -> None:
    template = resources("image")["BuildRole"]
    policy = json.loads((ROOT / "docs" / "workflows" / "push-policy.json").read_text())
    (ours,) = template["Policies"]
    assert [sorted(listed(one["Action"])) for one in policy["Statement"]] == [
        sorted(listed(one["Action"])) for one in ours["PolicyDocument"]["Statement"]
    ]
    trust = json.loads((ROOT / "docs" / "workflows" / "trust-policy.json").read_text())["Statement"][0]
    (mine,) = template["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Action"], set(trust["Condition"]["StringEquals"])) == (
        mine["Action"], set(mine["Condition"]["StringEquals"]),
    )  # fmt: skip
    assert re.fullmatch(
        r"repo:.*:ref:refs/heads/.*", mine["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"][0]
    )
