"""`mergeport promote`: what it prints, how it ends, and that it does exactly what it showed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.stack import WEBHOOK_SECRET, Devstack
from tests.cli.calling import Call, caller
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure, images, merge
from tests.pipeline.test_train_plan import BY_HAND


@pytest.fixture
def pipeline(
    world: Devstack, migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """Give a worker whose environments are fed by hand, and the command beside its database."""
    assert migrated_sqlite_url == f"sqlite:///{tmp_path}/mergeport.db"
    for repository in (SOURCE, MANIFESTS):
        world.github.add_hook(repository, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET)
    made = Pipeline(world, tmp_path)
    settings = {
        **world.environment(),
        "MERGEPORT_STATE_DIRECTORY": str(tmp_path),
        "MERGEPORT_CONFIGURATION_REPOSITORY": MANIFESTS,
        "MERGEPORT_URL": "http://mergeport.test",
        "LOGNAME": "ada",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    configure(made, BY_HAND)
    yield made
    made.close()


def release(pipeline: Pipeline) -> None:
    """Have a release healthy in dev."""
    merge(pipeline)
    pipeline.settle_live("checkout-dev")


@pytest.fixture
def call(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(monkeypatch, capsys)


def test_plan_is_shown_and_then_done_by_its_name(pipeline: Pipeline, call: Call) -> None:
    release(pipeline)
    dev = pipeline.run("dev")
    shown = call("promote", "--to", "stage", "--plan")
    first, *rest = shown.out.splitlines()
    plan = first.split()[1]
    assert (shown.status, first.startswith(f"plan {plan} to stage at "), "1 move, 0 stay" in first) == (0, True, True)
    assert f"→ {dev.images['']['tag']} {str(images(dev))[:18]}…  from dev, by commit" in "\n".join(rest)
    done = call("promote", "checkout", "--to", "stage", "--plan-id", plan, "--as", "anna")
    assert done.status == 0
    assert done.out.splitlines()[-1] == f"checkout: run {pipeline.run('stage').id}"


@pytest.mark.prove
def test_json_says_what_moves_and_why_the_rest_stays(pipeline: Pipeline, call: Call) -> None:
    release(pipeline)
    told = call("promote", "--to", "stage", "--plan", "--json").json
    (move,) = told["moves"]
    assert (move["application"], move["from"], move["commit"]) == ("checkout", "dev", pipeline.run("dev").commit)
    assert [change["before"] for change in move["changes"]][1:] == ["0", f"sha256:{0:064}"]
    told = call("promote", "checkout", "--to", "prod", "--plan", "--json").json
    (stays,) = told["stays"]
    assert (stays["reason"], stays["words"]) == ("never-ran-upstream", "it was never live in stage")


def test_named_application_that_stays_ends_with_status_1(call: Call) -> None:
    told = call("promote", "checkout", "--to", "prod")
    assert (told.status, told.err) == (1, "nothing moves\n")
    assert "  checkout  never-ran-upstream  it was never live in stage" in told.out
    assert call("promote", "--all", "--to", "prod").status == 0


def test_unknown_names_are_told_with_the_nearest_one(call: Call) -> None:
    told = call("promote", "chekout", "--to", "stage", "--plan")
    assert (told.status, "no application chekout" in told.err, "checkout" in told.err) == (1, True, True)
    assert "no environment stag" in call("promote", "--all", "--to", "stag").err


@pytest.mark.parametrize(
    "argv",
    [
        ["--to", "stage"],
        ["checkout"],
        ["checkout", "--all", "--to", "stage"],
        ["checkout", "--to", "stage", "--image", "sha256:12"],
        ["checkout", "--to", "stage", "--commit", "main"],
        ["checkout", "--to", "stage", "--commit", "1234567", "--run", "x"],
    ],
)
def test_wrong_usage_is_told_before_anything_is_read(
    argv: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert caller(monkeypatch, capsys)("promote", *argv).status == 2
