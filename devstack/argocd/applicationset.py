"""The webhook of Argo CD's ApplicationSet controller, at an address of its own, as the real one has it.

Tests hold applications back that a set would make; a push event of their repository and branch makes them. The real one
compares `repository.html_url` with each generator's address
(https://github.com/argoproj/argo-cd/blob/v3.5.7/applicationset/webhook/webhook.go).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from flask import Flask, Response, request

from devstack.argocd.application import Application
from devstack.argocd.server import ArgoCD
from devstack.faults import FaultLayer
from devstack.serving import LoopbackServer


class ApplicationSetController:
    """A controller on loopback that creates the held-back applications once it is told of a push."""

    def __init__(self, argocd: ArgoCD, *, secret: str = "") -> None:
        self._argocd = argocd
        self._secret = secret
        self._held: list[Application] = []
        app = Flask("devstack.applicationset")
        app.add_url_rule("/api/webhook", view_func=self._webhook, methods=["POST"])
        self.faults = FaultLayer(app)
        self._server = LoopbackServer(self.faults)

    @property
    def url(self) -> str:
        """The base address, without the path of the webhook."""
        return self._server.url

    def hold(self, name: str) -> None:
        """Remove an application until the controller is told of a push."""
        self._held.append(self._argocd.applications.pop(name))

    def stop(self) -> None:
        """Stop listening."""
        self.faults.clear()
        self._server.stop()

    def _webhook(self) -> Response:
        signed = "sha256=" + hmac.new(self._secret.encode(), request.get_data(), hashlib.sha256).hexdigest()
        if self._secret and request.headers.get("X-Hub-Signature-256") != signed:
            return Response("Webhook processing failed: HMAC verification failed", 400)
        if request.headers.get("X-GitHub-Event") != "push":
            return Response("", 200)
        body: dict[str, Any] = request.get_json()
        for application in list(self._held):
            source = application.sources[0]
            page, branch = body["repository"]["html_url"], body["ref"].removeprefix("refs/heads/")
            if page.endswith(f"/{source.repository}") and branch == source.target_revision:
                self._held.remove(application)
                self._argocd.add_application(
                    application.name, *application.sources, namespace=application.namespace, deployed=False
                )
        return Response("", 200)
