"""Every request of a scenario goes wrong once, in every way: what is there at the end must be as if nothing had.

python -m tests.pipeline.at_each_request --server github --scenario dev --seconds 300

For each request that a scenario sends to one server, and for each fault, the scenario is run with that fault at that
request, settled over time, and judged from outside: exactly one commit, the right content, one pull request, runs that
ended as they should, and the status that says so. `test_at_each_request.py` runs a slice of it.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from devstack.ecr import Ecr
from devstack.faults import Answer, Fault, FaultLayer
from devstack.github.runner import Runner
from devstack.stack import WEBHOOK_SECRET, Devstack
from service.core.comments.command_answers import MARK_OF_ANSWERS
from service.core.words import DeliveryState, RunState
from service.errors import RetryableError
from service.pipeline import actions
from service.pipeline.promote.afterwards import follow_all
from service.store import deliveries
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE, VALUES
from tests.fixtures.workflows import PATH, WORKFLOW
from tests.pipeline.harness import Pipeline

PAGE = b"<!DOCTYPE html>\n<html><body>We are down for maintenance.</body></html>\n"
_JSON = (("Content-Type", "application/json; charset=utf-8"),)


@dataclass(slots=True)
class At(Fault):
    """A fault at the request of this number, and at the `times - 1` requests after it."""

    number: int = 0
    seen: int = 0

    def claims(self, method: str, path: str) -> bool:  # noqa: ARG002 - whatever it asks
        """Count the request; tell whether it gets the fault."""
        at, self.seen = self.seen, self.seen + 1
        return self.number <= at < self.number + self.times


def _answers(status: str, body: bytes, *headers: tuple[str, str]) -> Callable[[int, int], At]:
    def make(number: int, times: int) -> At:
        return At("*", re.compile(""), times, answer=Answer(status, headers or _JSON, body), number=number)

    return make


def _cuts(number: int, times: int) -> At:
    return At("*", re.compile(""), times, after=True, cut=True, number=number)


FAULTS: Mapping[str, Callable[[int, int], At]] = {
    "cut": _cuts,
    "500": _answers("500 Internal Server Error", b'{"message": "Server Error"}'),
    "502": _answers("502 Bad Gateway", PAGE, ("Content-Type", "text/html")),
    "404": _answers("404 Not Found", b'{"message": "Not Found"}'),
    "401": _answers("401 Unauthorized", b'{"message": "Bad credentials"}'),
    "page": _answers("200 OK", PAGE, ("Content-Type", "text/html; charset=utf-8")),
    "away": _answers("301 Moved Permanently", b"", ("Location", "https://maintenance.example.com/")),
    "login": _answers("302 Found", b"", ("Location", "https://sso.example.com/login")),
    "empty": _answers("200 OK", b""),
    "null": _answers("200 OK", b"null"),
    "object": _answers("200 OK", b"{}"),
    "list": _answers("200 OK", b"[]"),
    "half": _answers("200 OK", b'{"sha": "'),
    "429": _answers("429 Too Many Requests", b'{"message": "slow down"}', ("Retry-After", "20"), *_JSON),
    "limit": _answers(
        "403 Forbidden",
        b'{"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}',
        ("Retry-After", "30"),
        *_JSON,
    ),
    "saml": _answers("403 Forbidden", b'{"message": "Resource protected by organization SAML enforcement."}', *_JSON),
    "409": _answers("409 Conflict", b'{"message": "Conflict"}'),
    "422": _answers("422 Unprocessable Entity", b'{"message": "Validation Failed", "errors": []}'),
}


@dataclass
class Told:
    """What the judge found wrong in the world."""

    wrong: list[str] = field(default_factory=list)

    def must(self, claim: bool, words: str) -> None:
        """Keep the words of a claim that is false."""
        if not claim:
            self.wrong.append(words)


def _merge(pipeline: Pipeline, branch: str, text: str) -> str:
    pull = pipeline.stack.github.merge(SOURCE, branch, {"app.py": f"print('{text}')\n"}, title=f"Say {text}")
    return pull.merge_commit_sha or ""


def _over_time(pipeline: Pipeline, seconds: int = 150) -> None:
    pipeline.settle(looks=0)
    for _ in range(0, seconds, 15):
        pipeline.clock.move(seconds=15)
        pipeline.settle_live("checkout-dev", "checkout-prod")
        follow_all(pipeline.context)


def _words(pipeline: Pipeline) -> str:
    return "; ".join(f"{run.state} {run.code} {run.message}" for run in pipeline.runs())


# --- scenarios -------------------------------------------------------------------------------------


def dev(pipeline: Pipeline) -> Told:
    """Check that a merge into develop is one commit, which is live."""
    commit = _merge(pipeline, "develop", "two")
    _over_time(pipeline)
    return _judged(pipeline, "dev", {commit: (RunState.SUCCEEDED, "success")})


def built_in_actions(pipeline: Pipeline) -> Told:
    """Check that a merge that GitHub Actions builds is one workflow run and one commit, which is live."""
    github = pipeline.stack.github
    for branch in ("develop", "main"):
        github.repository(SOURCE).bare.commit_files(branch, {PATH: WORKFLOW}, "Add a workflow")
    configuration = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: github-actions}")
    github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "Build in GitHub Actions")
    pipeline.settle(looks=0)

    def push(image: str, tag: str, revision: str) -> None:
        pipeline.push_image(tag, repository=image.partition("/")[2], revision=revision)

    runner = Runner(github, push)
    commit = _merge(pipeline, "develop", "two")
    pipeline.settle()
    for _ in range(30):
        runner.play(SOURCE)
        _over_time(pipeline, 20)
        if all(run.state.ended for run in pipeline.runs()):
            break
    _over_time(pipeline, 60)
    told = _judged(pipeline, "dev", {commit: (RunState.SUCCEEDED, "success")})
    runs = github.repository(SOURCE).workflow_runs
    told.must(len(runs) == 1, f"{len(runs)} runs of the workflow")
    return told


def opened(pipeline: Pipeline) -> Told:
    """Check that a merge into main is one pull request, for which the run waits."""
    commit = _merge(pipeline, "main", "two")
    _over_time(pipeline)
    told = _judged(pipeline, "prod", {commit: (RunState.WAITING, "pending")}, live=False)
    told.must(len(pipeline.stack.github.pulls(MANIFESTS, "open")) == 1, "not one open pull request")
    return told


def rolled(pipeline: Pipeline) -> Told:
    """Check that a newer image, an update of the branch and a merge are one pull request, which is live."""
    first = _merge(pipeline, "main", "two")
    _over_time(pipeline, 45)
    second = _merge(pipeline, "main", "three")
    _over_time(pipeline, 60)
    pipeline.stack.github.push(MANIFESTS, "main", {"README.md": "a person\n"}, "Write")
    open_now = pipeline.stack.github.pulls(MANIFESTS, "open")
    if len(open_now) != 1:
        return Told([f"{len(open_now)} open pull requests before the merge: {_words(pipeline)}"])
    pull = open_now[0]
    pipeline.settle()
    repo = pipeline.stack.github.repository(MANIFESTS)
    if not repo.bare.is_ancestor(repo.bare.tip("main"), pull.head_sha):
        pipeline.stack.github.actions.update_branch(repo, pull, pipeline.stack.github.state.user("carol"))
    _over_time(pipeline, 30)
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, by="carol")
    _over_time(pipeline)
    return _judged(
        pipeline,
        "prod",
        {first: (RunState.SUPERSEDED, "success"), second: (RunState.SUCCEEDED, "success")},
    )


def reopened(pipeline: Pipeline) -> Told:
    """Check that a pull request that was closed, reopened and merged is live through a later generation."""
    commit = _merge(pipeline, "main", "two")
    _over_time(pipeline, 60)
    open_now = pipeline.stack.github.pulls(MANIFESTS, "open")
    if len(open_now) != 1:
        return Told([f"{len(open_now)} open pull requests before it is closed: {_words(pipeline)}"])
    number = open_now[0].number
    pipeline.stack.github.close_pull(MANIFESTS, number)
    _over_time(pipeline, 30)
    pipeline.stack.github.reopen_pull(MANIFESTS, number)
    _over_time(pipeline, 30)
    pipeline.stack.github.merge_pull(MANIFESTS, number, by="carol")
    _over_time(pipeline)
    return _judged(pipeline, "prod", {commit: (RunState.SUCCEEDED, "success")}, others=True)


def cancelled(pipeline: Pipeline) -> Told:
    """Check that cancelling closes the promotion's pull request, and that a retry opens one that is followed."""
    commit = _merge(pipeline, "main", "two")
    _over_time(pipeline, 60)
    run = pipeline.run("prod")
    if run.state.ended:
        return Told([f"{run.state} before it was cancelled: {run.message}"])
    with pipeline.store.begin() as tx:
        actions.cancel(tx, run.id, by="carol", at=pipeline.clock.now())
    pipeline.queue.enqueue_run(pipeline.run("prod"))
    _over_time(pipeline, 90)
    told = Told()
    now = pipeline.run("prod")
    told.must(now.state is RunState.CANCELLED, f"cancelled: {now.state} {now.message}")
    told.must(not pipeline.stack.github.pulls(MANIFESTS, "open"), "its pull request is still open")
    with pipeline.store.begin() as tx:
        again = actions.retry(tx, now.id, by="carol", at=pipeline.clock.now())
    pipeline.queue.enqueue_run(again)
    _over_time(pipeline, 60)
    open_now = pipeline.stack.github.pulls(MANIFESTS, "open")
    if len(open_now) != 1:
        return Told([*told.wrong, f"{len(open_now)} open pull requests after the retry: {_words(pipeline)}"])
    pipeline.stack.github.merge_pull(MANIFESTS, open_now[0].number, by="carol")
    _over_time(pipeline)
    told.wrong += _judged(pipeline, "prod", {commit: (RunState.SUCCEEDED, "success")}, others=True, pulls=2).wrong
    return told


