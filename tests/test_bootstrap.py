"""Bootstrap joins what the settings ask for, and says in words what is not here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from service.adapters import builders, integration, registries
from service.adapters.forges.github import GitHub, TokenLogin
from service.adapters.kinds import kinds
from service.bootstrap import ConfiguredImages, build_context, event_queue, missing_builder
from service.core.words import Repository
from service.errors import PermanentError
from service.settings import load
from service.store import Store
from tests.pipeline.harness import ListQueue


def images(tmp_path: Path, builder: str) -> ConfiguredImages:
    settings = load({"MERGEPORT_STATE_DIRECTORY": str(tmp_path), "MERGEPORT_BUILDER": builder})
    return ConfiguredImages(settings, GitHub(TokenLogin("t")))


def test_builder_of_the_demo_is_missed_in_words_where_its_sources_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "devstack.layer", None)
    with pytest.raises(PermanentError, match="layer") as caught:
        images(tmp_path, "layer").builder("docker")
    assert caught.value.code == "builder-missing"
    assert "MERGEPORT_BUILDER" in caught.value.hint


def test_every_kind_of_the_configuration_can_be_made() -> None:
    """An integration is one file: if it offers options, bootstrap can make it."""
    found = kinds()
    assert {"codebuild", "docker", "external"} <= found.builders.keys()
    assert {"ecr", "oci"} <= found.registries.keys()
    assert all(callable(integration(builders, kind).make) for kind in found.builders)
    assert all(callable(integration(registries, kind).make) for kind in found.registries)


def test_builder_of_a_kind_that_is_not_here_any_more_is_missed_in_words(tmp_path: Path) -> None:
    """A row names the builder of a build elsewhere, even after the builder's file was removed."""
    with pytest.raises(PermanentError, match="removed-since") as caught:
        images(tmp_path, "layer").builder("removed-since")
    assert caught.value.code == "builder-missing"


def test_queue_of_aws_events_is_read_only_where_the_settings_name_one(tmp_path: Path) -> None:
    state = {"MERGEPORT_STATE_DIRECTORY": str(tmp_path)}
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/mergeport-events"
    assert event_queue(load(state)) is None
    assert event_queue(load(state | {"MERGEPORT_AWS_EVENTS_QUEUE_URL": url})) is not None


def test_where_another_pipeline_pushes_by_itself_there_is_no_builder(tmp_path: Path) -> None:
    assert images(tmp_path, "layer").builder("external") is None


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "https://github.com/acme/a.git"),
        ({"MERGEPORT_GITHUB_API_URL": "https://git.corp/api/v3"}, "https://git.corp/acme/a.git"),
        (
            {"MERGEPORT_GITHUB_API_URL": "https://git.corp/api/v3", "MERGEPORT_GITHUB_GIT_URL": "https://mirror.corp"},
            "https://mirror.corp/acme/a.git",
        ),
    ],
)
def test_clones_come_from_the_github_whose_api_is_named(environ: dict[str, str], url: str, tmp_path: Path) -> None:
    told = {
        "MERGEPORT_STATE_DIRECTORY": str(tmp_path),
        "MERGEPORT_CONFIGURATION_REPOSITORY": "acme/manifests",
        "MERGEPORT_GITHUB_TOKEN": "t",
        **environ,
    }
    store = Store(f"sqlite:///{tmp_path}/m.db")
    with build_context(load(told), store, ListQueue(), "worker-test") as context:
        assert context.outside.forge.clone_url(Repository("acme/a")) == url
    store.close()


@pytest.mark.parametrize(("builder", "missing"), [("none", True), ("layer", False)])
def test_machine_is_told_to_lack_a_builder_only_where_it_does(tmp_path: Path, builder: str, missing: bool) -> None:
    settings = load({"MERGEPORT_STATE_DIRECTORY": str(tmp_path), "MERGEPORT_BUILDER": builder})
    assert (missing_builder(settings) is not None) is missing
