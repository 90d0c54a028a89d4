"""A refresh that is answered with something else than the application asked for is left to the next look."""

from __future__ import annotations

import json

import pytest

from devstack.stack import ARGOCD_TOKEN, Devstack
from service.adapters.deployers.argocd.client import ArgoCD

OTHER = {"metadata": {"name": "payments-dev", "namespace": "argocd"}, "status": {"health": {"status": "Healthy"}}}


@pytest.mark.parametrize("body", [[], None, "text", 3, [OTHER], {}, {"metadata": 1}, OTHER])
def test_answer_that_is_not_the_application_is_left_to_the_next_look(world: Devstack, body: object) -> None:
    world.argocd.faults.answer("200 OK", path="/checkout-dev$", body=json.dumps(body).encode())
    assert ArgoCD(world.argocd.url, ARGOCD_TOKEN).refresh("checkout-dev") is None
