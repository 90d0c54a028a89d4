"""docs/secrets.md: what it says to write is taken by the chart, makes what it says, and has no plain secret in it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from service.adapters.secret_forms import DetectSecretsForms
from service.core.plain_secrets import find_plain_secrets
from tests.fixtures.charts import TEMPLATE, Manifest, Render, one
from tests.fixtures.tools import ROOT

PAGE = (ROOT / "docs" / "secrets.md").read_text()
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)}
KINDS = {
    "Sealed Secrets": {"SealedSecret"},
    "External Secrets with AWS": {"ExternalSecret", "SecretStore"},
    "Infisical": {"InfisicalSecret"},
}


def blocks(section: str, language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", SECTIONS[section], re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def rendered(render: Render, section: str) -> list[Manifest]:
    (text,) = blocks(section, "yaml")
    folder = TEMPLATE / "apps" / "checkout"
    values: dict[str, Any] = yaml.safe_load(text)
    return render(TEMPLATE / "charts" / "application", folder / "values.yaml", folder / "values-prod.yaml", values)


@pytest.mark.parametrize("section", KINDS)
def test_values_of_each_way_make_the_secret_that_the_page_names(render: Render, section: str) -> None:
    manifests = rendered(render, section)
    assert KINDS[section] <= {manifest["kind"] for manifest in manifests}
    assert "Secret" not in {manifest["kind"] for manifest in manifests}
    (container,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {"secretRef": {"name": "checkout-secrets"}} in container["envFrom"]
    (text,) = blocks(section, "yaml")
    assert find_plain_secrets("apps/checkout/values-prod.yaml", text, DetectSecretsForms()) == []


def test_role_on_aws_reads_one_secret_and_is_taken_by_one_service_account(render: Render) -> None:
    policy, trust = map(json.loads, blocks("External Secrets with AWS", "json"))
    manifests = rendered(render, "External Secrets with AWS")
    (statement,) = policy["Statement"]
    (key,) = {entry["remoteRef"]["key"] for entry in one(manifests, "ExternalSecret")["spec"]["data"]}
    assert statement["Resource"].endswith(f":secret:{key}-*")
    assert all(action.startswith("secretsmanager:") and "*" not in action for action in statement["Action"])
    account = one(manifests, "ServiceAccount")["metadata"]["name"]
    (condition,) = (entry["Condition"]["StringEquals"] for entry in trust["Statement"])
    assert f"system:serviceaccount:checkout-prod:{account}" in condition.values()


def test_kubeseal_seals_for_the_name_and_namespace_that_the_chart_gives(render: Render) -> None:
    sealed = one(rendered(render, "Sealed Secrets"), "SealedSecret")
    assert f"--name {sealed['metadata']['name']} --namespace checkout-prod" in SECTIONS["Sealed Secrets"]


def test_comment_of_the_page_allows_what_it_stands_beside() -> None:
    (text,) = blocks("Plain secrets are refused", "yaml")
    (found,) = find_plain_secrets("apps/x/values.yaml", text, DetectSecretsForms())
    assert (found.allowed, found.reason) == (True, "only the cluster's name")
