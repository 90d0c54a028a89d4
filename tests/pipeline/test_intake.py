"""Deliveries become changes and runs, whichever comes first and however often."""

from __future__ import annotations

import json

import pytest

from devstack.github.actions import Order, Sending
from devstack.github.state import MergeMethod
from service.core.words import DeliveryId, DeliveryState, RunState, Sha
from service.pipeline.configurations import MOST_LOOKS
from service.store import changes, configurations, deliveries
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

EXTERNAL = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: external}")


@pytest.fixture
def quiet(pipeline: Pipeline) -> Pipeline:
    """Give a pipeline whose runs only wait for an image, so that a test sees only the effect of intake."""
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": EXTERNAL}, "Build elsewhere")
    pipeline.settle(looks=0)
    return pipeline


@pytest.mark.rows_decide
@pytest.mark.parametrize("order", ["push-first", "pull-request-first"])
def test_push_and_pull_request_of_one_merge_make_one_run(quiet: Pipeline, order: Order) -> None:
    pull = quiet.stack.github.merge(
        SOURCE, "develop", {"app.py": "two\n"}, title="Say two", labels=["feature"], sending=Sending(order=order)
    )
    quiet.settle(looks=0)
    (run,) = quiet.runs()
    assert run.commit == pull.merge_commit_sha
    with quiet.store.read() as tx:
        change = changes.get(tx, run.change_id)
    assert change is not None
    assert [(one["number"], one["title"], one["labels"]) for one in change.pull_requests] == [
        (pull.number, "Say two", ["feature"])
    ]


@pytest.mark.parametrize("events", [["push"], ["pull_request"]])
def test_hook_with_one_of_the_events_works_as_well(quiet: Pipeline, events: list[str]) -> None:
    for hook in quiet.stack.github.repository(SOURCE).hooks.values():
        hook.events = tuple(events)
    pull = quiet.stack.github.merge(SOURCE, "develop", {"app.py": "two\n"})
    quiet.settle(looks=0)
    assert [(run.commit, run.environment) for run in quiet.runs()] == [(pull.merge_commit_sha, "dev")]


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_every_merge_method_makes_one_run_at_the_head_and_covers_its_commits(
    quiet: Pipeline, method: MergeMethod
) -> None:
    before = quiet.stack.git.open(SOURCE).tip("develop")
    quiet.stack.github.merge(SOURCE, "develop", {"app.py": "two\n"}, method=method, commits=3)
    quiet.settle(looks=0)
    head = quiet.stack.git.open(SOURCE).tip("develop")
    assert [run.commit for run in quiet.runs()] == [head]
    brought = quiet.stack.git.open(SOURCE).git("rev-list", f"{before}..{head}").split()
    with quiet.store.read() as tx:
        covering = [changes.covering(tx, quiet.run().repository, "develop", Sha(commit)) for commit in brought]
    assert {change.commit if change else None for change in covering} == {head}


@pytest.mark.rows_decide
def test_same_delivery_ten_times_makes_one_run(quiet: Pipeline) -> None:
    quiet.stack.github.merge(SOURCE, "develop", {"app.py": "two\n"})
    quiet.settle(looks=0)
    original = quiet.stack.github.deliveries[-1]
    for _ in range(10):
        quiet.stack.github.redeliver(original)
    quiet.settle(looks=0)
    assert len(quiet.runs()) == 1


def test_change_outside_the_paths_runs_nothing_and_says_why(quiet: Pipeline) -> None:
    filtered = EXTERNAL.replace(f"source: {SOURCE}", f"source: {SOURCE}\n    paths: ['services/**']")
    quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": filtered}, "Filter")
    quiet.settle(looks=0)
    quiet.stack.github.merge(SOURCE, "develop", {"docs/index.md": "words\n"})
    quiet.settle(looks=0)
    delivery = quiet.delivery("push")
    assert quiet.runs() == []
    assert delivery.state == DeliveryState.IGNORED
    assert "paths" in delivery.reason or "path" in delivery.reason


def test_branch_that_feeds_no_environment_runs_nothing(quiet: Pipeline) -> None:
    quiet.stack.github.push(SOURCE, "feature/x", {"app.py": "two\n"})
    quiet.settle(looks=0)
    assert quiet.runs() == []
    assert "feature/x" in quiet.delivery("push").reason


@pytest.mark.parametrize("branch", ["release/2026/11", "-x", "release/ünï-✓"])
def test_branch_names_are_kept_as_they_are(quiet: Pipeline, branch: str) -> None:
    quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": EXTERNAL.replace("develop", '"**"')}, "All")
    quiet.settle(looks=0)
    if branch.startswith("-"):
        bare = quiet.stack.git.open(SOURCE)
        bare.update_ref("refs/heads/-x", bare.tip("develop"))
    quiet.stack.github.push(SOURCE, branch, {"app.py": "two\n"})
    quiet.settle(looks=0)
    assert quiet.run("dev").branch == branch


