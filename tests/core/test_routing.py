"""What a change starts, and the sentence people read where it starts nothing."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from service.core.config import Configuration, Kinds, load
from service.core.config.patterns import matches, selects_any
from service.core.routing import Routing, route
from service.core.words import Repository


class Options(BaseModel):
    """Options that nobody looks at here."""


KINDS = Kinds(builders=MappingProxyType({"docker": Options}), registries=MappingProxyType({"oci": Options}))
CONFIGURATION = load(
    """\
defaults:
  registry: registry.example.com
  source: acme/shop
  values:
    - file: "{environment}/{application}.yaml"
      set: {image.tag: "{tag}"}
environments:
  dev: {branch: develop}
  preview: {branch: "feature/**"}
  prod: {branch: main}
applications:
  cart:
    paths: ["services/cart/**", "!**/*.md"]
  checkout:
    paths: ["services/checkout/**"]
    environments: {prod: {branch: "release/*"}}
  everything: {environments: {preview: false}}
  model: {source: acme/model, paths: [model/**]}
""",
    kinds=KINDS,
)
SHOP = Repository("acme/shop")


def names(routing: Routing) -> list[tuple[str, str]]:
    return [(target.application, target.environment) for target in routing.targets]


def paths(*changed: str) -> frozenset[str]:
    return frozenset(changed)


def test_a_branch_and_a_path_start_the_application_they_reach() -> None:
    routing = route(CONFIGURATION, SHOP, "develop", paths("services/cart/app.py"))

    assert names(routing) == [("cart", "dev"), ("everything", "dev")]
    assert routing.reason == ""


def test_those_kept_out_by_their_paths_are_refused_with_a_reason() -> None:
    routing = route(CONFIGURATION, SHOP, "develop", paths("services/cart/app.py"))

    assert routing.refused == (
        ("checkout", "dev", "none of 1 changed path (services/cart/app.py) matches services/checkout/**"),
    )


def test_unknown_paths_touch_everything() -> None:
    assert names(route(CONFIGURATION, SHOP, "develop", None)) == [
        ("cart", "dev"),
        ("checkout", "dev"),
        ("everything", "dev"),
    ]


def test_a_negative_pattern_keeps_a_change_of_its_paths_out() -> None:
    routing = route(CONFIGURATION, SHOP, "feature/a/b", paths("services/cart/README.md"))

    assert names(routing) == []
    assert routing.reason == (
        "None of 1 changed path (services/cart/README.md) matches the paths of cart, checkout. "
        "everything is switched off in preview (`false`)."
    )


def test_a_commit_without_any_path_starts_what_has_no_filter() -> None:
    routing = route(CONFIGURATION, SHOP, "develop", paths())

    assert names(routing) == [("everything", "dev")]
    assert routing.refused[0] == ("cart", "dev", "none of 0 changed paths matches services/cart/**, !**/*.md")


def test_a_glob_feeds_an_environment_for_one_application_alone() -> None:
    routing = route(CONFIGURATION, SHOP, "release/1.2", paths("services/checkout/app.py"))

    assert names(routing) == [("checkout", "prod")]


def test_a_repository_is_known_in_whatever_case_the_forge_writes_it() -> None:
    assert names(route(CONFIGURATION, Repository("Acme/Model"), "main", None)) == [("model", "prod")]


def test_a_repository_that_nobody_configured_is_named() -> None:
    assert route(CONFIGURATION, Repository("acme/other"), "main", None) == Routing(
        reason="acme/other is not the source of any application in the configuration."
    )


def test_a_branch_that_feeds_nothing_is_named_with_those_that_do() -> None:
    assert route(CONFIGURATION, Repository("acme/model"), "-x", None).reason == (
        "No environment is fed by branch -x of acme/model: "
        "develop feeds dev, feature/** feeds preview, main feeds prod."
    )


def test_many_paths_are_counted_and_the_first_named() -> None:
    routing = route(CONFIGURATION, Repository("acme/model"), "main", frozenset(f"docs/{n}.md" for n in range(9)))

    assert routing.reason == (
        "None of 9 changed paths (docs/0.md, docs/1.md, docs/2.md and 6 more) matches the paths of model."
    )


def test_a_path_with_control_characters_stays_on_one_line() -> None:
    reason = route(CONFIGURATION, Repository("acme/model"), "main", paths("a\nb\x1b[31m")).reason

    assert reason == r"None of 1 changed path (a\nb\x1b[31m) matches the paths of model."


@pytest.mark.parametrize("branch", ["Develop", "develop/", "refs/heads/develop", "develop\n"])
def test_a_branch_must_match_wholly(branch: str) -> None:
    assert names(route(CONFIGURATION, SHOP, branch, None)) == []


@settings(max_examples=200, deadline=None)
@given(
    branch=st.sampled_from(["develop", "main", "feature/x", "feature/x/y", "release/1", "other", "-x", "ünï"]),
    repository=st.sampled_from(["acme/shop", "acme/model", "ACME/shop", "acme/none"]),
    changed=st.one_of(
        st.none(),
        st.frozensets(
            st.sampled_from(["services/cart/a.py", "services/cart/a.md", "model/x", "README.md"]), max_size=3
        ),
    ),
)
def test_every_target_that_the_branch_feeds_either_runs_or_is_refused(
    branch: str, repository: str, changed: frozenset[str] | None
) -> None:
    routing = route(CONFIGURATION, Repository(repository), branch, changed)

    assert {*names(routing), *(refusal[:2] for refusal in routing.refused)} == fed(CONFIGURATION, repository, branch)
    assert all(changed is None or selects_any(target.paths, changed) for target in routing.targets)
    assert bool(routing.reason) is not bool(routing.targets)


def fed(configuration: Configuration, repository: str, branch: str) -> set[tuple[str, str]]:
    return {
        (target.application, target.environment)
        for target in configuration.targets()
        if target.source.lower() == repository.lower() and matches(target.branch, branch)
    }


def test_environment_that_is_switched_off_is_named_and_no_other_application() -> None:
    only = load(
        """\
defaults:
  registry: registry.example.com
  values: [{file: "{environment}/{application}.yaml", set: {image.tag: "{tag}"}}]
environments: {dev: {branch: develop}, preview: {branch: "feature/**"}}
applications:
  everything: {source: acme/shop, environments: {dev: false, preview: false}}
  other: {source: acme/other}
""",
        kinds=KINDS,
    )
    routing = route(only, SHOP, "feature/x", None)
    assert routing.reason == "everything is switched off in preview (`false`)."
    assert routing.off == (("everything", "preview"),)
    assert route(only, SHOP, "main", None).off == ()
    assert SHOP in only.sources()
