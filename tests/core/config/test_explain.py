"""`config show` tells each key's value and the line that says it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from service.adapters.kinds import kinds
from service.core.config import Configuration, load
from service.core.config.keys import TargetKeys
from service.core.config.report import keys_of

TEXT = (Path(__file__).parents[2] / "data" / "config" / "good" / "design.yaml").read_text()
LINES = TEXT.splitlines()


def explained(application: str, environment: str) -> dict[str, tuple[object, str | None]]:
    rows = load(TEXT, kinds=kinds()).explain(application, environment)
    return {row.key: (row.value, LINES[row.line - 1].strip() if row.line else None) for row in rows}


def test_a_key_names_the_line_that_wins() -> None:
    rows = explained("recommender", "prod")

    assert rows["branch"] == ("release/*", 'prod: {branch: "release/*"}')
    assert rows["source"] == ("acme/recommender", "source: acme/recommender")
    assert rows["publish"] == ("pull-request", "publish: pull-request")


def test_what_comes_from_the_defaults_names_their_line() -> None:
    rows = explained("checkout", "dev")

    assert rows["registry.kind"][1] == "registry: 123456789012.dkr.ecr.ap-northeast-2.amazonaws.com"
    assert rows["values[0].file"] == (
        "apps/checkout/values-dev.yaml",
        '- file: "apps/{application}/values-{environment}.yaml"',
    )
    assert rows["argocd"] == ("checkout-dev", 'argocd: "{application}-{environment}"')


def test_joined_mappings_name_a_line_for_each_key() -> None:
    rows = explained("checkout", "dev")

    assert rows["build.kind"] == ("docker", "build: {kind: docker}")
    assert rows["build.context"] == (
        "services/checkout",
        "build: {context: services/checkout, dockerfile: Dockerfile}",
    )


def test_what_nobody_says_has_no_line() -> None:
    rows = explained("checkout", "dev")

    assert rows["publish"] == ("commit", None)
    assert rows["deadlines.build"] == ("30m", None)
    assert rows["manifest.repository"] == ("the configuration repository", None)
    assert rows["image"] == ("checkout", None)


def test_each_of_several_images_is_told() -> None:
    rows = explained("recommender", "dev")

    assert rows["images.web.build.context"][0] == "web"
    assert rows["images.predict.build.context"][0] == "predict"
    assert rows["images.predict.image"] == ("recommender-predict", None)


def test_an_application_that_is_not_there_has_nothing_to_tell() -> None:
    assert explained("recommender", "stage") == {}


def test_an_overridden_deadline_is_written_as_people_do(read: Callable[[str], Configuration]) -> None:
    rows = {row.key: row for row in read("a: {source: acme/a, deadlines: {image: 90m}}").explain("a", "dev")}

    assert (rows["deadlines.image"].value, rows["deadlines.image"].line) == ("1h30m", 10)


def test_order_as_a_word_says_how_commits_are_ordered_and_nothing_else() -> None:
    text = TEXT.replace("    source: acme/checkout\n", "    source: acme/checkout\n    order: commit-time\n")
    rows = {row.key: row for row in load(text, kinds=kinds()).explain("checkout", "dev")}
    assert rows["order.by"].value == "commit-time"
    assert rows["order.by"].line is not None
    assert text.splitlines()[rows["order.by"].line - 1].strip() == "order: commit-time"
    assert (rows["order.rewritten"].value, rows["order.rewritten"].line) == ("refuse", None)


def test_a_time_of_a_builder_is_told_as_people_write_it() -> None:
    assert explained("checkout", "dev")["build.timeout"][0] == "30m"


def test_every_key_of_an_application_and_of_an_environment_is_told() -> None:
    rows = explained("checkout", "dev")

    told = {key.partition(".")[0].partition("[")[0] for key in rows}
    chosen = {
        "images",
        "environments",
        "gates",
        "notify",
        "pull_from",
        "from",
        "automatic",
        "carry",
        "alias",
    }  # only where they are said
    assert {key for key in keys_of(TargetKeys) if key not in chosen} <= told


def test_reuse_and_rebuild_name_their_line() -> None:
    text = TEXT.replace("    source: acme/checkout\n", "    source: acme/checkout\n    rebuild: daily\n")
    rows = {row.key: row for row in load(text, kinds=kinds()).explain("checkout", "dev")}

    assert (rows["reuse"].value, rows["reuse"].line) == ("default", None)
    assert rows["rebuild"].value == "daily"
    assert text.splitlines()[(rows["rebuild"].line or 0) - 1].strip() == "rebuild: daily"
