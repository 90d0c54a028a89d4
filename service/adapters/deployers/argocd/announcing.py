"""Tells Argo CD's ApplicationSet controller about a push, as GitHub's webhook would. It has its own address.

Used by the client if the settings name that address. Without a webhook, the controller looks every three minutes.
https://argo-cd.readthedocs.io/en/stable/operator-manual/applicationset/Generators-Git/#webhook-configuration
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid

import requests

from service.errors import RetryableError

_TIMEOUTS = (5.0, 5.0)
_OK = 200


class ApplicationSets:
    """The controller's webhook. May be used from several threads."""

    def __init__(self, url: str, secret: str | None = None, *, ca_file: str | None = None) -> None:
        """Keep the address, without the path of the webhook, and the secret that Argo CD knows; nothing is sent yet."""
        self._url = f"{url.rstrip('/')}/api/webhook"
        self._secret = (secret or "").encode()
        self._verify: bool | str = ca_file or True

    def announce(self, page: str, branch: str) -> None:
        """Announce a push to a branch of the repository at this page; RetryableError if that is not accepted.

        It is not known here whether this is the default branch, so we claim it: then sets that follow HEAD look as
        well.
        """
        repository = {"html_url": page, "full_name": "/".join(page.split("/")[-2:]), "default_branch": branch}
        body = json.dumps({"ref": f"refs/heads/{branch}", "repository": repository, "commits": []}).encode()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": str(uuid.uuid4()),
        }
        if self._secret:
            headers["X-Hub-Signature-256"] = f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}"
        try:
            response = requests.post(
                self._url, data=body, headers=headers, timeout=_TIMEOUTS, verify=self._verify, allow_redirects=False
            )
        except requests.exceptions.RequestException as error:
            raise RetryableError(
                "Argo CD's ApplicationSet controller cannot be reached", code="argocd-applicationset-unreachable"
            ) from error
        if response.status_code != _OK:
            raise RetryableError(
                f"Argo CD's ApplicationSet controller answered {response.status_code}",
                code="argocd-applicationset-refused",
                hint="compare MERGEPORT_ARGOCD_WEBHOOK_SECRET with `webhook.github.secret` in its Secret",
            )