def locked(pipeline: Pipeline) -> Told:
    """Check that a locked environment gets nothing, and its commit when it is unlocked; each action is one commit."""
    told = Told()
    asked = actions.Asked(by="carol", at=pipeline.clock.now(), why="incident 42")
    _asked_until_done(pipeline, told, lambda: actions.lock(pipeline.context, asked, environment="dev"))
    commit = _merge(pipeline, "develop", "two")
    _over_time(pipeline, 60)
    bare = pipeline.stack.git.open(MANIFESTS)
    told.must(bare.text("main", "apps/checkout/values-dev.yaml") == VALUES, "something went in")
    again = actions.Asked(by="carol", at=pipeline.clock.now(), why="it is over")
    _asked_until_done(pipeline, told, lambda: actions.unlock(pipeline.context, again, environment="dev"))
    _over_time(pipeline)
    count = bare.git("rev-list", "--count", "mergeport/state").strip()
    told.must(count == "2", f"{count} commits of two actions")
    told.wrong += _judged(pipeline, "dev", {commit: (RunState.SUCCEEDED, "success")}).wrong
    return told


def rolled_back(pipeline: Pipeline) -> Told:
    """Check that going back is one commit and one hold, and that what was gone back from stays away."""
    told, bare = Told(), pipeline.stack.git.open(MANIFESTS)
    first = _merge(pipeline, "develop", "two")
    _over_time(pipeline, 60)
    second = _merge(pipeline, "develop", "three")
    _over_time(pipeline)
    asked = actions.Asked(by="carol", at=pipeline.clock.now(), why="payments fail")
    _asked_until_done(
        pipeline, told, lambda: actions.rollback(pipeline.context, asked, application="checkout", environment="dev")
    )
    _over_time(pipeline)
    text = bare.text("main", "apps/checkout/values-dev.yaml")
    told.must(first[:7] in text and second[:7] not in text, f"it did not go back: {text} {_words(pipeline)}")
    found = bare.git("log", "--format=%h", f"--grep=^Mergeport-Rollback: {second}", "main").split()
    told.must(len(found) == 1, f"{len(found)} commits that go back")
    held = bare.git("rev-list", "--count", "mergeport/state").strip()
    told.must(held == "1", f"{held} commits of one hold")
    return told


