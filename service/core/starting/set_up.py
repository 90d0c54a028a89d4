"""Everything that `mergeport init` writes, by paths below one folder: manifests, sources, AWS, the App, settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from service.core.starting.answers import Answers
from service.core.starting.manifest_files import manifest_files
from service.core.starting.next_steps import next_steps
from service.core.starting.source_files import source_files

ISSUER = "oidc.eks.REGION.amazonaws.com/id/ISSUER"


@dataclass(frozen=True, slots=True)
class Given:
    """The templates that we bring: files by their paths in each of our folders."""

    manifests: Mapping[str, str]
    workflows: Mapping[str, str]
    aws: Mapping[str, str]


def set_up(given: Given, answers: Answers, app_manifest: Mapping[str, object]) -> dict[str, str]:
    """Give all files."""
    found = {f"manifests/{path}": text for path, text in manifest_files(given.manifests, answers).items()}
    for application in answers.applications:
        files = source_files(given.workflows, application, answers)
        found |= {f"sources/{application.source}/{path}": text for path, text in files.items()}
    if answers.account:
        found |= {f"aws/{path}": _with_issuer(text, answers) for path, text in given.aws.items()}
    found["github-app.json"] = json.dumps(app_manifest, indent=2) + "\n"
    found["settings.env"] = settings(answers)
    found["README.md"] = next_steps(answers)
    return found


def _with_issuer(text: str, answers: Answers) -> str:
    """Put the cluster's OIDC issuer where CloudFormation takes no parameter, and its provider as the default."""
    provider = answers.oidc_provider
    if not provider:
        return text
    issuer = provider.partition("oidc-provider/")[2]
    text = text.replace(ISSUER, issuer)
    before, mark, after = text.partition("  OidcProvider:\n    Type: String\n    Default: ")
    rest = after.partition("\n")[2]
    return f"{before}{mark}{provider}\n{rest}" if mark else text


def settings(answers: Answers) -> str:
    """Write the settings of the process; its secrets are files, which are named and not written here."""
    lines = [
        f"MERGEPORT_URL={answers.url}",
        "MERGEPORT_PRIVATE_BIND=0.0.0.0:8081",
        f"MERGEPORT_CONFIGURATION_REPOSITORY={answers.manifests}",
        "MERGEPORT_WEBHOOK_SECRET_FILE=/run/secrets/webhook",
        "MERGEPORT_GITHUB_APP_ID=",
        "MERGEPORT_GITHUB_APP_PRIVATE_KEY_FILE=/run/secrets/github-app.pem",
    ]
    if answers.argocd:
        lines += [f"MERGEPORT_ARGOCD_URL={answers.argocd}", "MERGEPORT_ARGOCD_TOKEN_FILE=/run/secrets/argocd-token"]
    return "\n".join(lines) + "\n"
