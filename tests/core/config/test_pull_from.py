"""An environment that pulls from another registry names its images there; they are made where `registry` says."""

from __future__ import annotations

from service.adapters.kinds import kinds
from service.core.config import Configuration, ImageTarget, load

PUSHED = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
PULLED = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
TEXT = f"""\
defaults:
  registry: {PUSHED}
  values: [{{file: "{{application}}-{{environment}}.yaml", set: {{image: "{{image}}"}}}}]
environments:
  dev: {{branch: develop}}
  prod: {{branch: main, pull_from: {PULLED}}}
  far: {{branch: far, pull_from: {{host: {PULLED}, copy: true, role_arn: "arn:aws:iam::1:role/x", create: false}}}}
applications:
  one: {{source: acme/one}}
  two:
    source: acme/two
    environments:
      prod: {{pull_from: {PUSHED}}}
      far: {{pull_from: {{kind: oci, host: registry.example.com}}}}
"""


def loaded() -> Configuration:
    return load(TEXT, kinds=kinds())


def image(application: str, environment: str) -> ImageTarget:
    target = loaded().target(application, environment)
    assert target is not None
    (found,) = target.images
    return found


def test_image_is_named_where_it_is_pulled_from_and_made_where_it_is_pushed() -> None:
    found = image("one", "prod")
    assert (found.full_name, found.made.full_name, found.copy) == (f"{PULLED}/one", f"{PUSHED}/one", False)
    assert found.made.pushed_to is None


def test_copy_and_the_registrys_options_are_read() -> None:
    found = image("one", "far")
    assert found.copy
    assert found.registry_options.model_dump(include={"host", "create", "role_arn"}) == {
        "host": PULLED,
        "create": False,
        "role_arn": "arn:aws:iam::1:role/x",
    }


def test_environment_that_names_none_pulls_from_where_images_are_pushed() -> None:
    assert image("one", "dev").pushed_to is None


def test_application_that_names_the_registry_of_its_images_turns_it_off() -> None:
    assert (image("two", "prod").pushed_to, image("two", "prod").full_name) == (None, f"{PUSHED}/two")


def test_registry_of_another_kind_replaces_all_that_the_environment_says() -> None:
    found = image("two", "far")
    assert (found.registry_kind, found.registry_host, found.copy) == ("oci", "registry.example.com", False)


def test_both_registries_are_told_with_their_lines() -> None:
    rows = {row.key: (row.value, row.line) for row in loaded().explain("one", "prod")}
    assert (rows["registry.host"], rows["pull_from.host"]) == ((PUSHED, 2), (PULLED, 6))
    assert rows["pull_from.copy"] == (False, None)
    assert "pull_from.host" not in {row.key for row in loaded().explain("one", "dev")}