def asked_in_comments(pipeline: Pipeline) -> Told:
    """Check that what is asked for in comments is done once and answered in one comment."""
    told, github = Told(), pipeline.stack.github
    github.add_hook(SOURCE, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET, ["issue_comment"])
    github.grant(SOURCE, "alice", "write")
    first = _merge(pipeline, "develop", "two")
    _over_time(pipeline, 60)
    pull = github.open_pull(SOURCE, "develop", "main")
    github.comment(SOURCE, pull.number, "/mergeport hold prod --reason x\n/mergeport rollback dev --reason y")
    _over_time(pipeline, 60)
    github.comment(SOURCE, pull.number, "/mergeport unhold prod")
    _over_time(pipeline)
    ours = [one.body for one in github.comments(SOURCE, pull.number) if one.body.startswith(MARK_OF_ANSWERS)]
    told.must(len(ours) == 1, f"{len(ours)} comments with answers")
    body = ours[0].replace("\\", "") if ours else ""
    for words in ("checkout in prod is held", "checkout in prod is not held any more"):
        told.must(body.count(words) == 1, f"not answered with {words}: {body}")
    count = pipeline.stack.git.open(MANIFESTS).git("rev-list", "--count", "mergeport/state").strip()
    told.must(count == "2", f"{count} commits of two actions")
    told.wrong += _judged(pipeline, "dev", {first: (RunState.SUCCEEDED, "success")}).wrong
    return told


