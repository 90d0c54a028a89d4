"""Settings come from the environment, all faults at once, and secrets show nowhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.core.words import Actor
from service.errors import Fault, SettingsError
from service.settings import Need, Settings, is_for_database, is_for_web, is_for_worker, load, names

DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
ENOUGH = {
    "MERGEPORT_WEBHOOK_SECRET": "whsec-long-enough",
    "MERGEPORT_CONFIGURATION_REPOSITORY": "acme/manifests",
    "MERGEPORT_GITHUB_TOKEN": "ghp_secret",
}


def faults_of(environ: dict[str, str]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load(environ)
    return {fault.where: fault.message for fault in caught.value.faults}


def test_nothing_set_gives_the_defaults() -> None:
    settings = load({})

    state = Path.cwd() / ".mergeport"
    assert settings.state_directory == state
    assert settings.database_url == f"sqlite:///{state}/mergeport.db"
    assert settings.engine_database_url == f"sqlite:///{state}/engine.db"
    assert (settings.public_bind, settings.private_bind) == ("127.0.0.1:8080", "127.0.0.1:8081")
    assert settings.url == "http://127.0.0.1:8081"
    assert (settings.github_api_url, settings.github_git_url) == ("https://api.github.com", None)
    assert (settings.builder, settings.log_format, settings.log_level) == ("auto", "console", "info")
    assert (settings.watch_interval, settings.build_concurrency, settings.run_concurrency) == (10, 2, 8)
    assert settings.elsewhere_concurrency == 20
    assert settings.committer == Actor("Mergeport", "mergeport@localhost")
    assert settings.warnings == ()


def test_everything_set_is_taken(tmp_path: Path) -> None:
    auth = tmp_path / "config.json"
    auth.write_text("{}")

    settings = load(
        {
            **ENOUGH,
            "MERGEPORT_STATE_DIRECTORY": str(tmp_path),
            "MERGEPORT_URL": "https://mergeport.example.com/",
            "MERGEPORT_WEBHOOK_SECRET_PREVIOUS": "older-one",
            "MERGEPORT_CONFIGURATION_BRANCH": "live",
            "MERGEPORT_ARGOCD_URL": "https://argocd.example.com",
            "MERGEPORT_ARGOCD_TOKEN": "argo",
            "MERGEPORT_ARGOCD_APPLICATIONSET_URL": "http://argocd-applicationset-controller.argocd:7000",
            "MERGEPORT_ARGOCD_WEBHOOK_SECRET": "hook-secret",
            "MERGEPORT_ECR_ENDPOINT": "http://127.0.0.1:4566",
            "MERGEPORT_ECR_HOST": "127.0.0.1:4566",
            "MERGEPORT_AWS_EVENTS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/mergeport-events",
            "MERGEPORT_REGISTRY_AUTH_FILE": str(auth),
            "MERGEPORT_INSECURE_REGISTRIES": "127.0.0.1:5000, localhost:5001,",
            "MERGEPORT_COMMITTER_NAME": "Deploy Bot",
            "MERGEPORT_BUILDER": "Buildah",
            "MERGEPORT_LOG_FORMAT": "json",
            "MERGEPORT_WATCH_INTERVAL": "0.5",
            "MERGEPORT_RUN_CONCURRENCY": "16",
        }
    )

    assert settings.database_url == f"sqlite:///{tmp_path}/mergeport.db"
    assert settings.url == "https://mergeport.example.com"
    assert settings.webhook_secrets == ("whsec-long-enough", "older-one")
    assert (settings.configuration_repository, settings.configuration_branch) == ("acme/manifests", "live")
    assert (settings.argocd.url, settings.argocd.token) == ("https://argocd.example.com", "argo")
    assert settings.aws_events_queue_url == "https://sqs.eu-west-1.amazonaws.com/123456789012/mergeport-events"
    assert settings.registry_auth_file == auth
    assert settings.insecure_registries == {"127.0.0.1:5000", "localhost:5001"}
    assert settings.committer == Actor("Deploy Bot", "mergeport@localhost")
    assert (settings.builder, settings.watch_interval, settings.run_concurrency) == ("buildah", 0.5, 16)


def test_postgresql_serves_both_databases() -> None:
    settings = load({"MERGEPORT_DATABASE_URL": "postgresql+psycopg://db/mergeport"})

    assert settings.engine_database_url == settings.database_url == "postgresql+psycopg://db/mergeport"


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-file\n")

    assert load({"MERGEPORT_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}).webhook_secrets == ("from-file",)


def test_an_app_is_its_id_and_its_key(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(KEY)

    settings = load(
        {"MERGEPORT_GITHUB_APP_ID": "12", "MERGEPORT_GITHUB_APP_PRIVATE_KEY_FILE": str(tmp_path / "key.pem")}
    )

    assert settings.github_app is not None
    assert (settings.github_app.id, settings.github_app.private_key) == (12, KEY)


def test_a_second_app_is_for_manifests() -> None:
    settings = load({"MERGEPORT_MANIFEST_GITHUB_APP_ID": "13", "MERGEPORT_MANIFEST_GITHUB_APP_PRIVATE_KEY": KEY})

    assert settings.github_app is None
    assert settings.manifest_github_app is not None
    assert settings.manifest_github_app.id == 13


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    assert faults_of(
        {
            "MERGEPORT_URL": "mergeport.example.com",
            "MERGEPORT_PUBLIC_BIND": "8080",
            "MERGEPORT_PRIVATE_BIND": "0.0.0.0:99999",
            "MERGEPORT_DATABASE_URL": "mysql://db",
            "MERGEPORT_WEBHOOK_SECRET_FILE": str(tmp_path / "missing"),
            "MERGEPORT_WEBHOOK_SECRET_PREVIOUS_FILE": str(tmp_path / "empty"),
            "MERGEPORT_GITHUB_TOKEN_FILE": str(tmp_path / "binary"),
            "MERGEPORT_CONFIGURATION_REPOSITORY": "https://github.com/acme/manifests",
            "MERGEPORT_GITHUB_APP_ID": "twelve",
            "MERGEPORT_GITHUB_API_URL": "https://user:pass@github.example.com",
            "MERGEPORT_ARGOCD_URL": "https://argocd.example.com",
            "MERGEPORT_ECR_HOST": "a b",
            "MERGEPORT_AWS_EVENTS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/events",
            "MERGEPORT_INSECURE_REGISTRIES": "ok:1,a/b",
            "MERGEPORT_REGISTRY_AUTH_FILE": str(tmp_path / "none"),
            "MERGEPORT_CA_FILE": str(tmp_path / "empty"),
            "MERGEPORT_COMMITTER_NAME": "A <b>",
            "MERGEPORT_BUILDER": "kaniko",
            "MERGEPORT_WATCH_INTERVAL": "nan",
            "MERGEPORT_BUILD_CONCURRENCY": "0",
        }
    ) == {
        "MERGEPORT_URL": "is not an http or https address",
        "MERGEPORT_PUBLIC_BIND": "is not address:port",
        "MERGEPORT_PRIVATE_BIND": "is not address:port",
        "MERGEPORT_DATABASE_URL": "is not a supported database",
        "MERGEPORT_WEBHOOK_SECRET_FILE": "names a file that cannot be read: No such file or directory",
        "MERGEPORT_WEBHOOK_SECRET_PREVIOUS_FILE": "names an empty file",
        "MERGEPORT_GITHUB_TOKEN_FILE": "names a file that is not text",
        "MERGEPORT_CONFIGURATION_REPOSITORY": "is not owner/name",
        "MERGEPORT_GITHUB_APP_ID": f"is not a whole number from 1 to {2**53}",
        "MERGEPORT_GITHUB_API_URL": "has a user, a query or a fragment in it",
        "MERGEPORT_ARGOCD_TOKEN": "is missing: MERGEPORT_ARGOCD_URL is set",
        "MERGEPORT_ECR_HOST": "is not host:port",
        "MERGEPORT_AWS_EVENTS_QUEUE_URL": "is not the address of an SQS queue",
        "MERGEPORT_INSECURE_REGISTRIES": "is not a comma list of host:port",
        "MERGEPORT_REGISTRY_AUTH_FILE": "names no file",
        "MERGEPORT_CA_FILE": "names a file without a certificate in PEM form",
        "MERGEPORT_COMMITTER_NAME": "has a character that git does not allow",
        "MERGEPORT_BUILDER": "is not a known word",
        "MERGEPORT_WATCH_INTERVAL": "is not a number from 0.1 to 3600",
        "MERGEPORT_BUILD_CONCURRENCY": "is not a whole number from 1 to 64",
    }


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"MERGEPORT_GITHUB_APP_ID": "12"}, "MERGEPORT_GITHUB_APP_PRIVATE_KEY_FILE"),
        ({"MERGEPORT_GITHUB_APP_PRIVATE_KEY": KEY}, "MERGEPORT_GITHUB_APP_ID"),
        ({"MERGEPORT_GITHUB_APP_ID": "1", "MERGEPORT_GITHUB_APP_PRIVATE_KEY": "x"}, "MERGEPORT_GITHUB_APP_PRIVATE_KEY"),
        (
            {"MERGEPORT_GITHUB_TOKEN": "t", "MERGEPORT_GITHUB_APP_ID": "1", "MERGEPORT_GITHUB_APP_PRIVATE_KEY": KEY},
            "MERGEPORT_GITHUB_TOKEN",
        ),
        ({"MERGEPORT_ARGOCD_TOKEN": "t"}, "MERGEPORT_ARGOCD_URL"),
        ({"MERGEPORT_ARGOCD_APPLICATIONSET_URL": "http://sets:7000"}, "MERGEPORT_ARGOCD_URL"),
        ({"MERGEPORT_ARGOCD_WEBHOOK_SECRET": "hook-secret"}, "MERGEPORT_ARGOCD_APPLICATIONSET_URL"),
        ({"MERGEPORT_WEBHOOK_SECRET": "a", "MERGEPORT_WEBHOOK_SECRET_FILE": "/x"}, "MERGEPORT_WEBHOOK_SECRET"),
        ({"MERGEPORT_WEBHOOK_SECRET_PREVIOUS": "a"}, "MERGEPORT_WEBHOOK_SECRET"),
        ({"MERGEPORT_PUBLIC_BIND": "127.0.0.1:8081"}, "MERGEPORT_PRIVATE_BIND"),
    ],
)
def test_what_does_not_go_together_is_one_fault(environ: dict[str, str], name: str) -> None:
    assert list(faults_of(environ)) == [name]


@pytest.mark.parametrize(
    "url",
    [
        *("git@github.com:{repository}.git", "ssh://git@git.internal:2222/{repository}.git", "ssh://h/~g/{repository}"),
        "ssh://git@[::1]:22/srv/{repository}.git",
    ],
)
def test_an_ssh_address_for_manifest_repositories_is_taken_with_key_and_host_keys(url: str, tmp_path: Path) -> None:
    for name in ("key", "hosts"):
        (tmp_path / name).write_text("x")
    settings = load(
        {
            "MERGEPORT_MANIFEST_SSH_URL": url,
            "MERGEPORT_SSH_KEY_FILE": str(tmp_path / "key"),
            "MERGEPORT_KNOWN_HOSTS_FILE": str(tmp_path / "hosts"),
        }
    )
    assert settings.manifest_ssh_url == url
    assert (settings.ssh_key_file, settings.known_hosts_file) == (tmp_path / "key", tmp_path / "hosts")


@pytest.mark.parametrize(
    "url",
    [
        *("https://git.internal/{repository}.git", "git@github.com:acme/manifests.git", "{repository}", "ssh://h"),
        *("ssh://u:p@h/{repository}", "git@h:{repository}/{repository}", "ssh://-oProxyCommand=x/{repository}"),
        *("git@h:{repository} x", "ext::sh -c {repository}", "ssh://h/{repository}?x"),
    ],
)
def test_an_address_that_is_not_ssh_or_names_no_repository_is_a_fault(url: str) -> None:
    assert list(faults_of({"MERGEPORT_MANIFEST_SSH_URL": url})) == ["MERGEPORT_MANIFEST_SSH_URL"]


def test_an_ssh_address_needs_a_key_and_pinned_host_keys() -> None:
    assert faults_of({"MERGEPORT_MANIFEST_SSH_URL": "git@github.com:{repository}.git"}) == {
        "MERGEPORT_SSH_KEY_FILE": "is missing: MERGEPORT_MANIFEST_SSH_URL is set",
        "MERGEPORT_KNOWN_HOSTS_FILE": "is missing: MERGEPORT_MANIFEST_SSH_URL is set",
    }


def test_a_web_process_without_a_secret_does_not_start() -> None:
    with pytest.raises(SettingsError) as caught:
        load({}).require(Need.WEB)

    assert [fault.where for fault in caught.value.faults] == ["MERGEPORT_WEBHOOK_SECRET"]
    assert "MERGEPORT_WEBHOOK_SECRET_FILE" in caught.value.faults[0].hint


def test_a_worker_needs_a_configuration_and_github() -> None:
    with pytest.raises(SettingsError) as caught:
        load({}).require(Need.WORKER)

    assert [fault.where for fault in caught.value.faults] == [
        "MERGEPORT_CONFIGURATION_REPOSITORY",
        "MERGEPORT_GITHUB_TOKEN",
    ]


def test_serve_tells_what_both_lack() -> None:
    with pytest.raises(SettingsError) as caught:
        load({}).require(Need.SERVE)

    assert len(caught.value.faults) == 3


def test_what_is_enough_is_enough() -> None:
    settings = load(ENOUGH)

    settings.require(Need.WEB)
    settings.require(Need.WORKER)
    settings.require(Need.SERVE)


def test_a_misspelt_setting_is_a_warning_with_the_nearest_name() -> None:
    settings = load({"MERGEPORT_WEBHOK_SECRET": "x"})

    assert [str(warning) for warning in settings.warnings] == [
        "MERGEPORT_WEBHOK_SECRET: is not a setting (did you mean MERGEPORT_WEBHOOK_SECRET?)"
    ]


def test_what_kubernetes_sets_for_a_service_of_our_name_is_no_setting() -> None:
    environ = dict.fromkeys(
        [
            "MERGEPORT_SERVICE_HOST",
            "MERGEPORT_SERVICE_PORT",
            "MERGEPORT_SERVICE_PORT_HTTP",
            "MERGEPORT_PORT",
            "MERGEPORT_PORT_8080_TCP",
            "MERGEPORT_PORT_8080_TCP_ADDR",
            "MERGEPORT_PRIVATE_SERVICE_HOST",
        ],
        "tcp://10.0.0.1:8080",
    )

    assert load(environ).warnings == ()


def test_no_secret_shows_in_a_repr() -> None:
    secrets = {
        "MERGEPORT_WEBHOOK_SECRET": "AAAA1-and-more",
        "MERGEPORT_WEBHOOK_SECRET_PREVIOUS": "AAAA2-and-more",
        "MERGEPORT_GITHUB_TOKEN": "AAAA3",
        "MERGEPORT_ARGOCD_TOKEN": "AAAA4",
        "MERGEPORT_DATABASE_URL": "postgresql://mergeport:AAAA5@db/mergeport",
        "MERGEPORT_ENGINE_DATABASE_URL": "postgresql://mergeport:AAAA6@db/engine",
        "MERGEPORT_MANIFEST_GITHUB_APP_PRIVATE_KEY": KEY + "AAAA7",
    }
    settings = load(
        {**secrets, "MERGEPORT_ARGOCD_URL": "https://a.example.com", "MERGEPORT_MANIFEST_GITHUB_APP_ID": "1"}
    )

    assert "AAAA" not in repr(settings)
    assert "AAAA" not in str(settings)


def test_no_value_shows_in_a_fault() -> None:
    with pytest.raises(SettingsError) as caught:
        load(dict.fromkeys(names(), "HUSH <>"))

    assert "HUSH" not in str(caught.value)


def test_every_setting_is_in_the_docs_and_nothing_else() -> None:
    documented = set(re.findall(r"`(MERGEPORT_[A-Z_]+)`", DOCUMENT.read_text()))

    assert documented == set(names())


def test_the_docs_tell_the_defaults() -> None:
    """The table's second column is what `load` gives for an empty environment."""
    rows = dict(re.findall(r"^\| `MERGEPORT_([A-Z_]+)` \| `([^`]+)` \|", DOCUMENT.read_text(), re.MULTILINE))
    settings = load({})

    for name, default in rows.items():
        value = getattr(settings, name.lower(), None)
        if isinstance(value, str | int | float):
            assert default in {str(value), f"{value:g}" if isinstance(value, float) else ""}, name