def test_delivery_of_a_manifest_repository_says_that_its_commits_start_no_runs(quiet: Pipeline) -> None:
    quiet.stack.github.merge(MANIFESTS, "main", {"apps/checkout/values-dev.yaml": "replicas: 2\n"})
    quiet.settle(looks=0)
    said = {quiet.delivery(event).reason for event in ("push", "pull_request")}
    assert said == {"acme/manifests is a manifest repository: its commits start no runs"}


def test_repository_that_is_not_configured_is_ignored(quiet: Pipeline) -> None:
    quiet.stack.create_repository("acme/other", {"a": "b"})
    quiet.stack.github.add_hook("acme/other", "http://127.0.0.1:9/webhooks/github", "s")
    quiet.stack.github.push("acme/other", "main", {"a": "c"})
    quiet.settle(looks=0)
    assert quiet.delivery("push").state == DeliveryState.IGNORED
    assert "acme/other" in quiet.delivery("push").reason


def test_push_of_a_broken_configuration_keeps_the_last_good_one_and_fails_its_commit(quiet: Pipeline) -> None:
    bad = quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": "environments: [\n"}, "Break it")
    quiet.settle(looks=0)
    (status,) = quiet.stack.github.statuses(MANIFESTS, bad, "mergeport/config")
    assert status.state == "failure"
    assert (status.description or "").startswith("line 2: this is not YAML")
    with quiet.store.read() as tx:
        good = configurations.last(tx, good=True)
    assert good is not None
    assert good.text == EXTERNAL
    quiet.stack.github.merge(SOURCE, "develop", {"app.py": "two\n"})
    quiet.settle(looks=0)
    assert len(quiet.runs()) == 1


SEVERAL_FAULTS = EXTERNAL.replace("    source:", "    sorce:").replace("  dev: {", "  lonely: {}\n  dev: {", 1)


def test_status_of_a_broken_configuration_counts_its_faults_tells_the_most_helpful_and_links_to_all(
    quiet: Pipeline,
) -> None:
    bad = quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": SEVERAL_FAULTS}, "Break it")
    quiet.settle(looks=0)
    (status,) = quiet.stack.github.statuses(MANIFESTS, bad, "mergeport/config")
    assert "2 faults; line " in (status.description or "")
    assert "did you mean source?" in (status.description or "")
    assert status.target_url == f"{quiet.context.url}/configurations/{bad}"
    with quiet.store.read() as tx:
        stored = configurations.get(tx, Sha(bad))
    assert stored is not None
    assert [(fault.key, fault.message) for fault in stored.faults] == [
        ("environments.lonely.branch", "is missing"),
        ("applications.checkout.sorce", '"sorce" is not a key here'),
    ]


def test_delivery_of_a_broken_configuration_has_failed_and_says_what_stays_in_force(quiet: Pipeline) -> None:
    bad = quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": SEVERAL_FAULTS}, "Break it")
    quiet.settle(looks=0)
    delivery = quiet.delivery("push")
    assert delivery.state == DeliveryState.FAILED
    assert delivery.reason.startswith(
        f"mergeport.yaml at {bad[:12]} is refused, the last good one stays in force: 2 faults; "
    )
    assert delivery.reason.endswith(f"{quiet.context.url}/configurations/{bad}")


def test_delivery_of_a_configuration_that_was_read_before_it_says_what_came_of_it(quiet: Pipeline) -> None:
    quiet.settle(looks=0)
    quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": SEVERAL_FAULTS}, "Break it")
    quiet.context.configurations.reload()  # as the worker's loop does once a minute
    quiet.settle(looks=0)
    assert quiet.delivery("push").state == DeliveryState.FAILED
    assert "is refused, the last good one stays in force" in quiet.delivery("push").reason


def proposed(pipeline: Pipeline, text: str, **files: str) -> tuple[str, str, str]:
    """Push a configuration to a branch of its own; give its status, and the delivery's words."""
    commit = pipeline.stack.github.push(MANIFESTS, "proposal", {"mergeport.yaml": text, **files}, "Propose")
    pipeline.settle(looks=0)
    (status,) = pipeline.stack.github.statuses(MANIFESTS, commit, "mergeport/config")
    return str(status.state), status.description or "", pipeline.delivery("push").reason


def test_proposed_configuration_is_checked_and_does_not_come_into_force(quiet: Pipeline) -> None:
    state, description, words = proposed(quiet, SEVERAL_FAULTS)
    assert (state, description.partition(";")[0]) == ("failure", "2 faults")
    assert "was checked: 2 faults" in words
    with quiet.store.read() as tx:
        newest = configurations.last(tx)
    assert newest is not None
    assert newest.text == EXTERNAL


def test_proposed_configuration_is_held_against_the_values_files_of_its_commit(quiet: Pipeline) -> None:
    state, description, _ = proposed(quiet, EXTERNAL.replace("image.digest:", "image.digset:"))
    assert state == "failure"
    assert "There is no key digset in image" in description


def test_proposed_configuration_without_faults_is_a_success(quiet: Pipeline) -> None:
    assert proposed(quiet, f"{EXTERNAL}\n")[:2] == ("success", "mergeport.yaml has no faults")


def test_configuration_that_is_good_again_leaves_no_fault(quiet: Pipeline) -> None:
    quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": SEVERAL_FAULTS}, "Break it")
    good = quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": f"{EXTERNAL}\n"}, "Mend it")
    quiet.settle(looks=0)
    with quiet.store.read() as tx:
        newest = configurations.last(tx)
    assert newest is not None
    assert (newest.commit, newest.good, list(newest.faults)) == (good, True, [])


@pytest.mark.rows_decide
def test_forge_that_hangs_holds_up_only_its_own_repository(quiet: Pipeline) -> None:
    filtered = EXTERNAL.replace(
        f"source: {SOURCE}", f"source: {SOURCE}\n    paths: ['app.py']\n  other:\n    source: acme/other"
    )
    quiet.stack.create_repository("acme/other", {"a": "b"}, branches=["develop"])
    quiet.stack.github.add_hook("acme/other", "http://127.0.0.1:9/webhooks/github", "s")
    quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": filtered}, "Two")
    quiet.settle(looks=0)
    quiet.stack.github.faults.answer("500 Internal Server Error", path="/compare/", times=1)
    quiet.stack.github.merge(SOURCE, "develop", {"app.py": "two\n"})
    quiet.stack.github.push("acme/other", "develop", {"a": "c"})
    quiet.settle(looks=0)
    assert [run.application for run in quiet.runs()] == ["other"]
    quiet.clock.move(seconds=5)
    quiet.settle(looks=0)
    assert sorted(run.application for run in quiet.runs()) == ["checkout", "other"]


@pytest.mark.rows_decide
def test_replay_makes_a_new_generation_of_runs(quiet: Pipeline) -> None:
    quiet.stack.github.merge(SOURCE, "develop", {"app.py": "two\n"})
    quiet.settle(looks=0)
    with quiet.store.begin() as tx:
        assert deliveries.replay(tx, quiet.delivery("push").id)
    quiet.settle(looks=0)
    assert sorted(run.generation for run in quiet.runs()) == [0, 1]
    assert quiet.run().state == RunState.WAITING


def test_push_that_breaks_the_configuration_is_still_a_change_of_its_repository(quiet: Pipeline) -> None:
    shared = (
        EXTERNAL
        + f"  site:\n    source: {MANIFESTS}\n    argocd: false\n    environments: {{prod: {{branch: main}}}}\n"
    )
    quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": shared}, "Share")
    quiet.settle(looks=0)
    bad = quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": "environments: [\n", "a": "b"}, "Break it")
    quiet.settle(looks=0)
    assert "refused" in quiet.delivery("push").reason
    assert quiet.run("prod", application="site").commit == bad


@pytest.mark.rows_decide
def test_pull_request_told_before_a_wider_push_hides_nothing_that_the_push_touched(quiet: Pipeline) -> None:
    """A merge queue pushes two merges at once; the event of the second comes first and has only its own paths."""
    two = EXTERNAL.replace(
        f"source: {SOURCE}",
        f"source: {SOURCE}\n    paths: ['app.py']\n  docs:\n    source: {SOURCE}\n    paths: ['docs/**']",
    )
    quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": two}, "Filter")
    quiet.settle(looks=0)
    start = quiet.stack.git.open(SOURCE).tip("develop")
    earlier = quiet.stack.github.push(SOURCE, "develop", {"docs/index.md": "words\n"}, "Write")
    quiet.stack.github.merge(SOURCE, "develop", {"app.py": "two\n"}, sending=Sending(order="pull-request-first"))
    quiet.stack.github.wait_delivered()
    _, pull_request, push = quiet.stack.github.deliveries[-3:]
    wider = json.loads(push.body)
    wider["before"] = start
    wider["commits"].insert(0, {**wider["commits"][0], "id": earlier})
    for name, body in (("pull_request", pull_request.body), ("push", json.dumps(wider).encode())):
        with quiet.store.begin() as tx:
            deliveries.accept(
                tx,
                id=DeliveryId(name),
                source="github",
                event=name,
                repository=SOURCE,
                body=body,
                at=quiet.clock.now(),
            )
        assert quiet.intake()
    assert sorted(run.application for run in quiet.runs()) == ["checkout", "docs"]


@pytest.mark.parametrize("events", [["push"], ["pull_request"], ["push", "pull_request"]])
def test_source_branch_that_is_named_like_a_promotion_is_merged_like_any_other(
    quiet: Pipeline, events: list[str]
) -> None:
    for hook in quiet.stack.github.repository(SOURCE).hooks.values():
        hook.events = tuple(events)
    pull = quiet.stack.github.merge(SOURCE, "develop", {"app.py": "two\n"}, head="mergeport/promotion/dev/checkout")
    quiet.settle(looks=0)
    assert [(run.commit, run.environment) for run in quiet.runs()] == [(pull.merge_commit_sha, "dev")]


def set_without_a_hook(pipeline: Pipeline, text: str) -> None:
    """Push the configuration without a webhook."""
    pipeline.stack.github.repository(MANIFESTS).hooks.clear()
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Change the configuration")


@pytest.mark.parametrize("events", [["push"], ["pull_request"]])
def test_first_merge_of_a_new_source_is_taken_though_no_webhook_told_of_the_configuration(
    quiet: Pipeline, events: list[str]
) -> None:
    quiet.stack.create_repository("acme/other", {"Dockerfile": "FROM scratch\n"}, branches=["develop"])
    quiet.stack.github.add_hook("acme/other", "http://127.0.0.1:9/webhooks/github", "s", events=events)
    set_without_a_hook(quiet, EXTERNAL.replace(f"source: {SOURCE}", "source: acme/other"))
    pull = quiet.stack.github.merge("acme/other", "develop", {"a": "b"})
    quiet.settle(looks=0)
    assert [(run.repository, run.commit) for run in quiet.runs()] == [("acme/other", pull.merge_commit_sha)]


def test_first_merge_to_a_branch_that_feeds_by_now_is_taken(quiet: Pipeline) -> None:
    set_without_a_hook(quiet, EXTERNAL.replace("branch: develop", "branch: next"))
    pushed = quiet.stack.github.push(SOURCE, "next", {"app.py": "two\n"})
    quiet.settle(looks=0)
    assert [(run.environment, run.commit) for run in quiet.runs()] == [("dev", pushed)]


def test_many_deliveries_that_start_nothing_have_the_configuration_read_a_few_times_only(quiet: Pipeline) -> None:
    quiet.stack.create_repository("acme/other", {"a": "b"})
    quiet.stack.github.add_hook("acme/other", "http://127.0.0.1:9/webhooks/github", "s")
    for number in range(MOST_LOOKS + 5):
        quiet.stack.github.push("acme/other", "main", {"a": f"{number}"})
    quiet.settle(looks=0)
    assert "not read again" in quiet.delivery("push").reason
    quiet.clock.move(minutes=2)
    quiet.stack.github.push("acme/other", "main", {"a": "last"})
    quiet.settle(looks=0)
    assert quiet.delivery("push").reason == "acme/other is no source in mergeport.yaml"


FILTERED = EXTERNAL.replace(f"source: {SOURCE}\n", f'source: {SOURCE}\n    paths: ["app.py"]\n')


def test_filter_is_exact_where_github_does_not_list_all_files(quiet: Pipeline) -> None:
    quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": FILTERED}, "Filter by paths")
    quiet.settle(looks=0)
    many = {f"docs/{number}.md": "x\n" for number in range(301)}
    quiet.stack.github.push(SOURCE, "develop", many, "Write much")
    quiet.settle(looks=0)
    assert quiet.runs() == []
    assert "None of 301 changed paths" in quiet.delivery("push").reason
    pushed = quiet.stack.github.push(SOURCE, "develop", {**dict.fromkeys(many, "y\n"), "app.py": "2\n"}, "And the code")
    quiet.settle(looks=0)
    assert [run.commit for run in quiet.runs()] == [pushed]


def test_delivery_says_why_every_path_counts(quiet: Pipeline) -> None:
    quiet.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": FILTERED.replace("develop", "next")}, "Filter")
    quiet.settle(looks=0)
    quiet.stack.github.push(SOURCE, "next", {"README": "x\n"})
    quiet.settle(looks=0)
    assert quiet.delivery("push").reason == "runs: checkout to dev; every path counts as touched: the branch is new"