_NAMES = ("billing", "catalog", "checkout")


def _begin_group(pipeline: Pipeline, policy: str = "") -> str:
    """Have three applications share a pull request to prod, and give the commit that they are to bring there."""
    together = CONFIGURATION.replace("    publish: pull-request", "    publish: pull-request\n    group: environment")
    together = together.replace('argocd: "{application}-{environment}"', "argocd: false")
    together = together.replace("pull_request: {", f"pull_request: {{{policy}")
    others = "".join(f"  {name}: {{source: {SOURCE}}}\n" for name in _NAMES[:2])
    files = {f"apps/{name}/values-{one}.yaml": VALUES for name in _NAMES for one in ("dev", "stage", "prod")}
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": together + others, **files}, "Begin")
    pipeline.settle(looks=0)
    return _merge(pipeline, "main", "two")


def merged_together(pipeline: Pipeline) -> Told:
    """Check that a pull request that three applications share is merged by us, once, with a commit each."""
    commit = _begin_group(pipeline, "auto_merge: mergeport, merge_method: rebase, draft: true, gate_labels: true, ")
    _over_time(pipeline)
    return _judged_group(pipeline, commit)


def grouped(pipeline: Pipeline) -> Told:
    """Check that three applications share one pull request with a commit each, also after one of them was held."""
    told, stack = Told(), pipeline.stack
    commit = _begin_group(pipeline)
    _over_time(pipeline, 60)
    asked = actions.Asked(by="carol", at=pipeline.clock.now(), why="incident 42")
    name, environment = "catalog", "prod"
    _asked_until_done(
        pipeline, told, lambda: actions.hold(pipeline.context, asked, application=name, environment=environment)
    )
    _over_time(pipeline, 60)
    bare = stack.git.open(MANIFESTS)
    heads = [pull.head_sha for pull in stack.github.pulls(MANIFESTS, "open")]
    subjects = [bare.git("log", "--format=%s", f"main..{head}").split("\n") for head in heads]
    told.must([len(one) for one in subjects] == [2], f"on the pull request without catalog: {subjects}")
    again = actions.Asked(by="carol", at=pipeline.clock.now(), why="it is over")
    _asked_until_done(
        pipeline, told, lambda: actions.unhold(pipeline.context, again, application=name, environment=environment)
    )
    _over_time(pipeline, 60)
    for pull in stack.github.pulls(MANIFESTS, "open"):
        stack.github.merge_pull(MANIFESTS, pull.number, by="carol", method="merge")
    _over_time(pipeline)
    told.wrong += _judged_group(pipeline, commit).wrong
    return told


