"""The result of a valid configuration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.adapters.kinds import kinds as adapters_kinds
from service.core.config import Configuration, Deadlines, Kinds, PullRequestPolicy, WritingPolicy, load
from service.core.roles import Login, Permission, Permitted, Role, Team
from service.core.words import AutoMerge, MergeMethod, Protected, Publish
from service.errors import ConfigError, Fault, NotFoundError

GOOD = Path(__file__).parents[2] / "data" / "config" / "good"
Read = Callable[[str], Configuration]


def good(name: str) -> Configuration:
    return load((GOOD / f"{name}.yaml").read_bytes(), kinds=adapters_kinds(), commit="c0ffee")


def test_applications_and_environments_keep_the_order_of_the_file() -> None:
    configuration = good("design")

    assert configuration.commit == "c0ffee"
    assert configuration.applications == ("checkout", "recommender")
    assert configuration.environments == ("dev", "stage", "prod")
    assert [(target.application, target.environment) for target in configuration.targets()] == [
        ("checkout", "dev"),
        ("checkout", "stage"),
        ("checkout", "prod"),
        ("recommender", "dev"),
        ("recommender", "prod"),
    ]


def test_an_environment_that_is_false_has_no_target() -> None:
    assert good("design").target("recommender", "stage") is None


@pytest.mark.parametrize(
    ("application", "environment", "code", "hint"),
    [
        ("chekout", "dev", "application-unknown", "did you mean checkout?"),
        ("checkout", "staging", "environment-unknown", "did you mean stage?"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(application: str, environment: str, code: str, hint: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        good("design").target(application, environment)

    assert (caught.value.code, caught.value.hint) == (code, hint)


def test_placeholders_that_are_known_are_filled_in() -> None:
    target = good("design").target("checkout", "stage")

    assert target is not None
    assert target.values[0].file == "apps/checkout/values-stage.yaml"
    assert target.argocd_application == "checkout-stage"
    assert target.images[0].repository == "checkout"


def test_placeholders_of_the_image_wait_for_the_image() -> None:
    target = good("design").target("checkout", "stage")

    assert target is not None
    assert target.values[0].set == (
        ("image.repository", "{repository}"),
        ("image.tag", "{tag}"),
        ("image.digest", "{digest}"),
    )


def test_an_environment_brings_its_policy() -> None:
    target = good("design").target("checkout", "prod")

    assert target is not None
    assert target.publish is Publish.PULL_REQUEST
    assert target.pull_request == PullRequestPolicy(("team:release-managers",), ("release",))
    assert (target.manifest_repository, target.manifest_branch) == ("acme/manifests", "main")


def test_an_environment_says_how_its_pull_requests_live(read: Callable[[str], Configuration]) -> None:
    own = (
        "{assignees: [ann], gate_labels: true, milestone: '9.1', draft: true, auto_merge: github, merge_method: squash}"
    )
    target = read(f"a: {{source: acme/a, environments: {{dev: {{pull_request: {own}}}}}}}").target("a", "dev")

    assert target is not None
    assert target.pull_request == PullRequestPolicy(
        assignees=("ann",), milestone="9.1", gate_labels=True, draft=True, auto_merge=AutoMerge.GITHUB,
        merge_method=MergeMethod.SQUASH,
    )  # fmt: skip


def test_an_environment_says_how_commits_are_written(read: Callable[[str], Configuration]) -> None:
    own = "{manifest: {batch_window: 1m30s, protected: pull-request, co_author: true}}"
    target = read(f"a: {{source: acme/a, environments: {{dev: {own}}}}}").target("a", "dev")

    assert target is not None
    assert target.writing == WritingPolicy(timedelta(seconds=90), Protected.PULL_REQUEST, co_author=True)


def test_what_nobody_says_has_its_default() -> None:
    target = good("design").target("checkout", "dev")

    assert target is not None
    assert target.publish is Publish.COMMIT
    assert (target.manifest_repository, target.manifest_branch) == (None, None)
    assert target.writing == WritingPolicy(timedelta(0), Protected.ERROR, co_author=False)
    assert target.deadlines == Deadlines(
        build=timedelta(minutes=30),
        image=timedelta(hours=1),
        sync=timedelta(minutes=15),
        pull_request=timedelta(days=30),
    )


def test_several_images_each_have_their_own_name_and_build() -> None:
    target = good("design").target("recommender", "dev")

    assert target is not None
    assert [(image.name, image.repository) for image in target.images] == [
        ("web", "recommender-web"),
        ("predict", "recommender-predict"),
    ]
    assert [image.builder_options.model_dump()["context"] for image in target.images] == ["web", "predict"]
    assert {image.builder_kind for image in target.images} == {"docker"}


def test_the_applications_environment_wins_over_everything() -> None:
    target = good("design").target("recommender", "prod")

    assert target is not None
    assert target.branch == "release/*"


def test_mappings_join_and_lists_are_replaced(read: Read) -> None:
    target = read(
        """\
