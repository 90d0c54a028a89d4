"""The chart `application` refuses what cannot work, and says which value it is and what to write instead."""

from __future__ import annotations

import json
import subprocess

import jsonschema_rs
import pytest

from tests.charts.test_application import CHART, REPOSITORY, values
from tests.fixtures.charts import Manifest, Render, RenderError

SCHEMA = jsonschema_rs.validator_for(json.loads((CHART / "values.schema.json").read_text()))
ISTIO = {"kind": "Rollout", "rollout": {"traffic": "istio"}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"autoscaling": {"enabled": True}, "keda": {"enabled": True, "triggers": [{}]}},
            "two autoscalers would fight",
        ),
        ({"kind": "CronJob", "job": {"schedule": "@daily"}, "autoscaling": {"enabled": True}}, "not a CronJob"),
        ({"kind": "CronJob"}, "job.schedule is empty"),
        ({"autoscaling": {"enabled": True, "minReplicas": 9}}, "minReplicas is more than autoscaling.maxReplicas"),
        (
            {"autoscaling": {"enabled": True}, "resources": {"requests": {"cpu": None}}},
            "resources.requests.cpu is empty",
        ),
        (
            {"autoscaling": {"enabled": True}, "containers": {"log": {"image": {"repository": "r", "tag": "t"}}}},
            "containers.log.resources.requests.cpu is empty",
        ),
        ({"autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": 0}}, "nothing to look at"),
        ({"keda": {"enabled": True}}, "keda.triggers is empty"),
        ({"kind": "Worker", "ingress": {"enabled": True, "host": "a.b"}}, "no Service to lead to: kind is Worker"),
        ({"service": {"enabled": False}, "istio": {"enabled": True}}, "service.enabled is false"),
        ({"gateway": {"enabled": True}}, "gateway.parentRefs is empty"),
        ({"istio": {"enabled": True, "byWeight": [{"service": "b", "weight": 60}] * 2}}, "more than 100"),
        (ISTIO, "there is no VirtualService"),
        (ISTIO | {"istio": {"enabled": True, "byWeight": [{"service": "b", "weight": 1}]}}, "would fight with it"),
        ({"kind": "Rollout", "rollout": {"analysis": {"enabled": True}}}, "nothing would be judged"),
        ({"service": {"targetPort": "grpc"}}, r'service.targetPort is \\?"grpc\\?", and no container.*there are http'),
        ({"metrics": {"enabled": True, "port": "metrics"}}, "metrics.port is"),
        ({"kind": "Worker", "metrics": {"enabled": True}}, "metrics.port is"),
        (
            {"metrics": {"enabled": True, "port": "m"}, "ports": {"m": {"containerPort": 9090, "service": False}}},
            "the Service does not offer it",
        ),
        ({"gpu": {"count": 1, "container": "predict"}}, "the GPUs would be nobody's"),
        ({"model": {"uri": "models:/scorer@champion"}}, "an alias, a stage or `latest` is another model tomorrow"),
        ({"model": {"uri": "models:/scorer/latest"}}, "Name the version: models:/NAME/7"),
        ({"model": {"uri": "models:/scorer/Production"}}, "Name the version"),
        ({"model": {"uri": "s3://bucket/model/"}}, "model.image.repository is empty"),
        ({"secrets": {"provider": "sealed-secrets"}}, "secrets.sealed is empty"),
        ({"secrets": {"provider": "external-secrets"}}, "are both empty"),
        (
            {"secrets": {"provider": "external-secrets", "external": {"all": ["a"]}}},
            "awsRegion and secrets.external.store",
        ),
        ({"secrets": {"provider": "infisical"}}, "identityId and secrets.infisical.credentialsSecret"),
        ({"kind": "InferenceService", "networkPolicy": {"enabled": True}}, "would select no pod"),
        ({"containers": {"log": {"image": {"repository": "r"}}}}, "containers.log.image.tag"),
        ({"kind": "InferenceService", "metrics": {"enabled": True}}, "would select no pod"),
        ({"kind": "Rollout", "strategy": {"type": "Recreate"}}, "a Rollout has rollout.strategy"),
        ({"kind": "Job", "podDisruptionBudget": {"enabled": True}}, "not for a Job"),
        ({"rollout": {"analysis": {"enabled": True}}}, "only a Rollout has a canary"),
        ({"kind": "Job", "job": {"schedule": "@daily"}}, "only a CronJob has one"),
        ({"kserve": {"modelFormat": "sklearn"}}, "only an InferenceService has one"),
        ({"istio": {"circuitBreaker": {"enabled": True}}}, "there would be none of them"),
        ({"istio": {"mirror": {"service": "next"}}}, "there would be none of them"),
        ({"networkPolicy": {"egress": {"enabled": True}}}, "nothing would be limited"),
        ({"secrets": {"sealed": {"A": "x"}}}, r'secrets.provider is \\?"\\?": the pods would not get them'),
        (
            {"secrets": {"provider": "sealed-secrets", "sealed": {"A": "x"}, "external": {"all": ["a"]}}},
            "values for external-secrets",
        ),
    ],
)
def test_values_that_do_not_fit_each_other_are_refused_in_words(render: Render, given: Manifest, words: str) -> None:
    with pytest.raises(RenderError, match=rf"(?s){words}"):
        render(CHART, values(**given))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"replica": 3}, "replica"),
        ({"autoscalling": {"enabled": True}}, "autoscalling"),
        ({"service": {"prot": 80}}, "prot"),
        ({"kind": "Deploy"}, "kind"),
        ({"containers": {"application": {"image": {"repository": "r", "tag": "t"}}}}, "application"),
        ({"containers": {"log": {"image": {"repository": "r", "tag": "t"}, "port": 1}}}, "port"),
        ({"env": {"A": {"secretKeyRef": {"name": "s", "key": "k"}}}}, "A"),
        ({"probes": {"startup": {"failureTreshold": 3}}}, "failureTreshold"),
        ({"model": {"sha256": "abc"}}, "sha256"),
        ({"serviceAccount": {"roleArn": "arn:aws:iam::1:role/x"}}, "roleArn"),
        ({"podDisruptionBudget": {"minAvailable": "half"}}, "minAvailable"),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, "maxUnavailable"),
        ({"podDisruptionBudget": {"maxUnavailable": "0%"}}, "maxUnavailable"),
    ],
)
def test_a_mistyped_key_or_value_is_refused_by_its_name(given: Manifest, words: str) -> None:
    with pytest.raises(jsonschema_rs.ValidationError, match=words):
        SCHEMA.validate(values(**given))
    SCHEMA.validate(values())


def test_helm_3_and_4_both_tell_the_name(render: Render, helm4: str) -> None:
    with pytest.raises(RenderError, match=r"(?s)specifications of the schema.*replica"):
        render(CHART, values(replica=3))
    argv = [helm4, "template", "checkout", str(CHART), "--set", "image.repository=r,image.tag=t,replica=3"]
    told = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert "additional properties 'replica' not allowed" in told.stderr


def test_an_alias_is_refused_whoever_fetches_the_model(render: Render) -> None:
    """Also where the application or KServe does, and for a version that only looks like a number."""
    for more in ({"load": False}, {"image": {"repository": REPOSITORY, "tag": "1"}}):
        for uri in ("models:/scorer@7", "models:/scorer/7/", "models:/scorer/07a", "models:/scorer"):
            with pytest.raises(RenderError, match="Name the version"):
                render(CHART, values(model={"uri": uri, **more}))