def _judged_group(pipeline: Pipeline, commit: str) -> Told:
    told, stack = Told(), pipeline.stack
    bare = stack.git.open(MANIFESTS)
    found = bare.git("log", "--format=%s", f"--grep=^Source-Commit: {commit}", "main").split("\n")
    wanted = sorted(f"Promote {name} {commit[:12]} to prod" for name in _NAMES)
    told.must(sorted(found) == wanted, f"commits on main: {found}; {_words(pipeline)}")
    told.must(len(stack.github.pulls(MANIFESTS, "all")) == 1, f"{len(stack.github.pulls(MANIFESTS))} pull requests")
    states = [run.state for run in pipeline.runs() if run.environment == "prod"]
    told.must(states == [RunState.SUCCEEDED] * 3, _words(pipeline))
    return told


def _asked_until_done(pipeline: Pipeline, told: Told, act: Callable[[], object]) -> None:
    """Repeat an action, as a person does who is told that it was not surely done."""
    for _ in range(5):
        try:
            act()
        except RetryableError:
            pipeline.clock.move(seconds=15)
        else:
            return
    told.must(claim=False, words="the action is never done")


SCENARIOS: Mapping[str, Callable[[Pipeline], Told]] = {
    "dev": dev,
    "built_in_actions": built_in_actions,
    "opened": opened,
    "rolled": rolled,
    "reopened": reopened,
    "cancelled": cancelled,
    "locked": locked,
    "rolled_back": rolled_back,
    "asked_in_comments": asked_in_comments,
    "grouped": grouped,
    "merged_together": merged_together,
}


def _judged(
    pipeline: Pipeline,
    environment: str,
    wanted: Mapping[str, tuple[RunState, str]],
    *,
    live: bool = True,
    others: bool = False,
    pulls: int = 1,
) -> Told:
    told = Told()
    stack = pipeline.stack
    bare = stack.git.open(MANIFESTS)
    all_runs = [run for run in pipeline.runs() if run.environment == environment]
    told.must(
        others or len(all_runs) == len(wanted), f"{len(all_runs)} runs: {[(r.state, r.message) for r in all_runs]}"
    )
    for commit, (state, status) in wanted.items():
        of_commit = [run for run in all_runs if run.commit == commit]
        newest = max(of_commit, key=lambda run: run.generation, default=None)
        said = f"{newest.state} {newest.code} {newest.message}" if newest else "none"
        told.must(newest is not None and newest.state == state, f"run of {commit[:7]}: {said}, not {state}")
        statuses = stack.github.statuses(SOURCE, commit, f"mergeport/{environment}")
        now = statuses[-1] if statuses else None
        told.must(
            now is not None and now.state == status,
            f"status of {commit[:7]}: {now.state + ' ' + (now.description or '') if now else 'none'}, not {status}",
        )
    newest_commit = list(wanted)[-1]
    file = f"apps/checkout/values-{environment}.yaml"
    text = bare.text("main", file)
    changed = [a == b for a, b in zip(text.splitlines(), VALUES.splitlines(), strict=False)].count(False)
    if live:
        told.must(newest_commit[:7] in text, f"{file} has not {newest_commit[:7]}: {text}")
        told.must((changed, len(text.splitlines())) == (3, len(VALUES.splitlines())), f"other lines changed: {text}")
        found = bare.git("log", "--format=%h", f"--grep=^Source-Commit: {newest_commit}", "main").split()
        told.must(len(found) == 1, f"{len(found)} commits of it on main")
    else:
        told.must(changed == 0, f"main has changed: {text}")
    told.must(
        environment == "dev" or len(stack.github.pulls(MANIFESTS, "all")) == pulls,
        f"{len(stack.github.pulls(MANIFESTS, 'all'))} pull requests",
    )
    with pipeline.store.read() as tx:
        for one in deliveries.newest(tx):
            told.must(
                one.state in {DeliveryState.PROCESSED, DeliveryState.IGNORED},
                f"delivery {one.event}: {one.state} {one.reason}",
            )
    return told


