"""GitHub's limits while runs are under way: they wait, say so and go on, and a hundred merges stay below them."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

import pytest
import sqlalchemy as sa

from benchmarks.repositories import make_commits
from devstack.stack import WEBHOOK_SECRET
from service.core.words import Digest, Repository, Sha, WaitId, WaitKind, WaitOutcome
from service.pipeline.advance import MOST_RETRIES
from service.pipeline.reports.call_budgets import BudgetRecord
from service.pipeline.reports.statuses import send_reports
from service.store import call_budgets, reports, tables, waits
from service.store.ids import new_id
from service.store.waits import Wait
from tests.fixtures.service import MANIFESTS, REGISTRY, SOURCE, VALUES
from tests.pipeline.harness import Pipeline

PULLS = "/repos/acme/manifests/pulls"
MERGES = 100
NAMES = [f"app-{number:03}" for number in range(MERGES)]
CROWD = f"""\
defaults:
  registry: {REGISTRY}
  image: crowd
  tag: "{{short_sha}}"
  build: {{kind: external}}
  values:
    - file: "apps/{{application}}/values-{{environment}}.yaml"
      set: {{image.tag: "{{tag}}", image.digest: "{{digest}}"}}
  argocd: false
environments:
  dev: {{branch: develop}}
  prod: {{branch: main, publish: pull-request}}
