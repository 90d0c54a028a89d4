"""Values files are held against the configuration before anything is built: each file and path, by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from service.adapters.kinds import kinds
from service.core.config import load
from service.core.values_check import check_values
from service.errors import PermanentError

CONFIGURATION = """\
defaults:
  registry: ghcr.io
  values:
    - file: "apps/{application}/values-{environment}.yaml"
      set:
        image.tag: "{tag}"
        image.digest: "{digest}"
environments:
  dev: {branch: develop}
  prod: {branch: main}
applications:
  checkout: {source: acme/checkout}
"""
MADE = CONFIGURATION.replace("      set:", "      create: true\n      set:")
SOUND = "image: {tag: a, digest: b}\n"
DEV, PROD = "apps/checkout/values-dev.yaml", "apps/checkout/values-prod.yaml"


class Files:
    """A tree of texts; a file of None is a link."""

    def __init__(self, files: Mapping[str, str | None]) -> None:
        self._files = files

    def read(self, file: str) -> bytes | None:
        if file in self._files and self._files[file] is None:
            raise PermanentError("is a symbolic link", code="values-file-symlink", hint="name the file itself")
        text = self._files.get(file)
        return None if text is None else text.encode()

    def names(self, folder: str) -> Collection[str]:
        inside = f"{folder}/" if folder else ""
        return {file.removeprefix(inside).partition("/")[0] for file in self._files if file.startswith(inside)}


def faults(files: Mapping[str, str | None], text: str = CONFIGURATION) -> list[str]:
    configuration = load(text, kinds=kinds())
    found = check_values(configuration, configuration.targets(), Files(files), file="f")
    return [str(fault).removeprefix("f:") for fault in found]


def test_files_with_every_path_have_no_fault() -> None:
    assert faults({DEV: SOUND, PROD: SOUND}) == []


def test_a_path_that_is_not_in_the_file_is_told_at_its_line_with_the_one_that_is_meant() -> None:
    text = CONFIGURATION.replace("image.digest:", "image.digset:")
    told = (
        f"7:23: defaults.values[0].set.image.digset: checkout in dev: {DEV}:1: "
        "There is no key digset in image (did you mean image.digest?)"
    )

    assert faults({DEV: SOUND, PROD: "image: {tag: a, digset: b}\n"}, text) == [told]


def test_every_path_that_is_not_in_the_file_is_told() -> None:
    told = faults({DEV: "image: {tga: a, other: b}\n", PROD: SOUND})

    assert [line.partition(": ")[0] for line in told] == ["6:20", "7:23"]


@pytest.mark.parametrize(
    ("there", "hint"),
    [
        ("apps/checkout/values-prd.yaml", "did you mean apps/checkout/values-prd.yaml?"),
        ("apps/chekout/values-prod.yaml", "did you mean apps/chekout/values-prod.yaml?"),
        ("app/checkout/values-prod.yaml", "did you mean app/checkout/values-prod.yaml?"),
        ("elsewhere/values.yaml", "add the file, or set `create: file`"),
        ("apps/checkout/values-prod.yaml/x", "add the file, or set `create: file`"),
    ],
)
def test_a_missing_file_is_told_with_the_one_that_is_meant(there: str, hint: str) -> None:
    assert faults({DEV: SOUND, there: SOUND}) == [
        f"4:13: defaults.values[0].file: checkout in prod: {PROD} does not exist ({hint})"
    ]


def test_a_key_that_is_made_may_be_missing() -> None:
    assert (
        faults({DEV: "a: b\n", PROD: ""}, CONFIGURATION.replace("      set:", "      create: true\n      set:")) == []
    )


def test_a_key_that_cannot_be_made_is_told() -> None:
    (told,) = faults({DEV: "image: text\n", PROD: SOUND}, MADE)

    assert "checkout in dev" in told
    assert f"{DEV}:1" in told


def test_a_file_that_cannot_be_edited_is_told_once() -> None:
    (told,) = faults({DEV: "image:\n\ttag: a\n", PROD: SOUND})

    assert told.startswith(f"4:13: defaults.values[0].file: checkout in dev: {DEV}:2: The file is not valid YAML")


def test_a_link_is_told_in_the_words_of_the_tree() -> None:
    assert faults({DEV: None, PROD: SOUND}) == [
        f"4:13: defaults.values[0].file: checkout in dev: {DEV}: is a symbolic link (name the file itself)"
    ]


def test_each_application_is_told_by_itself() -> None:
    cart = "  cart: {source: acme/cart, environments: {dev: false}}\n"

    (told,) = faults({DEV: SOUND, PROD: SOUND}, CONFIGURATION + cart)

    assert "cart in prod: apps/cart/values-prod.yaml does not exist" in told


def test_values_of_models_are_checked_at_their_lines_too() -> None:
    text = """\
model_registries: {mlflow: {url: "https://m.test"}}
environments: {dev: {alias: challenger, branch: main}}
applications:
  scorer:
    source: acme/scorer
    registry: r.test
    models: {fraud: {registry: mlflow, name: f}}
    values:
      - {file: "a.yaml", set: {tag: "{tag}"}}
      - {file: "b.yaml", set: {uri: "{fraud.uri}", version: "{fraud.version}"}}
"""
    assert faults({"a.yaml": "tag: x\n", "b.yaml": "uri: none\nversion: '0'\n"}, text) == []
    (told,) = faults({"a.yaml": "tag: x\n", "b.yaml": "uri: none\n"}, text)
    assert told.startswith("10:")
    assert "scorer.fraud in dev" in told