# --- driving ---------------------------------------------------------------------------------------


@contextmanager
def pipeline_in(directory: Path, ecr: Ecr) -> Iterator[Pipeline]:
    """Give a pipeline in a world of its own, with hooks."""
    ecr.reset()
    with Devstack(directory / "devstack", ecr=ecr) as stack:
        stack.create_repository(
            SOURCE,
            {"Dockerfile": "FROM scratch\nCOPY app.py /app.py\n", "app.py": "print('one')\n"},
            branches=["develop", "main"],
        )
        environments = ("dev", "stage", "prod")
        values = {f"apps/checkout/values-{one}.yaml": VALUES for one in environments}
        stack.create_repository(MANIFESTS, {"mergeport.yaml": CONFIGURATION, **values})
        stack.argocd.add_application_set(MANIFESTS)
        for name, value in stack.environment().items():
            if name.startswith("AWS_"):
                os.environ[name] = value
        for repository in (SOURCE, MANIFESTS):
            stack.github.add_hook(repository, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET)
        one = Pipeline(stack, directory / "state")
        try:
            yield one
        finally:
            one.close()


def layer(pipeline: Pipeline, server: str) -> FaultLayer:
    """Give the fault layer in front of a server."""
    stack = pipeline.stack
    layers = {"github": stack.github.faults, "git": stack.git.faults, "argocd": stack.argocd.faults}
    return layers.get(server, stack.ecr.faults)


def perform(
    scenario: str, server: str, ecr: Ecr, *, fault: str = "", number: int = 0, times: int = 1
) -> tuple[Told, str, int]:
    """Run one scenario with one fault; give the judgement, the request that it hit and the number of requests."""
    with tempfile.TemporaryDirectory(prefix="mergeport-each-") as directory, pipeline_in(Path(directory), ecr) as one:
        faults = layer(one, server)
        begin = len(faults.log)
        if fault:
            faults.plant(FAULTS[fault](number, times))
        try:
            told = SCENARIOS[scenario](one)
        except Exception as error:  # noqa: BLE001 - the scenario is judged, not this script
            told = Told([f"raised {error!r}", *traceback.format_exc().splitlines()[-8:]])
        seen = faults.log[begin:]
        hit = f"{seen[number].method} {seen[number].path}?{seen[number].query}" if number < len(seen) else "-"
        faults.clear()
        return told, hit, len(seen)


def _say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - a script's words


def main() -> int:
    """Run all of them, or those that fit into the time."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--server", choices=["github", "git", "registry", "argocd"], nargs="+", default=["github"])
    options.add_argument("--scenario", choices=list(SCENARIOS), nargs="+", default=list(SCENARIOS))
    options.add_argument("--fault", nargs="+", default=list(FAULTS))
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--times", type=int, default=1)
    options.add_argument("--number", type=int, nargs="+")
    options.add_argument("--seed", type=int, default=0)
    asked = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    end = time.monotonic() + asked.seconds
    bad = done = 0
    with tempfile.TemporaryDirectory() as directory:
        ecr = Ecr(Path(directory))
        try:
            todo = []
            for scenario in asked.scenario:
                for server in asked.server:
                    told, _, requests = perform(scenario, server, ecr)
                    _say("plain", scenario, server, requests, told.wrong)
                    numbers = asked.number or range(requests)
                    todo += [(scenario, server, fault, number) for number in numbers for fault in asked.fault]
            random.Random(asked.seed).shuffle(todo)  # noqa: S311 - no secret
            _say(len(todo), "to do")
            for scenario, server, fault, number in todo:
                if time.monotonic() > end:
                    break
                told, hit, _ = perform(scenario, server, ecr, fault=fault, number=number, times=asked.times)
                done += 1
                if told.wrong:
                    bad += 1
                    _say("WRONG", scenario, server, fault, number, hit, "\n   ".join(["", *told.wrong]))
        finally:
            ecr.stop()
    _say(done, "of", len(todo), "tried;", bad, "wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