applications:
""" + "".join(f"  {name}: {{source: acme/{name}}}\n" for name in NAMES)


def merge(pipeline: Pipeline, branch: str) -> None:
    pipeline.stack.github.merge(SOURCE, branch, {"app.py": "print('two')\n"})


def test_run_waits_for_the_limit_says_until_when_and_goes_on(pipeline: Pipeline) -> None:
    pipeline.stack.github.limit_secondary(path=PULLS, retry_after=60)
    merge(pipeline, "main")
    pipeline.settle()
    kind, words = pipeline.wait(pipeline.run("prod"))
    assert (kind, words.startswith("waits for GitHub's limit until ")) == (WaitKind.RETRY, True)
    assert pipeline.run("prod").message == words
    pipeline.clock.move(seconds=61)
    pipeline.settle(looks=2)
    assert len(pipeline.stack.github.pulls(MANIFESTS, "open")) == 1


def test_nothing_is_asked_of_github_before_the_time_of_a_limit(pipeline: Pipeline) -> None:
    pipeline.stack.github.limit_secondary(path=PULLS, retry_after=60)
    merge(pipeline, "main")
    pipeline.settle()
    asked = len(pipeline.stack.github.faults.log)
    for _ in range(5):
        pipeline.clock.move(seconds=10)
        pipeline.settle(looks=2)
    assert len(pipeline.stack.github.faults.log) == asked


def test_limit_that_comes_again_and_again_ends_no_run(pipeline: Pipeline) -> None:
    pipeline.stack.github.limit_secondary(path=f"{PULLS}$", times=2, retry_after=60)
    merge(pipeline, "main")
    pipeline.settle()
    first = waited(pipeline)[-1]
    with pipeline.store.begin() as tx:
        for _ in range(MOST_RETRIES):
            again = replace(first, id=WaitId(new_id()), answered_at=first.created_at, outcome=WaitOutcome.READY)
            tx.execute(sa.insert(tables.waits).values(**{one.name: getattr(again, one.name) for one in fields(Wait)}))
    pipeline.clock.move(seconds=61)
    pipeline.settle(looks=2)
    assert "waits for GitHub's limit" in pipeline.wait(pipeline.run("prod"))[1]
    pipeline.clock.move(seconds=61)
    pipeline.settle(looks=2)
    assert len(pipeline.stack.github.pulls(MANIFESTS, "open")) == 1


def waited(pipeline: Pipeline) -> list[Wait]:
    with pipeline.store.read() as tx:
        return waits.of_run(tx, pipeline.run("prod").id)


def test_what_is_left_is_recorded_for_the_metrics_where_it_changed(pipeline: Pipeline) -> None:
    record = BudgetRecord(pipeline.context)
    pipeline.stack.github.limit_secondary(path=PULLS, retry_after=60)
    merge(pipeline, "main")
    pipeline.settle()
    record.keep()
    with pipeline.store.read() as tx:
        (kept,) = call_budgets.known(tx)
    now = pipeline.clock.now()
    assert (kept.login, kept.most, kept.held_for(now)) == ("sources", 5000, 60.0)
    assert 0 < kept.left(now) < 5000


def test_newest_statuses_of_a_hundred_commits_go_out_below_githubs_limits(pipeline: Pipeline) -> None:
    github = pipeline.stack.github
    commits = make_commits(github.repository(SOURCE).bare, MERGES)[1:]
    github.limits.on(lambda: pipeline.clock.now().timestamp())
    for state in ("pending", "success"):
        with pipeline.store.begin() as tx:
            for commit in commits:
                reports.want(
                    tx, repository=Repository(SOURCE), commit=Sha(commit), context="mergeport/dev", run_id="1",
                    state=state, description=state, url="/",
                )  # fmt: skip
    sent = []
    for _ in range(5):
        for _ in range(3):
            send_reports(pipeline.context)
        sent.append(len(github.faults.requests("POST", "/statuses/")))
        pipeline.clock.move(seconds=20)
    assert (sent, github.limits.refused) == ([60, 60, 60, 100, 100], 0)
    assert {github.statuses(SOURCE, commit, "mergeport/dev")[-1].state for commit in commits} == {"success"}


# --- a hundred merges at once --------------------------------------------------------------------


def settle_in(pipeline: Pipeline) -> None:
    """Make a hundred applications, each with a source repository of its own."""
    github = pipeline.stack.github
    for name in NAMES:
        github.create_repository(f"acme/{name}", {"app.py": "print('one')\n"}, branches=["develop"])
        github.add_hook(f"acme/{name}", "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET)
    values = {f"apps/{name}/values-{environment}.yaml": VALUES for name in NAMES for environment in ("dev", "prod")}
    github.push(MANIFESTS, "main", {"mergeport.yaml": CROWD, **values}, "Settle in")
    work(pipeline)


def merge_all(pipeline: Pipeline, branch: str) -> list[str]:
    """Merge into every source, and have the images there; give the commits."""
    digest, registry = Digest(pipeline.push_image("any", repository="crowd")), pipeline.registry()
    found = []
    for name in NAMES:
        commit = pipeline.stack.github.merge(f"acme/{name}", branch, {"app.py": "print('two')\n"}).merge_commit_sha
        assert commit is not None
        registry.add_tag("crowd", digest, commit[:12])
        found.append(commit)
    return found


def work(pipeline: Pipeline) -> None:
    """Do all that is queued, at one moment."""
    pipeline.take_deliveries()
    while pipeline.step():
        pass
    pipeline.take_deliveries()
    while pipeline.step():
        pass


@pytest.mark.prove
@pytest.mark.parametrize(
    ("environment", "branch", "most_calls", "pulls"), [("dev", "develop", 350, 0), ("prod", "main", 1100, MERGES)]
)
def test_a_hundred_merges_at_once_stay_within_githubs_budget(
    pipeline: Pipeline, environment: str, branch: str, most_calls: int, pulls: int
) -> None:
    settle_in(pipeline)
    commits = merge_all(pipeline, branch)
    github = pipeline.stack.github
    github.limits.on(lambda: pipeline.clock.now().timestamp())
    begun = len(github.faults.log)
    work(pipeline)
    for _ in range(15):
        send_reports(pipeline.context)
        pipeline.clock.move(seconds=20)
        pipeline.settle()
    points, content = github.limits.most_in_a_minute()
    assert (github.limits.refused, points <= 900, content <= 80) == (0, True, True)
    assert len(github.faults.log) - begun <= most_calls
    assert len(github.pulls(MANIFESTS, "open")) == pulls
    shown = Counter(
        github.statuses(f"acme/{name}", commit, f"mergeport/{environment}")[-1].state
        for name, commit in zip(NAMES, commits, strict=True)
    )
    assert shown == ({"success": MERGES} if environment == "dev" else {"pending": MERGES})
