"""`mergeport status`: the matrix of what is live, how it is, what is closed, behind and on its way."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service.bootstrap import known_configuration
from service.core.state.astray import stored
from service.core.state.entries import Stray
from service.core.words import Repository, RunState, Sha, WaitKind
from service.pipeline.asked.status_matrix import status
from service.store import Store, configurations, deployments, manifest_states
from service.store.configurations import StoredConfiguration
from service.store.runs import Run
from tests.cli.calling import Call
from tests.cli.stores import call, rows, store
from tests.fixtures.rows import NOW, Rows
from tests.fixtures.service import CONFIGURATION as TEXT
from tests.fixtures.service import MANIFESTS

__all__ = ["call", "rows", "store"]

CHAIN = TEXT.replace("stage: {branch: staging}", "stage: {from: dev}")
DIGEST = "sha256:" + "ab" * 32
IMAGES = {"": {"registry": "r.example", "repository": "checkout", "tag": "1.2.3", "digest": DIGEST}}
STATE = """\
locks:
  - {environment: prod, who: anna, why: incident 42, since: "2026-03-04T10:00:00Z"}
holds:
  - {application: checkout, environment: stage, who: ben, since: "2026-03-04T10:00:00Z"}
"""


@pytest.fixture(autouse=True)
def _configured(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERGEPORT_CONFIGURATION_REPOSITORY", MANIFESTS)
    with store.begin() as tx:
        configurations.keep(tx, StoredConfiguration(Sha("c0" * 20), CHAIN, good=True, faults=(), loaded_at=NOW))


def go_live(store: Store, run: Run, health: str = "Healthy", argocd: str | None = "checkout-dev") -> None:
    with store.begin() as tx:
        known = deployments.live(tx, run.application, run.environment)
        if known is not None:
            deployments.end(tx, known, "replaced", by_us=True, at=NOW)
        deployments.begin(tx, run, argocd_application=argocd, health=health, at=NOW)


def merged(rows: Rows, number: int, environment: str = "dev", **more: object) -> Run:
    at = NOW + timedelta(minutes=number)
    return rows.run(rows.change(f"{number:040x}", created_at=at), environment=environment, at=at, **more)


def cells(call: Call) -> dict[str, dict[str, object]]:
    return {cell["environment"]: cell for cell in call("status", "checkout", "--json").json}


def test_live_release_is_told_with_commit_tag_digest_and_health(call: Call, store: Store, rows: Rows) -> None:
    run = rows.run(images=IMAGES, state=RunState.SUCCEEDED, manifest_commit="5e" * 20)
    go_live(store, run)
    dev = cells(call)["dev"]
    assert (dev["commit"], dev["tags"], dev["digests"], dev["health"], dev["run"], dev["manifest_commit"]) == (
        run.commit, ["1.2.3"], [DIGEST], "Healthy", run.id, "5e" * 20,
    )  # fmt: skip
    assert (dev["since"], dev["behind"], dev["coming"], dev["closed"]) == ("2026-03-04T12:00:00+00:00", 0, None, [])


def test_place_where_nothing_is_live_is_there_too(call: Call) -> None:
    assert {name: (cell["since"], cell["behind"]) for name, cell in cells(call).items()} == dict.fromkeys(
        ("dev", "stage", "prod"), (None, None)
    )


def test_committed_is_the_health_where_no_deployer_looks(call: Call, store: Store, rows: Rows) -> None:
    go_live(store, rows.run(), health="", argocd=None)
    assert cells(call)["dev"]["health"] == "Committed"


def test_branch_is_behind_by_its_changes_that_came_later_whatever_became_of_them(
    call: Call, store: Store, rows: Rows
) -> None:
    go_live(store, merged(rows, 1))
    merged(rows, 2, state=RunState.SUPERSEDED)
    merged(rows, 3, state=RunState.FAILED)
    rows.run(rows.change(f"{3:040x}"), generation=1)
    merged(rows, 4, application="other")
    assert cells(call)["dev"]["behind"] == 2


def test_rollback_is_behind_by_what_it_went_back_from(call: Call, store: Store, rows: Rows) -> None:
    first = merged(rows, 1, state=RunState.SUCCEEDED)
    go_live(store, first)
    go_live(store, merged(rows, 2, state=RunState.SUCCEEDED))
    back = rows.run(rows.change(first.commit), generation=1, at=NOW + timedelta(hours=1))
    go_live(store, back)
    assert cells(call)["dev"]["behind"] == 1


def test_environment_downstream_is_behind_by_what_is_live_upstream(call: Call, store: Store, rows: Rows) -> None:
    merged(rows, 1)
    go_live(store, merged(rows, 1, "stage"))
    merged(rows, 2)
    go_live(store, merged(rows, 3))
    merged(rows, 4)  # merged, and not live upstream
    found = cells(call)
    assert (found["stage"]["behind"], found["dev"]["behind"]) == (2, 1)


def test_what_is_on_its_way_is_the_newest_run_and_what_it_waits_for(call: Call, rows: Rows) -> None:
    rows.wait(rows.run(environment="prod"), WaitKind.IMAGE)
    newest = rows.run(rows.change("5a" * 20), environment="prod", pull_request=41)
    rows.wait(newest, WaitKind.PULL_REQUEST, key="acme/manifests:main", last_seen="open")
    coming = cells(call)["prod"]["coming"]
    assert coming == {"run": newest.id, "commit": "5a" * 20, "doing": "pull request #41", "words": "open"}


def test_locks_and_holds_of_the_place_are_told(call: Call, store: Store) -> None:
    with store.begin() as tx:
        manifest_states.believe(tx, Repository(MANIFESTS), Sha("5e" * 20), STATE, at=NOW)
        manifest_states.believe(tx, Repository("acme/other"), Sha("5f" * 20), STATE, at=NOW)
    found = {name: [one["kind"] for one in cell["closed"]] for name, cell in cells(call).items()}  # type: ignore[attr-defined]
    assert found == {"dev": [], "stage": ["hold"], "prod": ["lock"]}
    assert "locked by anna" in call("status", "--json").out


def test_lock_whose_name_is_not_right_is_told_and_closes_what_it_counts_for(call: Call, store: Store) -> None:
    stray = Stray("no environment stag (did you mean stage?)", environment=True)
    with store.begin() as tx:
        manifest_states.believe(tx, Repository(MANIFESTS), Sha("5e" * 20), STATE, at=NOW)
        manifest_states.set_strays(tx, Repository(MANIFESTS), stored({("hold", "checkout", "stage"): stray}))
    done = call("status", "--json")
    assert [[one["kind"] for one in cell["closed"]] for cell in done.json] == [["hold"], ["hold"], ["hold", "lock"]]
    assert "did you mean stage?" in done.err


def test_what_is_live_and_configured_no_more_comes_last(call: Call, store: Store, rows: Rows) -> None:
    go_live(store, rows.run(application="old"))
    assert [cell["application"] for cell in call("status", "--json").json] == [*["checkout"] * 3, "old"]


def test_pipe_gets_one_line_a_place(call: Call, store: Store, rows: Rows) -> None:
    go_live(store, rows.run(images=IMAGES))
    first, *_ = call("status").out.splitlines()
    assert re.split(r"  +", first) == [
        "checkout", "dev", "4f2c1e9ab012", "1.2.3", "2026-03-04T12:00:00Z", "Healthy", "-", "-", "-",
    ]  # fmt: skip


def test_terminal_gets_a_matrix_and_a_narrow_one_a_list(
    call: Call, store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_live(store, rows.run(images=IMAGES), health="Degraded")
    monkeypatch.setattr(sys.stdout.__class__, "isatty", lambda _: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "120")
    wide = call("status").out
    assert re.search(r"application +dev +stage +prod", wide)
    assert re.search(r"checkout +4f2c1e9 \d+d Degraded +- +-", wide)
    monkeypatch.setenv("COLUMNS", "30")
    narrow = call("status").out.splitlines()
    assert (narrow[0], max(map(len, narrow)) <= 40) == ("checkout", True)
    assert re.fullmatch(r"  dev: 4f2c1e9ab012 for \d+d, Degraded", narrow[1])


def test_one_application_is_told_in_full(call: Call, store: Store, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    go_live(store, rows.run(images=IMAGES))
    monkeypatch.setattr(sys.stdout.__class__, "isatty", lambda _: True, raising=False)
    assert f"    digest: {DIGEST}" in call("status", "checkout").out


def test_unknown_application_is_an_error(call: Call) -> None:
    assert "there is no application chekout" in call("status", "chekout").err


def test_more_applications_cost_no_more_queries(store: Store, rows: Rows) -> None:
    def queries() -> int:
        seen: list[str] = []

        def keep(*told: Any) -> None:
            seen.append(told[2])

        sa.event.listen(store.engine, "before_cursor_execute", keep)
        with store.read() as tx:
            status(tx, known_configuration(tx), Repository(MANIFESTS), NOW)
        sa.event.remove(store.engine, "before_cursor_execute", keep)
        return sum(statement.lstrip().startswith("SELECT") or "WITH" in statement for statement in seen)

    go_live(store, rows.run())
    few = queries()
    for number in range(20):
        go_live(store, rows.run(application=f"app-{number}"))
    assert queries() == few
