"""A platform has one name, however a builder, an index or a person writes it."""

from __future__ import annotations

import pytest

from service.core.platforms import is_platform, lacking, normal


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("Linux/ARM64", "linux/arm64"),
        ("linux/arm", "linux/arm"),
        ("linux/arm/v7", "linux/arm"),
        ("linux/arm/7", "linux/arm"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm"),
        ("linux/armel", "linux/arm/v6"),
        ("windows/amd64", "windows/amd64"),
        ("", ""),
    ],
)
def test_platform_has_one_name(text: str, name: str) -> None:
    assert normal(text) == name


def test_what_is_lacking_is_told_once_in_its_order() -> None:
    wanted = ["linux/s390x", "linux/amd64", "linux/aarch64", "linux/arm64/v8"]
    assert lacking(wanted, ["linux/amd64"]) == ("linux/s390x", "linux/arm64")


def test_another_variant_is_another_platform() -> None:
    assert lacking(["linux/amd64"], ["linux/amd64/v3"]) == ("linux/amd64",)


def test_nothing_wanted_is_nothing_lacking() -> None:
    assert lacking([], []) == ()


@pytest.mark.parametrize("text", ["linux", "", "linux/", "/amd64", "linux/arm64/v8/x", "linux amd64", "unknown"])
def test_other_texts_are_no_platform(text: str) -> None:
    assert not is_platform(text)
