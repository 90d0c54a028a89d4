"""Models in `mergeport.yaml`: their targets, what feeds them, and what is a fault."""

from __future__ import annotations

import pytest

from service.adapters.kinds import kinds
from service.core.config import Configuration, load
from service.core.routing import route
from service.core.words import OrderBy, Repository
from service.errors import ConfigError

HEAD = """\
model_registries: {mlflow: {url: "https://mlflow.test"}}
environments: {dev: {branch: develop}, prod: {from: dev}}
applications:
"""
ALONE = """\
  scorer:
    models: {fraud: {registry: mlflow, name: Fraud Scorer}}
    values: [{file: "{environment}.yaml", set: {m.uri: "{fraud.uri}", m.version: "{fraud.version}", replicas: 2}}]
    environments: {dev: {alias: challenger}}
"""
BESIDE = """\
  scorer:
    source: acme/scorer
    registry: r.test
    models: {fraud: {registry: mlflow, name: f}, risk: {registry: mlflow, name: r}}
    values:
      - {file: "a-{environment}.yaml", set: {image.tag: "{tag}", m.uri: "{fraud.uri}"}}
      - {file: "b-{environment}.yaml", set: {m.version: "{risk.version}", x: 1}}
    environments: {dev: {alias: latest}}
"""


def loaded(text: str, head: str = HEAD) -> Configuration:
    return load(head + text, kinds=kinds())


def faults(text: str, head: str = HEAD) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(text, head)
    return str(caught.value)


def test_one_model_alone_is_the_application_and_needs_no_source() -> None:
    configuration = loaded(ALONE)
    target = configuration.target("scorer", "dev")
    assert target is not None
    assert target.model is not None
    assert (target.source, target.branch, target.images) == ("mlflow:Fraud Scorer", "challenger", ())
    assert [path for entry in target.values for path, _ in entry.set] == ["m.uri", "m.version", "replicas"]
    assert target.order.by is OrderBy.OFF
    upstream = configuration.target("scorer", "prod")
    assert upstream is not None
    assert upstream.upstream is not None
    assert (upstream.branch, upstream.order.by) == ("", OrderBy.ANCESTRY)
    assert configuration.applications == ("scorer",)
    assert [row.key for row in configuration.explain("scorer", "dev")][:3] == [
        "models.fraud.registry", "models.fraud.name", "alias",
    ]  # fmt: skip


def test_models_beside_images_are_parts_that_write_only_their_own_values() -> None:
    configuration = loaded(BESIDE)
    assert configuration.applications == ("scorer", "scorer.fraud", "scorer.risk")
    written = {
        name: [(entry.file, path) for entry in target.values for path, _ in entry.set]
        for name in configuration.applications
        if (target := configuration.target(name, "dev")) is not None
    }
    assert written == {
        "scorer": [("a-dev.yaml", "image.tag"), ("b-dev.yaml", "x")],
        "scorer.fraud": [("a-dev.yaml", "m.uri")],
        "scorer.risk": [("b-dev.yaml", "m.version")],
    }
    risk = configuration.target("scorer.risk", "dev")
    assert risk is not None
    assert (risk.owner, risk.argocd_application, risk.order.by) == ("scorer", "scorer-dev", OrderBy.ANCESTRY)
    assert [one.application for one in route(configuration, Repository("mlflow:r"), "latest", None).targets] == [
        "scorer.risk"
    ]
    assert [one.application for one in route(configuration, Repository("acme/scorer"), "develop", None).targets] == [
        "scorer"
    ]


def test_gates_judge_only_what_they_can() -> None:
    head = HEAD.replace(
        "prod: {from: dev}", 'prod: {from: dev, gates: {checks: {contexts: ["*"]}, metric: {auc: ">= live"}}}'
    )
    configuration = loaded(BESIDE, head)
    kinds_of = {
        name: [kind for kind, _ in target.gates]
        for name in configuration.applications
        if (target := configuration.target(name, "prod")) is not None
    }
    assert kinds_of == {"scorer": ["checks"], "scorer.fraud": ["metric"], "scorer.risk": ["metric"]}
    told = {row.key: row.value for row in configuration.explain("scorer.fraud", "prod")}
    assert told["gates.metric.auc"] == ">= live"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("registry: mlflow", "registry: mlfow"), 'there is no model registry "mlfow"'),
        (("name: Fraud Scorer", 'name: "a/b"'), '"a/b" is not the name of a registered model'),
        (("{fraud: {", "{group: {"), '"group" cannot be the name of a model'),
        (("{fraud.uri}", "models:/fraud@champion"), "names a model that moves"),
        (("{fraud.uri}", "models:/fraud/Production"), "names a model that moves"),
        (("{fraud.uri}", "models:/fraud/latest"), "names a model that moves"),
        (("{fraud.uri}", "models:/{fraud.name}@champion"), "names a model that moves"),
        (("{fraud.uri}", "{fraud.url}"), "{fraud.url} is not a placeholder here"),
        (("{fraud.uri}", "{tag}"), "{tag} is not a placeholder here"),
        (('m.uri: "{fraud.uri}", m.version: "{fraud.version}", ', ""), "nothing is written of fraud"),
        (("alias: challenger", "alias: v3"), '"v3" is not an alias'),
        (("dev: {alias: challenger}", "dev: {}"), "alias"),
        (("registry: mlflow, ", ""), "registry: is missing"),
        (("{fraud: {registry: mlflow, name: Fraud Scorer}}", "{}"), "names no model"),
    ],
)
def test_what_cannot_be_right_is_a_fault(change: tuple[str, str], words: str) -> None:
    assert ALONE.count(change[0]) == 1
    assert words in faults(ALONE.replace(*change))


def test_a_version_in_an_address_of_the_registry_is_pinned() -> None:
    text = ALONE.replace('"{fraud.uri}"', '"models:/{fraud.name}/{fraud.version}"')
    assert loaded(text).target("scorer", "dev") is not None


def test_one_value_that_names_two_artifacts_is_a_fault() -> None:
    assert "names several artifacts" in faults(BESIDE.replace('"{tag}"', '"{tag}-{fraud.version}"'))
    same = (
        ALONE.replace("scorer:", "other:")
        .replace("Fraud Scorer", "fraud scorer")
        .replace("{environment}.", "{environment}-2.")
    )
    assert "differ only by upper and lower case" in faults(ALONE + same)
    assert "a key of the application" in faults(ALONE.replace("{alias: challenger}", "{alias: challenger, models: {}}"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("{url: 'ftp://x'}", "write https://host"),
        ("{url: 'https://a:b@x'}", "name a credential"),
        ("{kind: other, url: 'https://x'}", 'there is no model registry of kind "other"'),
        ("{}", "url: is missing"),
        ("{url: 'https://x', credential: lower}", "capital letters"),
        ("{url: 'https://x', token: abc}", '"token" is not a key here'),
    ],
)
def test_a_registry_that_cannot_be_asked_is_a_fault(options: str, words: str) -> None:
    assert words in faults(ALONE, HEAD.replace('{url: "https://mlflow.test"}', options))


def test_environments_need_no_branch_where_only_models_are() -> None:
    head = HEAD.replace("dev: {branch: develop}", "dev: {alias: challenger}")
    assert loaded(ALONE, head).target("scorer", "dev") is not None
    assert "branch: is missing" in faults(BESIDE, head)