checkout:
  source: acme/checkout
  paths: [a/**, b/**]
  build: {context: a, args: {ONE: "1", TWO: "2"}}
  environments:
    prod: {paths: [c/**], build: {args: {TWO: "3"}}}"""
    ).target("checkout", "prod")

    assert target is not None
    assert target.paths == ("c/**",)
    assert target.images[0].builder_options.model_dump() == {
        "kind": "docker",
        "context": "a",
        "dockerfile": "Dockerfile",
        "args": {"ONE": "1", "TWO": "3"},
        "retries": 0,
    }


def test_the_options_of_one_kind_do_not_reach_another(read: Read) -> None:
    target = read(
        """\
checkout:
  source: acme/checkout
  build: {context: a}
  environments:
    prod: {build: {kind: external}}"""
    ).target("checkout", "prod")

    assert target is not None
    assert target.images[0].builder_kind == "external"


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("123456789012.dkr.ecr.ap-northeast-2.amazonaws.com", "ecr"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "ecr"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "ecr"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "ecr"),
        ("ghcr.io", "oci"),
        ("localhost:5000", "oci"),
        ("public.ecr.aws", "oci"),
        ("evil.dkr.ecr.eu-west-1.amazonaws.com.example.com", "oci"),
    ],
)
def test_a_registry_given_as_text_has_its_kind_by_its_host(host: str, kind: str, read: Read) -> None:
    target = read(f'checkout: {{source: acme/checkout, registry: "{host}"}}').target("checkout", "dev")

    assert target is not None
    assert (target.images[0].registry_kind, target.images[0].registry_host) == (kind, host)


def test_options_get_kind_and_host_where_their_model_has_them(read: Read) -> None:
    target = read("checkout: {source: acme/checkout}").target("checkout", "dev")

    assert target is not None
    assert target.images[0].registry_options.model_dump() == {
        "kind": "ecr",
        "host": "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "create": True,
    }


def test_build_options_know_the_application_and_keep_other_braces() -> None:
    target = good("monorepo").target("cart", "dev")

    assert target is not None
    options = target.images[0].builder_options.model_dump()
    assert options["context"] == "services/cart"
    assert options["args"] == {"SERVICE": "cart", "TEMPLATE": "{{ .Values.x }}"}


def test_typed_values_keep_their_type() -> None:
    target = good("monorepo").target("cart", "dev")

    assert target is not None
    written = dict(target.values[0].set)
    assert [(written[key], type(written[key])) for key in ("replicas", "ratio", "enabled", "code")] == [
        (3, int),
        (0.5, float),
        (True, bool),
        ("0123", str),
    ]


def test_argocd_false_ends_a_run_at_the_commit() -> None:
    target = good("minimal").target("checkout", "dev")

    assert target is not None
    assert target.argocd_application is None


def test_sources_and_manifest_repositories_are_told() -> None:
    configuration = good("design")

    assert configuration.sources() == {"acme/checkout", "acme/recommender"}
    assert configuration.manifest_repositories(default="acme/deploy") == {"acme/deploy", "acme/manifests"}  # type: ignore[arg-type]  # a plain text is one


def test_an_application_in_no_environment_is_a_warning(read: Read) -> None:
    configuration = read("old: {source: acme/old, environments: {dev: false, prod: false}}")

    assert [str(warning) for warning in configuration.warnings] == [
        "mergeport.yaml:10:3: applications.old: old is in no environment"
    ]


def test_one_image_built_differently_in_two_environments_is_a_warning(read: Read) -> None:
    configuration = read("checkout: {source: acme/checkout, environments: {prod: {build: {context: x}}}}")

    assert [warning.message for warning in configuration.warnings] == [
        "checkout in dev and checkout in prod build checkout:{short_sha} differently from one source"
    ]


def test_a_tag_may_cut_the_commit_and_name_the_branch(read: Read) -> None:
    target = read('checkout: {source: acme/checkout, tag: "{application}-{branch}-{short_sha:7}"}').target(
        "checkout", "dev"
    )

    assert target is not None
    assert target.images[0].tag == "checkout-{branch}-{short_sha:7}"


def test_loading_the_same_text_gives_an_equal_configuration() -> None:
    assert good("design") == good("design")


def test_hundreds_of_applications_are_as_good_as_one(read: Read) -> None:
    configuration = read("\n".join(f"app{n}: {{source: acme/app{n}}}" for n in range(200)))

    assert len(list(configuration.targets())) == 400


def faults_in(text: str | bytes, kinds: Kinds) -> list[Fault]:
    try:
        load(text, kinds=kinds)
    except ConfigError as error:
        return error.faults or [Fault("", "an error without a fault", line=10**9)]
    return []


PIECES = st.sampled_from(
    [
        line + "\n"
        for name in ("design", "minimal", "monorepo")
        for line in (GOOD / f"{name}.yaml").read_text().splitlines()
    ]
    + [
        "a: &x [*x]\n",
        "<<: {}\n",
        "\t\n",
        "---\n",
        "? \n",
        "- \n",
        "{",
        "}",
        "'",
        '"',
        ": ",
        "!!set\n",
        "%YAML 1.1\n",
        "é",
        "\x00",
    ]
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=12).map("".join), st.binary(max_size=80)))
def test_whatever_is_read_is_a_configuration_or_faults_within_the_file(text: str | bytes, kinds: Kinds) -> None:
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    lines = len(raw.decode("utf-8", "replace").splitlines()) + 1

    assert all(fault.message and (fault.line or 0) <= lines for fault in faults_in(text, kinds))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_line_gives_faults_and_never_a_traceback(data: st.DataObject, kinds: Kinds) -> None:
    lines = (GOOD / "design.yaml").read_text().splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(0, len(lines[at])))
    junk = data.draw(
        st.sampled_from(["", "x", "[", "{", "&a ", "*a", "!t ", "- ", "3", "on", "null", "''", "{tag}", "\t", "#"])
    )
    lines[at] = lines[at][:cut] + junk + lines[at][data.draw(st.integers(cut, len(lines[at]))) :]

    assert all(fault.message and (fault.line or 0) <= len(lines) + 1 for fault in faults_in("".join(lines), kinds))


def spots(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Give the path of every value in plain data."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [spot for key, value in inner for spot in [(*path, key), *spots(value, (*path, key))]]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_value_of_any_type_in_any_place_is_read_or_told_and_loses_no_target(
    data: st.DataObject, kinds: Kinds
) -> None:
    content = yaml.safe_load((GOOD / data.draw(st.sampled_from(["design.yaml", "monorepo.yaml"]))).read_text())
    *parents, last = data.draw(st.sampled_from(spots(content)))
    holder = content
    for part in parents:
        holder = holder[part]
    holder[last] = data.draw(
        st.sampled_from([None, 3, 0.5, True, False, "", "x", "{tag}", [], ["x"], [3], {}, {"x": 1}, {"kind": "x"}])
    )

    told = faults_in(yaml.safe_dump(content, sort_keys=False), kinds)

    assert [fault for fault in told if not fault.message or fault.hint == "please report this file"] == []


@pytest.mark.parametrize(
    ("written", "by", "rewritten"),
    [
        ("", "ancestry", "refuse"),
        ("order: commit-time", "commit-time", "refuse"),
        ('order: "off"', "off", "refuse"),
        ("order: off", "off", "refuse"),
        ("order: {by: off}", "off", "refuse"),
        ("order: false", "off", "refuse"),
        ("order: {rewritten: allow}", "ancestry", "allow"),
        ("order: {by: commit-time, rewritten: allow}", "commit-time", "allow"),
    ],
)
def test_order_is_a_word_or_a_mapping(read: Read, written: str, by: str, rewritten: str) -> None:
    target = read(f"checkout:\n  source: acme/checkout\n  {written}").target("checkout", "dev")
    assert target is not None
    assert (target.order.by, target.order.rewritten) == (by, rewritten)


def test_order_of_an_application_in_one_environment_wins(read: Read) -> None:
    configuration = read(
        "checkout:\n  source: acme/checkout\n  order: {rewritten: allow}\n"
        "  environments: {prod: {order: {by: commit-time}}, dev: {order: ancestry}}"
    )
    told = [target.order for target in configuration.targets()]
    assert [(one.by, one.rewritten) for one in told] == [("ancestry", "refuse"), ("commit-time", "allow")]


def test_roles_that_the_file_names_replace_their_defaults_and_no_others() -> None:
    text = (
        GOOD / "design.yaml"
    ).read_text() + 'roles: {operator: ["@Acme/Crew", "permission:admin"], viewer: octocat}\n'

    roles = load(text, kinds=adapters_kinds()).roles

    assert roles.of(Role.OPERATOR) == (Team("acme", "crew"), Permitted(Permission.ADMIN))
    assert roles.of(Role.VIEWER) == (Login("octocat"),)
    assert roles.of(Role.RELEASE_MANAGER) == (Permitted(Permission.MAINTAIN),)
