"""The one place that joins ports to adapters. Called by the worker; tests build the same context with fakes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import cast

from service.adapters import builders, integration, registries
from service.adapters.build_tools import probe
from service.adapters.builders.docker import wanted
from service.adapters.certificates import trusted_with
from service.adapters.checkout import GitCheckout
from service.adapters.deployers.argocd import ApplicationSets, ArgoCD
from service.adapters.forges.github import AppLogin, GitHub, TokenLogin
from service.adapters.gate_addresses import HttpGateAddresses
from service.adapters.git.ssh import SshLogin
from service.adapters.git_histories import GitHistories
from service.adapters.github_api.app_registration import NewApp, new_app
from service.adapters.github_api.budget import Budgets
from service.adapters.github_api.connection import SOURCES
from service.adapters.helm import Helm
from service.adapters.kinds import kinds
from service.adapters.manifests.git import GitManifestRepositories
from service.adapters.parts import Parts
from service.adapters.secret_detector import ProcessSecretDetector
from service.adapters.source_trees import GitSourceTrees
from service.adapters.templates import SandboxedTemplates
from service.bootstrap_models import ConfiguredModels
from service.bootstrap_sources import SystemClock, sources
from service.core.config import Configuration, ImageTarget
from service.core.words import Repository
from service.errors import PermanentError
from service.pipeline.asked.in_store import configuration_in_force
from service.pipeline.configurations import Configurations
from service.pipeline.context import Context, Outside, Queue
from service.pipeline.intake.returned import start_returned
from service.pipeline.manifest.state.remembered import judge_names_again
from service.ports import Builder, Clock, Commits, Credentials, EventQueue, ManifestHistories, Pipelines, Registry
from service.settings import Settings
from service.settings_parts import ArgoCDSettings, GitHubApp
from service.store import Store, Transaction


class ConfiguredImages:
    """Gives registries and builders as the configuration describes an image; one registry for each set of options."""

    def __init__(
        self,
        settings: Settings,
        forge: Commits,
        *,
        ca_file: Path | None = None,
        clock: Clock | None = None,
        budgets: Budgets | None = None,
    ) -> None:
        """Take the credentials and overrides of the settings, whom clients trust, and what GitHub takes from us."""
        checkout = GitCheckout(
            forge.clone_url, forge.git_credentials, forget=forge.forget_git_credentials, ca_file=ca_file
        )
        self.parts = self._parts = Parts(settings, clock or SystemClock(), checkout, ca_file, budgets)
        self._registries: dict[str, Registry] = {}
        self._builders: dict[str, Builder | None] = {}
        self._pipelines: dict[str, Pipelines | None] = {}
        self._lock = threading.Lock()

    def registry(self, image: ImageTarget) -> Registry:
        """Give the image's registry."""
        key = f"{image.registry_kind}:{image.registry_options.model_dump_json()}"
        with self._lock:
            if key not in self._registries:
                made = integration(registries, image.registry_kind).make(image.registry_options, self._parts)
                self._registries[key] = cast(Registry, made)
            return self._registries[key]

    def builder(self, kind: str) -> Builder | None:
        """Give the builder of a kind; None if another pipeline builds by itself."""
        with self._lock:
            if kind not in self._builders:
                if kind not in kinds().builders:
                    raise PermanentError(
                        f'The builder of kind "{kind}" does not exist any more.',
                        code="builder-missing",
                        hint="put its file back, or name another builder in mergeport.yaml",
                    )
                self._builders[kind] = cast("Builder | None", integration(builders, kind).make(self._parts))
            return self._builders[kind]

    def pipelines(self, kind: str) -> Pipelines | None:
        """Give who knows the pipelines that push by themselves; None for a kind that has none."""
        with self._lock:
            if kind not in self._pipelines:
                make = (
                    getattr(integration(builders, kind), "make_pipelines", None) if kind in kinds().builders else None
                )
                self._pipelines[kind] = cast("Pipelines | None", make(self._parts) if make else None)
            return self._pipelines[kind]

    def expect_news(self, repository: Repository) -> None:
        """Let all who know pipelines of others ask for a repository's again, because one of them has moved."""
        with self._lock:
            known = list(self._pipelines.values())
        for pipelines in known:
            if pipelines is not None:
                pipelines.expect_news(repository)


def known_configuration(tx: Transaction) -> Configuration | None:
    """Give the configuration in force as the store has it; None if there is none."""
    return configuration_in_force(tx, kinds())


def _in_force(default: Repository, tx: Transaction, before: Configuration, now: Configuration, at: datetime) -> None:
    """Do what follows from a configuration that has come into force."""
    start_returned(tx, before, now, at)
    judge_names_again(tx, now, default)


def _trees(settings: Settings, forge: GitHub, ca_file: Path | None) -> GitSourceTrees:
    return GitSourceTrees(
        settings.state_directory / "sources", forge.clone_url, forge.git_credentials,
        forget=forge.forget_git_credentials, ca_file=ca_file,
    )  # fmt: skip


