"""Two commits whose trees are alike where the build reads them have one image; any difference there makes another."""

from __future__ import annotations

import pytest

from service.core.source_tree import dockerfile_beside, is_whole, paths_read, tree_of

IDS = {"services/api": "a" * 40, "lib": "b" * 40}


@pytest.mark.parametrize(
    ("context", "dockerfile", "patterns", "read"),
    [
        (".", "Dockerfile", [], (".",)),
        ("./", "docker/Dockerfile", ["services/**"], (".",)),
        ("services/api", "Dockerfile", [], ("services/api",)),
        ("services/api/", "../../docker/Api", [], ("docker/Api", "docker/Api.dockerignore", "services/api")),
        ("services/api", "Dockerfile", ["services/api/**", "lib/**", "!lib/test/**"], ("lib", "services/api")),
        ("services/api", "Dockerfile", ["**.py"], (".",)),
        ("services/api", "Dockerfile", ["services/*/config.yaml", "go.mod"], ("go.mod", "services")),
        ("services/api", "Dockerfile", ["lib/utils?.py"], ("lib", "services/api")),
        ("services/api", "../../../outside", [], ("outside", "outside.dockerignore", "services/api")),
        ("..", "Dockerfile", [], (".",)),
        ("services/api", "", [], ("services/api",)),
    ],
)
def test_paths_that_an_image_depends_on(
    context: str, dockerfile: str, patterns: list[str], read: tuple[str, ...]
) -> None:
    assert paths_read(context, dockerfile, patterns) == read


def test_the_file_that_says_how_it_is_built_is_read_too() -> None:
    assert paths_read("services/api", "Dockerfile", [], "ci/build.yml") == ("ci/build.yml", "services/api")
    assert paths_read(".", "Dockerfile", [], "ci/build.yml") == (".",)


@pytest.mark.parametrize(
    ("context", "dockerfile", "beside"),
    [
        ("services/api", "Dockerfile", ("services/api/Dockerfile",)),
        ("services/api", "", ("services/api/Dockerfile",)),
        (".", "docker/Dockerfile", ()),
    ],
)
def test_dockerfile_that_may_lead_out_of_what_is_read_is_looked_at(
    context: str, dockerfile: str, beside: tuple[str, ...]
) -> None:
    assert dockerfile_beside(context, dockerfile) == beside


@pytest.mark.parametrize(
    ("ids", "whole"),
    [
        ({".": "a"}, True),
        ({"services/api": "a"}, True),
        ({"services": "a"}, True),
        ({}, False),
        ({"lib": "b"}, False),
        ({"services/api-2": "a"}, False),
    ],
)
def test_ids_without_what_is_built_tell_nothing(ids: dict[str, str], whole: bool) -> None:
    assert is_whole(ids, "services/api", "Dockerfile") is whole


def test_order_of_the_paths_makes_no_difference() -> None:
    told = tree_of(IDS, builder="docker", options="{}")
    assert told == tree_of(dict(reversed(IDS.items())), builder="docker", options="{}")
    assert len(told) == 64


@pytest.mark.parametrize(
    ("ids", "builder", "options"),
    [
        ({**IDS, "lib": "c" * 40}, "docker", "{}"),
        ({"services/api": "a" * 40}, "docker", "{}"),
        (IDS, "codebuild", "{}"),
        (IDS, "docker", '{"target": "web"}'),
    ],
)
def test_any_difference_makes_another_image(ids: dict[str, str], builder: str, options: str) -> None:
    assert tree_of(ids, builder=builder, options=options) != tree_of(IDS, builder="docker", options="{}")
