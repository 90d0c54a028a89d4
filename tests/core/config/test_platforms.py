"""Which platforms an image must have: what is said, else what its builder is asked for."""

from __future__ import annotations

import pytest

from service.adapters.kinds import kinds
from service.core.config import load

TEXT = """
defaults:
  registry: registry.acme.test
  values: [{{file: values.yaml, set: {{tag: "{{tag}}"}}}}]
environments: {{dev: {{branch: develop}}}}
applications:
  checkout: {{source: acme/checkout, {keys}}}
"""
ASKED = "build: {kind: github-actions, platforms: [linux/amd64, linux/aarch64]}"


def wanted(keys: str) -> tuple[str, ...]:
    target = load(TEXT.format(keys=keys), kinds=kinds()).target("checkout", "dev")
    assert target is not None
    return target.images[0].platforms


@pytest.mark.parametrize(
    ("keys", "platforms"),
    [
        ("build: {kind: external}", ()),
        ("platforms: [linux/amd64, linux/arm64/v8, linux/x86_64]", ("linux/amd64", "linux/arm64")),
        (ASKED, ("linux/amd64", "linux/arm64")),
        (f"{ASKED}, platforms: [linux/amd64]", ("linux/amd64",)),
        (f"{ASKED}, platforms: []", ()),
    ],
)
def test_platforms_are_those_that_are_said_else_those_that_are_asked_for(keys: str, platforms: tuple[str, ...]) -> None:
    assert wanted(keys) == platforms


def test_one_of_several_images_has_its_own() -> None:
    keys = "platforms: [linux/amd64], images: {web: {}, api: {platforms: [linux/arm64]}}"
    keys += ', values: [{file: v.yaml, set: {a: "{web.tag}", b: "{api.tag}"}}]'
    target = load(TEXT.format(keys=keys), kinds=kinds()).target("checkout", "dev")
    assert target is not None
    assert [one.platforms for one in target.images] == [("linux/amd64",), ("linux/arm64",)]