@contextmanager
def build_context(
    settings: Settings, store: Store, queue: Queue, holder: str, *, clock: Clock | None = None
) -> Iterator[Context]:
    """Join everything that the pipeline works with."""
    clock = clock or SystemClock()
    ca_file = trusted_with(settings.ca_file, settings.state_directory) if settings.ca_file else None
    budgets = Budgets(clock.now)
    forge = _github(settings, _login(settings.github_token, settings.github_app), ca_file, budgets, SOURCES)
    manifest_forge = forge
    if settings.manifest_github_token or settings.manifest_github_app:
        login = _login(settings.manifest_github_token, settings.manifest_github_app)
        manifest_forge = _github(settings, login, ca_file, budgets, "manifests")
    repository = settings.configuration_repository
    assert repository is not None  # noqa: S101 - require_worker() asked for it
    configurations = Configurations(
        store, manifest_forge, clock, kinds(), repository, settings.configuration_branch,
        in_force=partial(_in_force, repository),
    )  # fmt: skip
    manifests = _manifests(settings, manifest_forge, ca_file, settings.state_directory / "mirrors")
    images = ConfiguredImages(settings, forge, ca_file=ca_file, clock=clock, budgets=budgets)
    yield Context(
        store=store,
        outside=Outside(
            forge,
            manifest_forge,
            images,
            manifests,
            _trees(settings, forge, ca_file),
            _argocd(settings.argocd, ca_file),
            clock,
            budgets,
            HttpGateAddresses(settings.gates.secrets, settings.gates.hosts, now=clock.now, ca_file=ca_file),
            None if settings.helm == "none" else Helm(settings.helm),
            SandboxedTemplates(),
            ProcessSecretDetector(),
            ConfiguredModels(images.parts),
        ),
        sources=sources(settings),
        configurations=configurations,
        queue=queue,
        configuration_repository=repository,
        committer=settings.committer,
        author=settings.author,
        url=settings.url,
        holder=holder,
        elsewhere_concurrency=settings.elsewhere_concurrency,
    )


def _login(token: str | None, app: GitHubApp | None) -> AppLogin | TokenLogin:
    return AppLogin(str(app.id), app.private_key) if app else TokenLogin(token or "")


def _github(
    settings: Settings, login: AppLogin | TokenLogin, ca_file: Path | None, budgets: Budgets, name: str
) -> GitHub:
    return GitHub(
        login,
        api_url=settings.github_api_url,
        git_url=settings.github_git_url,
        ca_file=str(ca_file) if ca_file else None,
        budgets=budgets,
        name=name,
    )


def histories(settings: Settings, context: Context) -> ManifestHistories:
    """Give the history of manifest repositories; its mirrors are not those of the worker, since they are deeper."""
    ca_file = trusted_with(settings.ca_file, settings.state_directory) if settings.ca_file else None
    return GitHistories(
        _manifests(settings, context.outside.manifest_forge, ca_file, settings.state_directory / "histories")
    )


def _manifests(settings: Settings, forge: Commits, ca_file: Path | None, place: Path) -> GitManifestRepositories:
    """Make the access to manifest repositories: at the forge, or over SSH if the settings say so."""
    signing_key = settings.signing_key_file
    template, key, hosts = settings.manifest_ssh_url, settings.ssh_key_file, settings.known_hosts_file
    if not (template and key and hosts):
        return GitManifestRepositories(
            place,
            forge.clone_url,
            forge.git_credentials,
            forget=forge.forget_git_credentials,
            ca_file=ca_file,
            signing_key=signing_key,
        )

    def url_for(repository: Repository) -> str:
        return template.replace("{repository}", repository)

    def nobody(repository: Repository, *, write: bool = False) -> Credentials | None:  # noqa: ARG001 - the port's
        return None

    return GitManifestRepositories(place, url_for, nobody, ssh_login=SshLogin(key, hosts), signing_key=signing_key)


def _argocd(settings: ArgoCDSettings, ca_file: Path | None) -> ArgoCD | None:
    if not settings.url:
        return None
    trusted = str(ca_file) if ca_file else None
    sets = None
    if settings.applicationset_url:
        sets = ApplicationSets(settings.applicationset_url, settings.webhook_secret, ca_file=trusted)
    return ArgoCD(settings.url, settings.token or "", web_url=settings.web_url, ca_file=trusted, sets=sets)


def register_app(api_url: str, code: str) -> NewApp:
    """Exchange the code of a GitHub App that was just made for its id, key and web hook's secret."""
    return new_app(api_url, code)


def event_queue(settings: Settings) -> EventQueue | None:
    """Give the queue of AWS events; None where the settings name none."""
    if settings.aws_events_queue_url is None:
        return None
    from service.adapters.aws_events import AwsEventQueue  # noqa: PLC0415 - loads AWS's library

    ca_file = trusted_with(settings.ca_file, settings.state_directory) if settings.ca_file else None
    return AwsEventQueue(settings.aws_events_queue_url, ca_file=ca_file)


def missing_builder(settings: Settings) -> str | None:
    """Try to build an image on this machine and tell why that fails; None if it works."""
    if settings.builder == "layer":
        return None
    found = probe(wanted(settings.builder), settings.state_directory / "builds")
    return found.reason if found.tool is None else None
