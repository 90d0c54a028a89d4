"""`mergeport why-not`: which change, run and application a person means, and the one cause that is told of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.core.words import Repository, RunId, RunState, Sha, WaitKind
from service.errors import Fault
from service.store import Store, changes, configurations, deployments, manifest_states, overrides, runs
from service.store.configurations import StoredConfiguration
from service.store.runs import Run
from tests.cli.calling import Call
from tests.cli.stores import call, rows, store
from tests.fixtures.rows import COMMIT, NOW, REPOSITORY, Rows
from tests.fixtures.service import CONFIGURATION as TEXT
from tests.fixtures.service import MANIFESTS

__all__ = ["call", "rows", "store"]

FAR = 'locks:\n  - environment: prod\n    who: anna\n    why: incident 42\n    since: "2026-03-04T10:00:00Z"\n'
DIGEST = "sha256:" + "ab" * 32
IMAGES = {"": {"registry": "r.example", "repository": "acme/checkout", "tag": "1.2.3", "digest": DIGEST}}


def configure(store: Store, text: str = TEXT, *, faults: tuple[Fault, ...] = (), commit: str = "c0") -> None:
    at = NOW + timedelta(seconds=bool(faults))
    with store.begin() as tx:
        configurations.keep(tx, StoredConfiguration(Sha(commit * 20), text, not faults, faults, at))


@pytest.fixture(autouse=True)
def _configured(store: Store) -> None:
    configure(store, TEXT.replace("acme/shop", str(REPOSITORY)))


def go_live(store: Store, run: Run, health: str = "Healthy") -> None:
    with store.begin() as tx:
        deployments.begin(tx, run, argocd_application="checkout-dev", health=health, at=NOW)


def cause(call: Call, *argv: str) -> str:
    (told,) = call("why-not", *argv, "--json").json
    return str(told["cause"])


@pytest.mark.parametrize(
    "what",
    [
        COMMIT[:7], COMMIT[:12].upper(), f"{REPOSITORY}@{COMMIT[:9]}", f"https://github.com/acme/checkout/commit/{COMMIT}",
        "41", "#41", f"{REPOSITORY}#41", "ACME/Checkout#41", "https://github.com/acme/checkout/pull/41/files",
        DIGEST, DIGEST[:19], f"r.example/acme/checkout:1.2.3@{DIGEST}", "checkout:1.2.3", "1.2.3",
        "c0ffee0",  # a commit that came in the same push
    ],
)  # fmt: skip
def test_change_is_found_by_every_name_that_it_has(call: Call, store: Store, rows: Rows, what: str) -> None:
    change = rows.change(pull_requests=[{"number": 41, "title": "Tax"}, {"number": 4100, "title": "Other"}])
    with store.begin() as tx:
        changes.cover(tx, change, [Sha("c0ffee0" + "0" * 33)])
    run = rows.run(change, images=IMAGES)
    go_live(store, run)
    (told,) = call("why-not", what, "dev", "--json").json
    assert (told["cause"], told["run"], told["application"], told["live"]) == ("live", run.id, "checkout", True)


def test_answer_is_words_the_next_action_and_the_way_so_far(call: Call, rows: Rows) -> None:
    run = rows.run()
    rows.step(run, "find image", message="it is not there yet")
    rows.wait(run, WaitKind.IMAGE)
    told = call("why-not", COMMIT, "dev")
    first, following, *way = told.out.splitlines()
    assert first.startswith("checkout 4f2c1e9ab012 is not live in dev (image): it waits since Wed 2026-03-04 12:00 UTC")
    assert following.startswith("next: look at the pipeline that pushes the image")
    assert way[1] == "  2026-03-04T12:00:01Z  build: find image succeeded: it is not there yet"


def test_pull_request_of_the_promotion_is_meant_where_the_source_has_none(call: Call, rows: Rows) -> None:
    run = rows.run(rows.change(branch="main"), environment="prod", pull_request=7, pull_request_url="https://f/pull/7")
    rows.wait(run, WaitKind.PULL_REQUEST, key="acme/manifests:main", subject="acme/manifests#7")
    assert cause(call, "7", "prod") == "pull-request"


def test_retry_is_answered_and_not_the_run_before_it(call: Call, rows: Rows) -> None:
    change = rows.change()
    rows.run(change, state=RunState.FAILED, code="push-refused")
    again = rows.run(change, generation=1)
    (told,) = call("why-not", COMMIT, "dev", "--json").json
    assert (told["run"], told["cause"]) == (again.id, "under-way")


def test_release_that_is_live_is_told_and_not_its_rebuild_that_is_under_way(
    call: Call, store: Store, rows: Rows
) -> None:
    change = rows.change()
    live = rows.run(change, state=RunState.SUCCEEDED)
    go_live(store, live)
    rows.run(change, generation=1)
    (told,) = call("why-not", COMMIT, "dev", "--json").json
    assert (told["run"], told["cause"]) == (live.id, "live")


def test_commit_that_came_to_another_branch_by_a_later_merge_is_found_there(
    call: Call, store: Store, rows: Rows
) -> None:
    rows.run(rows.change())
    merged = rows.change("5a" * 20, branch="main")
    with store.begin() as tx:
        changes.cover(tx, merged, [Sha(COMMIT)])
    run = rows.run(merged, environment="prod")
    rows.wait(run, WaitKind.PULL_REQUEST, key="acme/manifests:main", subject="acme/manifests#7")
    assert cause(call, COMMIT, "prod") == "pull-request"
    assert cause(call, COMMIT, "dev") == "under-way"


def test_lock_in_the_state_is_told_by_whom_and_why(call: Call, store: Store, rows: Rows) -> None:
    run = rows.run(rows.change(branch="main"), environment="prod")
    rows.wait(run, WaitKind.GATE, key=MANIFESTS, subject="checkout/prod", deadline=None)
    with store.begin() as tx:
        manifest_states.believe(tx, Repository(MANIFESTS), Sha("5e" * 20), FAR, at=NOW)
        manifest_states.believe(tx, Repository("acme/other"), Sha("5f" * 20), FAR.replace("anna", "ben"), at=NOW)
    told = call("why-not", COMMIT, "prod").out
    assert "(lock): prod is locked by anna since 2026-03-04 10:00 UTC: incident 42" in told
    assert "next: wait, or `mergeport unlock prod`" in told


def test_lock_that_a_person_opened_for_the_release_is_not_told(call: Call, store: Store, rows: Rows) -> None:
    run = rows.run(rows.change(branch="main"), environment="prod", images=IMAGES)
    rows.wait(run, WaitKind.GATE, key="gates", subject="checkout/prod", deadline=None, last_seen="soak: 20m of 30m")
    with store.begin() as tx:
        manifest_states.believe(tx, Repository(MANIFESTS), Sha("5e" * 20), FAR, at=NOW)
    assert cause(call, COMMIT, "prod") == "lock"
    with store.begin() as tx:
        overrides.keep(tx, run, "lock", who="ben", why="the mending itself", at=NOW)
    assert cause(call, COMMIT, "prod") == "gate"


def test_superseded_commit_tells_what_keeps_the_newer_one(call: Call, store: Store, rows: Rows) -> None:
    newer = rows.run(rows.change("5a" * 20), state=RunState.FAILED, code="push-refused", message="protected")
    old = rows.run(state=RunState.SUPERSEDED)
    with store.begin() as tx:
        runs.update(tx, old.id, at=NOW, superseded_by=RunId(newer.id))
    (told,) = call("why-not", COMMIT, "dev", "--json").json
    assert told["cause"] == "superseded"
    assert f"superseded by 5a5a5a5a5a5a (run {newer.id})" in told["words"]
    assert "of that one: its commit could not be pushed: protected" in told["words"]


# --- there is no run ------------------------------------------------------------------------------


def test_nothing_known_tells_what_is_known_of_deliveries(call: Call, rows: Rows) -> None:
    never = call("why-not", COMMIT, "dev", "--app", "checkout").out
    assert "(not-known): no delivery told of 4f2c1e9ab012" in never
    rows.delivery()
    told = call("why-not", "#9", "dev").out
    assert "the newest delivery came Wed 2026-03-04 12:00 UTC (push, stored); not processed: 1 stored" in told


def test_branch_that_feeds_nothing_there_is_told_with_the_one_that_does(call: Call, rows: Rows) -> None:
    rows.change()
    told = call("why-not", COMMIT, "prod").out
    assert "(not-routed): prod takes the branch main, and this is 4f2c1e9ab012 on develop of acme/checkout" in told


def test_repository_of_no_application_is_not_routed(call: Call, rows: Rows) -> None:
    rows.change(repository=Repository("acme/else"))
    assert "acme/else is not the source of any application in dev" in call("why-not", COMMIT, "dev").out


def test_paths_that_keep_it_out_are_told(call: Call, store: Store, rows: Rows) -> None:
    configure(store, f"{TEXT}    paths: [src/**]\n", commit="c1")
    rows.change(paths=["README.md"])
    told = call("why-not", COMMIT, "dev").out
    assert "(paths): none of its 1 changed path (README.md) matches the paths of checkout: src/**" in told


def test_application_that_is_switched_off_is_told(call: Call, store: Store, rows: Rows) -> None:
    configure(store, f"{TEXT}    environments: {{dev: false}}\n", commit="c1")
    rows.change()
    assert cause(call, COMMIT, "dev") == "switched-off"


def test_faults_of_the_newest_configuration_are_the_cause_where_it_would_be_routed(
    call: Call, store: Store, rows: Rows
) -> None:
    configure(store, faults=(Fault("mergeport.yaml:3", "expected a list"),), commit="c1")
    rows.change()
    told = call("why-not", COMMIT, "dev").out
    assert "(configuration): mergeport.yaml has faults, and an older one is in force: " in told
    assert "expected a list" in told


def test_change_that_came_before_the_configuration_had_its_place_can_be_replayed(call: Call, rows: Rows) -> None:
    rows.change()
    assert cause(call, COMMIT, "dev") == "not-started"


def test_upstream_is_asked_where_it_feeds_the_environment(call: Call, store: Store, rows: Rows) -> None:
    configure(store, TEXT.replace("stage: {branch: staging}", "stage: {from: dev}"), commit="c1")
    run = rows.run()
    rows.wait(run, WaitKind.IMAGE)
    (told,) = call("why-not", COMMIT, "stage", "--json").json
    assert told["cause"] == "upstream"
    assert "stage takes what is live and healthy in dev; in dev: it waits since" in told["words"]
    assert told["next"].startswith("in dev: look at the pipeline")


def test_environment_that_is_not_automatic_waits_for_a_person(call: Call, store: Store, rows: Rows) -> None:
    text = TEXT.replace("stage: {branch: staging}", "stage: {from: dev, automatic: false}")
    configure(store, text, commit="c1")
    go_live(store, rows.run())
    (told,) = call("why-not", COMMIT, "stage", "--json").json
    assert told["cause"] == "candidate"
    assert told["next"].startswith("`mergeport promote checkout --to stage`; with `--plan`")


def test_candidate_is_told_all_that_would_stop_it_and_which_gates_only_a_promotion_asks(
    call: Call, store: Store, rows: Rows
) -> None:
    gates = "gates: {soak: {environment: prod, healthy_for: 1h}, checks: {contexts: [load]}}"
    stage = f"stage: {{from: dev, automatic: false, {gates}}}"
    configure(store, TEXT.replace("stage: {branch: staging}", stage), commit="c1")
    go_live(store, rows.run(images=IMAGES))
    state = FAR.replace("prod", "stage") + (
        "holds:\n  - {application: checkout, environment: stage, who: ben, since: '2026-03-04T10:00:00Z'}\n"
        f"blocks:\n  - {{digest: '{DIGEST}', who: eve, since: '2026-03-04T10:00:00Z'}}\n"
    )
    with store.begin() as tx:
        manifest_states.believe(tx, Repository(MANIFESTS), Sha("5e" * 20), state, at=NOW)
    (told,) = call("why-not", COMMIT, "stage", "--json").json
    assert told["cause"] == "candidate"
    for words in ("block: ", "hold: checkout is on hold in stage by ben", "lock: stage is locked by anna", "soak: "):
        assert words in told["words"]
    assert told["words"].endswith("Asked when it is promoted: checks")


# --- what cannot be answered ----------------------------------------------------------------------


def test_names_that_the_configuration_does_not_have_are_errors(call: Call) -> None:
    assert "has no environment production" in call("why-not", COMMIT, "production").err
    assert "has no application chekout" in call("why-not", COMMIT, "dev", "--app", "chekout").err


def test_number_of_two_repositories_has_to_be_told_apart(call: Call, rows: Rows) -> None:
    rows.change(pull_requests=[{"number": 41}])
    rows.change("5a" * 20, repository=Repository("acme/else"), pull_requests=[{"number": 41}])
    told = call("why-not", "#41", "dev")
    assert (told.status, "acme/checkout#41, acme/else#41" in told.err) == (1, True)


def test_beginning_of_two_commits_has_to_be_longer(call: Call, rows: Rows) -> None:
    rows.change()
    rows.change(COMMIT[:20] + "0" * 20)
    assert call("why-not", COMMIT[:8], "dev").status == 1
    assert call("why-not", COMMIT, "dev").status == 0


@pytest.mark.parametrize("what", ["", "two words", "a/b/c/d#1", "%"])
def test_what_is_no_name_is_refused(call: Call, what: str) -> None:
    assert "names no commit, pull request or image" in call("why-not", what, "dev").err
