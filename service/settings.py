"""The settings of the process: listeners, database, credentials, and where the configuration is.

Read once from the environment by the commands that need them and handed on by bootstrap; `values` and
`config` need none. All faults come out at once. Secrets never show in a repr, a fault or a log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from service.core.words import Actor, Repository
from service.errors import Fault, SettingsError
from service.settings_parts import ArgoCDSettings, GateSettings, GitHubApp, ModelSettings
from service.settings_reader import Reader

KEEP_DAYS = 30

_MACHINE = (
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|TERM|NO_COLOR|FORCE_COLOR|LD_LIBRARY_PATH|PYTHON\w*|PG\w+"
    r"|SSL_CERT_(?:FILE|DIR)|MALLOC_\w+|COVERAGE_\w+"
)
_DATABASE = r"(?:ENGINE_)?DATABASE_URL(?:_FILE)?|STATE_DIRECTORY|LOG_FORMAT|LOG_LEVEL"
_HOOKS = r"(?:MLFLOW_)?WEBHOOK_SECRET(?:_PREVIOUS)?(?:_FILE)?"
_WEB = rf"{_DATABASE}|URL|PUBLIC_BIND|PRIVATE_BIND|{_HOOKS}|GITHUB_API_URL|GITHUB_GIT_URL"
_FOR_DATABASE = re.compile(f"{_MACHINE}|MERGEPORT_(?:{_DATABASE})")
_FOR_WEB = re.compile(f"{_MACHINE}|MERGEPORT_(?:{_WEB})")
_NOT_FOR_WORKER = re.compile(f"MERGEPORT_{_HOOKS}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, checked. An absent one is None or empty, and `missing` names it."""

    state_directory: Path
    database_url: str = field(repr=False)
    engine_database_url: str = field(repr=False)
    url: str
    public_bind: str
    private_bind: str
    webhook_secrets: tuple[str, ...] = field(repr=False)
    configuration_repository: Repository | None
    configuration_branch: str | None
    github_token: str | None = field(repr=False)
    github_app: GitHubApp | None
    manifest_github_token: str | None = field(repr=False)
    manifest_github_app: GitHubApp | None
    github_api_url: str
    github_git_url: str | None
    manifest_ssh_url: str | None
    ssh_key_file: Path | None
    known_hosts_file: Path | None
    argocd: ArgoCDSettings
    ecr_endpoint: str | None
    ecr_host: str | None
    aws_events_queue_url: str | None
    registry_auth_file: Path | None
    insecure_registries: frozenset[str]
    ca_file: Path | None
    gates: GateSettings
    models: ModelSettings
    committer: Actor
    author: Actor
    signing_key_file: Path | None
    builder: str
    helm: str
    build_netrc_file: Path | None
    log_format: str
    log_level: str
    watch_interval: float
    worker_lease: float
    build_concurrency: int
    elsewhere_concurrency: int
    run_concurrency: int
    keep_deliveries: int
    warnings: tuple[Fault, ...] = ()

    @property
    def state_needed(self) -> bool:
        """Whether the web process uses the state directory: it has the databases, unless they are on PostgreSQL."""
        return self.database_url.startswith("sqlite")

    def missing(self, need: Need | None) -> list[Fault]:
        """Tell which settings a process lacks: web verifies deliveries, the worker reads GitHub, serve does both."""
        match need:
            case None:
                return []
            case Need.WEB:
                return self._web_faults()
            case Need.WORKER:
                return self._worker_faults()
            case Need.SERVE:
                return [*self._web_faults(), *self._worker_faults()]

    def require(self, need: Need) -> None:
        """Raise SettingsError unless nothing is missing."""
        if faults := self.missing(need):
            raise SettingsError(f"settings are missing for mergeport {need}", faults, code="settings-missing")

    def _web_faults(self) -> list[Fault]:
        if self.webhook_secrets:
            return []
        hint = "set it to the secret of the GitHub webhook, or MERGEPORT_WEBHOOK_SECRET_FILE to a file with it"
        return [Fault("MERGEPORT_WEBHOOK_SECRET", "is missing: without it no delivery can be trusted", hint)]

    def _worker_faults(self) -> list[Fault]:
        faults = []
        if self.configuration_repository is None:
            hint = "set it to owner/name of the repository with mergeport.yaml"
            faults.append(Fault("MERGEPORT_CONFIGURATION_REPOSITORY", "is missing", hint))
        if self.github_token is None and self.github_app is None:
            hint = "set it, or MERGEPORT_GITHUB_APP_ID and MERGEPORT_GITHUB_APP_PRIVATE_KEY_FILE"
            faults.append(Fault("MERGEPORT_GITHUB_TOKEN", "is missing: GitHub cannot be called without it", hint))
        return faults


class Need(StrEnum):
    """What a process is started for; each purpose needs other settings."""

    WEB = "web"
    WORKER = "worker"
    SERVE = "serve"