def test_settings_are_frozen() -> None:
    assert Settings.__dataclass_params__.frozen  # type: ignore[attr-defined]  # set by dataclasses


def test_what_is_wrong_missing_and_misspelt_is_told_together() -> None:
    environ = {"MERGEPORT_WEBHOK_SECRET": "x", "MERGEPORT_LOG_LEVEL": "loud", "MERGEPORT_GITHUB_TOKEN_FILE": "/nowhere"}
    with pytest.raises(SettingsError) as caught:
        load(environ, Need.SERVE, lambda _: [Fault("MERGEPORT_STATE_DIRECTORY", "cannot be used")])
    assert [fault.where for fault in caught.value.faults] == [
        "MERGEPORT_GITHUB_TOKEN_FILE",
        "MERGEPORT_LOG_LEVEL",
        "MERGEPORT_WEBHOOK_SECRET",
        "MERGEPORT_CONFIGURATION_REPOSITORY",
        "MERGEPORT_STATE_DIRECTORY",
        "MERGEPORT_WEBHOK_SECRET",
    ]


def test_only_what_is_missing_has_a_code_of_its_own() -> None:
    with pytest.raises(SettingsError) as caught:
        load({}, Need.WORKER)
    assert caught.value.code == "settings-missing"


@pytest.mark.parametrize("secret", ["0", "secret", "1234567", "00000000", "abcabcabcabc"])
def test_a_webhook_secret_that_can_be_found_by_trying_is_a_fault(secret: str) -> None:
    assert list(faults_of({**ENOUGH, "MERGEPORT_WEBHOOK_SECRET": secret})) == ["MERGEPORT_WEBHOOK_SECRET"]


