"""Two commits whose trees are alike where the build reads them have one image; any difference there makes another."""

from __future__ import annotations

import pytest

from service.core.source_tree import paths_read, tree_of

IDS = {"services/api": "a" * 40, "lib": "b" * 40}


@pytest.mark.parametrize(
    ("context", "dockerfile", "patterns", "read"),
    [
        (".", "Dockerfile", [], (".",)),
        ("./", "docker/Dockerfile", ["services/**"], (".",)),
        ("services/api", "Dockerfile", [], ("services/api",)),
        ("services/api/", "../../docker/Api", [], ("docker/Api", "services/api")),
        ("services/api", "Dockerfile", ["services/api/**", "lib/**", "!lib/test/**"], ("lib", "services/api")),
        ("services/api", "Dockerfile", ["**.py"], (".",)),
        ("services/api", "Dockerfile", ["services/*/config.yaml", "go.mod"], ("go.mod", "services")),
        ("services/api", "Dockerfile", ["lib/utils?.py"], ("lib", "services/api")),
        ("services/api", "../../../outside", [], ("outside", "services/api")),
        ("..", "Dockerfile", [], (".",)),
        ("services/api", "", [], ("services/api",)),
    ],
)
def test_paths_that_an_image_depends_on(
    context: str, dockerfile: str, patterns: list[str], read: tuple[str, ...]
) -> None:
    assert paths_read(context, dockerfile, patterns) == read


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