def load(
    environ: Mapping[str, str], need: Need | None = None, also: Callable[[Settings], list[Fault]] = lambda _: []
) -> Settings:
    """Give the settings in an environment; raise SettingsError with everything that is wrong or missing there.

    `need` says what must not be missing, and `also` reports what else is wrong. Unknown names are listed with the
    faults, because one of them may be the misspelt name of a missing setting.
    """
    reader = Reader(environ)
    settings = _read(reader)
    missing = [fault for fault in settings.missing(need) if not reader.faulty_at(fault.where)]
    faults = [*reader.faults, *missing, *also(settings)]
    if faults:
        code = "settings-missing" if faults == missing else "settings-invalid"
        what = f"settings are missing for mergeport {need}" if faults == missing else "the settings are wrong"
        raise SettingsError(what, [*faults, *reader.unknown()], code=code)
    return settings


def is_for_database(name: str) -> bool:
    """Tell whether a process that only migrates may have a variable of the environment."""
    return _FOR_DATABASE.fullmatch(name) is not None


def is_for_web(name: str) -> bool:
    """Tell whether the web process may have a variable; of secrets it gets only the webhooks' and the database's."""
    return _FOR_WEB.fullmatch(name) is not None


def is_for_worker(name: str) -> bool:
    """Tell whether the worker may have a variable: those of the machine and the cloud, but no webhook secret."""
    return _NOT_FOR_WORKER.fullmatch(name) is None


def names() -> frozenset[str]:
    """Give the name of every setting, those that name a file with a secret included."""
    reader = Reader({})
    _read(reader)
    return frozenset(reader.known)


def _read(reader: Reader) -> Settings:
    state, database, engine = _places(reader)
    private_bind = reader.bind("PRIVATE_BIND", "127.0.0.1:8081")
    (github_token, github_app), (manifest_token, manifest_app) = _github(reader, ""), _github(reader, "MANIFEST_")
    committer = Actor(reader.line("COMMITTER_NAME", "Mergeport"), reader.line("COMMITTER_EMAIL", "mergeport@localhost"))
    settings = Settings(
        state_directory=state,
        database_url=database,
        engine_database_url=engine,
        url=reader.url("URL") or f"http://{private_bind}",
        public_bind=reader.bind("PUBLIC_BIND", "127.0.0.1:8080"),
        private_bind=private_bind,
        webhook_secrets=tuple(filter(None, secrets := reader.webhook_secrets())),
        configuration_repository=reader.repository("CONFIGURATION_REPOSITORY"),
        configuration_branch=reader.text("CONFIGURATION_BRANCH") or None,
        github_token=github_token,
        github_app=github_app,
        manifest_github_token=manifest_token,
        manifest_github_app=manifest_app,
        github_api_url=reader.url("GITHUB_API_URL") or "https://api.github.com",
        github_git_url=reader.url("GITHUB_GIT_URL"),
        manifest_ssh_url=reader.ssh_url("MANIFEST_SSH_URL"),
        ssh_key_file=reader.file("SSH_KEY_FILE"),
        known_hosts_file=reader.file("KNOWN_HOSTS_FILE"),
        argocd=_argocd(reader),
        ecr_endpoint=reader.url("ECR_ENDPOINT"),
        ecr_host=reader.host("ECR_HOST"),
        aws_events_queue_url=reader.queue("AWS_EVENTS_QUEUE_URL"),
        registry_auth_file=reader.file("REGISTRY_AUTH_FILE"),
        insecure_registries=reader.hosts("INSECURE_REGISTRIES"),
        ca_file=reader.certificates("CA_FILE"),
        gates=GateSettings(reader.secrets("GATE_SECRET_"), reader.hosts("GATE_HOSTS")),
        models=_models(reader),
        committer=committer,
        author=Actor(reader.line("AUTHOR_NAME", committer.name), reader.line("AUTHOR_EMAIL", committer.email)),
        signing_key_file=reader.file("SIGNING_KEY_FILE"),
        builder=reader.choice("BUILDER", "auto", ("auto", "docker", "buildah", "none", "layer")),
        helm=reader.text("HELM", "helm"),
        build_netrc_file=reader.file("BUILD_NETRC_FILE"),
        log_format=reader.choice("LOG_FORMAT", "console", ("console", "json")),
        log_level=reader.choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        watch_interval=reader.number("WATCH_INTERVAL", 10, low=0.1, high=3600),
        worker_lease=reader.number("WORKER_LEASE", 15, low=1, high=600),
        build_concurrency=reader.whole("BUILD_CONCURRENCY", 2, low=1, high=64),
        elsewhere_concurrency=reader.whole("ELSEWHERE_CONCURRENCY", 20, low=1, high=1000),
        run_concurrency=reader.whole("RUN_CONCURRENCY", 8, low=1, high=256),
        keep_deliveries=reader.whole("KEEP_DELIVERIES", KEEP_DAYS, low=3, high=36_500),
        warnings=(*reader.weak("WEBHOOK_SECRET_PREVIOUS", secrets[1]), *reader.unknown()),
    )
    return _checked_together(reader, settings)