def test_a_weak_secret_may_still_be_changed_for_a_better_one() -> None:
    settings = load({**ENOUGH, "MERGEPORT_WEBHOOK_SECRET_PREVIOUS": "0"})
    assert settings.webhook_secrets[1:] == ("0",)
    assert [warning.where for warning in settings.warnings] == ["MERGEPORT_WEBHOOK_SECRET_PREVIOUS"]


@pytest.mark.parametrize("name", ["WEBHOOK_SECRET", "CONFIGURATION_BRANCH", "STATE_DIRECTORY", "CA_FILE", "ARGOCD_URL"])
def test_bytes_that_are_not_utf_8_are_a_fault(name: str) -> None:
    setting = f"MERGEPORT_{name}"
    assert setting in faults_of({**ENOUGH, "MERGEPORT_ARGOCD_TOKEN": "x", setting: "long-enough-\udcff"})


@pytest.mark.parametrize("name", ["CA_FILE", "SSH_KEY_FILE", "REGISTRY_AUTH_FILE", "WEBHOOK_SECRET_FILE"])
def test_a_path_that_is_too_long_is_a_fault(name: str) -> None:
    faults = faults_of({f"MERGEPORT_{name}": "/" + "x" * 300})
    assert "File name too long" in faults[f"MERGEPORT_{name}"]


def test_each_process_of_serve_may_have_what_it_needs() -> None:
    secrets = ["MERGEPORT_GITHUB_TOKEN", "MERGEPORT_ARGOCD_TOKEN_FILE", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN"]
    hooks = ["MERGEPORT_WEBHOOK_SECRET", "MERGEPORT_WEBHOOK_SECRET_PREVIOUS_FILE"]
    both = ["PATH", "MERGEPORT_DATABASE_URL", "MERGEPORT_STATE_DIRECTORY"]
    told = {
        may.__name__: [name for name in (*secrets, *hooks, *both) if may(name)]
        for may in (is_for_web, is_for_worker, is_for_database)
    }
    assert told == {
        "is_for_web": [*hooks, *both],
        "is_for_worker": [*secrets, *both],
        "is_for_database": both,
    }