def _models(reader: Reader) -> ModelSettings:
    found = (reader.secret("MLFLOW_WEBHOOK_SECRET"), reader.secret("MLFLOW_WEBHOOK_SECRET_PREVIOUS"))
    reader.faults += reader.weak("MLFLOW_WEBHOOK_SECRET", found[0])
    return ModelSettings(reader.secrets("MODEL_CREDENTIAL_"), tuple(secret for secret in found if secret))


def _argocd(reader: Reader) -> ArgoCDSettings:
    return ArgoCDSettings(
        url=reader.url("ARGOCD_URL"),
        token=reader.secret("ARGOCD_TOKEN"),
        web_url=reader.url("ARGOCD_WEB_URL"),
        applicationset_url=reader.url("ARGOCD_APPLICATIONSET_URL"),
        webhook_secret=reader.secret("ARGOCD_WEBHOOK_SECRET"),
    )


def _places(reader: Reader) -> tuple[Path, str, str]:
    """Give the state directory, and the addresses of our database and of the engine's."""
    state = reader.directory("STATE_DIRECTORY", ".mergeport")
    database = reader.database("DATABASE_URL", f"sqlite:///{state / 'mergeport.db'}")
    engine = f"sqlite:///{state / 'engine.db'}" if database.startswith("sqlite") else database
    return state, database, reader.database("ENGINE_DATABASE_URL", engine)


def _github(reader: Reader, prefix: str) -> tuple[str | None, GitHubApp | None]:
    """Give the token or the App of one purpose; both together, or half an App, are faults."""
    token = reader.secret(f"{prefix}GITHUB_TOKEN")
    app_id = reader.whole(f"{prefix}GITHUB_APP_ID", 0, low=1, high=2**53)
    key = reader.secret(f"{prefix}GITHUB_APP_PRIVATE_KEY")
    if bool(app_id) != bool(key) and not reader.faulty(f"{prefix}GITHUB_APP_ID", f"{prefix}GITHUB_APP_PRIVATE_KEY"):
        missing = "PRIVATE_KEY_FILE" if app_id else "ID"
        reader.add(f"{prefix}GITHUB_APP_{missing}", "is missing: an App needs its id and its private key", "set both")
    if key and "-----BEGIN" not in key:
        hint = "give the .pem file that GitHub made, by MERGEPORT_" + f"{prefix}GITHUB_APP_PRIVATE_KEY_FILE"
        reader.add(f"{prefix}GITHUB_APP_PRIVATE_KEY", "is not a private key in PEM form", hint)
    if token and app_id:
        reader.add(f"{prefix}GITHUB_TOKEN", "is set beside an App", "set either the token or the App")
    return token, GitHubApp(app_id, key) if app_id and key else None


def _checked_together(reader: Reader, settings: Settings) -> Settings:
    """Report settings that are right alone and wrong together."""
    if settings.argocd.url and not settings.argocd.token and not reader.faulty("ARGOCD_TOKEN"):
        reader.add("ARGOCD_TOKEN", "is missing: MERGEPORT_ARGOCD_URL is set", "set it, or MERGEPORT_ARGOCD_TOKEN_FILE")
    if settings.argocd.token and not settings.argocd.url and not reader.faulty("ARGOCD_URL"):
        reader.add("ARGOCD_URL", "is missing: MERGEPORT_ARGOCD_TOKEN is set", "set it to Argo CD's address")
    for name in ("ARGOCD_APPLICATIONSET_URL", "ARGOCD_WEBHOOK_SECRET"):
        needed = "ARGOCD_URL" if name == "ARGOCD_APPLICATIONSET_URL" else "ARGOCD_APPLICATIONSET_URL"
        if reader.given(name) and not reader.given(needed):
            reader.add(needed, f"is missing: MERGEPORT_{name} is set", "set both, or neither")
    if settings.manifest_ssh_url:
        files = {"SSH_KEY_FILE": settings.ssh_key_file, "KNOWN_HOSTS_FILE": settings.known_hosts_file}
        for name in (name for name, file in files.items() if file is None and not reader.faulty(name)):
            reader.add(name, "is missing: MERGEPORT_MANIFEST_SSH_URL is set", "SSH needs a key and pinned host keys")
    if settings.public_bind == settings.private_bind and not settings.public_bind.endswith(":0"):
        reader.add("PRIVATE_BIND", "is the public listener's address", "give the two listeners different ports")
    if reader.given("WEBHOOK_SECRET_PREVIOUS") and not reader.given("WEBHOOK_SECRET"):
        reader.add("WEBHOOK_SECRET", "is missing: MERGEPORT_WEBHOOK_SECRET_PREVIOUS is set", "set the newer secret")
    return settings
